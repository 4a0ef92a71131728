"""Runtimes that compute the networks of a bundle: TensorRT, trtexec, PyTorch, ONNX Runtime."""

import ctypes
import ctypes.util
import json
import math
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST_CALLS = 30
WARM_UP_S = 0.2
SLOW = {"fp16": "the GPU has no 16-bit arithmetic", "int8": "the GPU has no 8-bit arithmetic"}


class UnsupportedError(Exception):
    """Why one network cannot be timed here."""


class InProcess:
    """A runtime that is called from here: arrays in, logits out."""

    def measure(self, inputs, seconds):
        """Logits of a batch, and the milliseconds of every call."""
        logits, warm = self(inputs), time.perf_counter() + WARM_UP_S
        while time.perf_counter() < warm:
            self(inputs)
        times, end = [], time.perf_counter() + seconds
        while len(times) < LEAST_CALLS or time.perf_counter() < end:
            start = time.perf_counter()
            self(inputs)
            times.append(1e3 * (time.perf_counter() - start))
        return logits, times


class TensorRT(InProcess):
    """TensorRT's module; the GPU's memory comes from the CUDA runtime library."""

    def __init__(self):
        import tensorrt

        self.trt, self.label = tensorrt, f"tensorrt {tensorrt.__version__}"
        self.log = tensorrt.Logger(tensorrt.Logger.ERROR)
        self.builder = tensorrt.Builder(self.log)
        library = ctypes.util.find_library("cudart") or "/usr/local/cuda/lib64/libcudart.so"
        self.cuda, pointer, size = ctypes.CDLL(library), ctypes.c_void_p, ctypes.c_size_t
        self.cuda.cudaMalloc.argtypes = [ctypes.POINTER(pointer), size]
        self.cuda.cudaMemcpy.argtypes = [pointer, pointer, size, ctypes.c_int]

    def load(self, entry, inputs):
        """Build the engine of a network for batches up to that of `inputs`."""
        if not getattr(self.builder, "platform_has_fast_" + entry["precision"], True):
            raise UnsupportedError(SLOW[entry["precision"]])
        flag = int(self.trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
        network = self.builder.create_network(1 << flag)
        parser = self.trt.OnnxParser(network, self.log)
        with open(os.path.join(HERE, entry["file"]), "rb") as file:
            if not parser.parse(file.read()):
                raise UnsupportedError(f"TensorRT cannot read it: {parser.get_error(0).desc()}")
        plan = self.builder.build_serialized_network(network, self._config(entry, inputs))
        if plan is None:
            raise UnsupportedError("TensorRT builds no engine of it")
        self.engine = self.trt.Runtime(self.log).deserialize_cuda_engine(plan)
        self.context = self.engine.create_execution_context()
        if hasattr(self.engine, "num_io_tensors"):  # TensorRT 8.5 and later
            numbers, name_of = range(self.engine.num_io_tensors), self.engine.get_tensor_name
        else:
            numbers, name_of = range(self.engine.num_bindings), self.engine.get_binding_name
        self.names = [name_of(number) for number in numbers]
        sizes = {name: array.nbytes for name, array in inputs.items()}
        self.memory = {n: self._allocated(sizes.get(n, 2**12)) for n in self.names}

    def _config(self, entry, inputs):
        config = self.builder.create_builder_config()
        if hasattr(config, "set_memory_pool_limit"):  # TensorRT 8.4 and later
            config.set_memory_pool_limit(self.trt.MemoryPoolType.WORKSPACE, 2**26)
        else:
            config.max_workspace_size = 2**26
        config.clear_flag(self.trt.BuilderFlag.TF32)  # fp32 shall be fp32
        if entry["precision"] != "fp32":
            config.set_flag(getattr(self.trt.BuilderFlag, entry["precision"].upper()))
        profile = self.builder.create_optimization_profile()
        for name, array in inputs.items():
            profile.set_shape(name, *[(n, *array.shape[1:]) for n in (1, 16, len(array))])
        config.add_optimization_profile(profile)
        return config

    def _allocated(self, n_bytes):
        pointer = ctypes.c_void_p()
        self._check(self.cuda.cudaMalloc(ctypes.byref(pointer), n_bytes))
        return pointer.value

    def _check(self, status):
        if status != 0:
            raise SystemExit(f"the CUDA runtime failed with status {status}")

    def __call__(self, inputs):
        for name, array in inputs.items():
            if hasattr(self.context, "set_input_shape"):
                self.context.set_input_shape(name, array.shape)
            else:
                self.context.set_binding_shape(self.names.index(name), array.shape)
            data, to_device = array.ctypes.data, 1
            self._check(self.cuda.cudaMemcpy(self.memory[name], data, array.nbytes, to_device))
        if not self.context.execute_v2([self.memory[name] for name in self.names]):
            raise SystemExit("TensorRT failed to compute a network")
        logits, to_host = np.empty((len(inputs["beat"]), 3), np.float32), 2
        source = self.memory["logits"]
        self._check(self.cuda.cudaMemcpy(logits.ctypes.data, source, logits.nbytes, to_host))
        return logits


class Trtexec:
    """TensorRT's command-line program, which reads our beats and writes its outputs."""

    def __init__(self):
        self.path = shutil.which("trtexec") or "/usr/src/tensorrt/bin/trtexec"
        if not os.path.isfile(self.path):
            raise OSError("there is no program trtexec")
        self.label, self.folder = "trtexec", tempfile.TemporaryDirectory()

    def load(self, entry, inputs):
        """Build the engine of a network for batches up to that of `inputs`."""
        exact = {"fp32": "--noTF32", "fp16": "--fp16", "int8": "--int8"}
        self.options = [exact[entry["precision"]]]
        sizes = [("min", 1), ("opt", 16), ("max", len(inputs["beat"]))]
        printed = self._run(
            "--onnx=" + os.path.join(HERE, entry["file"]),
            "--saveEngine=" + self._file("engine"),
            *[f"--{name}Shapes={self._shapes(inputs, n)}" for name, n in sizes],
            "--iterations=1",
            "--duration=0",
            "--warmUp=0",
        )
        if "without native" in printed:  # "... support requested on hardware without native"
            raise UnsupportedError(SLOW[entry["precision"]])

    def measure(self, inputs, seconds):
        """Logits of a batch, and the milliseconds of every call, copies included."""
        for name, array in inputs.items():
            array.tofile(self._file(name))
        self._run(
            "--loadEngine=" + self._file("engine"),
            "--shapes=" + self._shapes(inputs, len(inputs["beat"])),
            "--loadInputs=" + ",".join(f"{name}:{self._file(name)}" for name in inputs),
            "--exportOutput=" + self._file("output.json"),
            "--exportTimes=" + self._file("times.json"),
            f"--warmUp={1e3 * WARM_UP_S:.0f}",
            f"--duration={math.ceil(seconds)}",
            f"--iterations={LEAST_CALLS}",
        )
        with open(self._file("output.json")) as file:
            values = next(o["values"] for o in json.load(file) if o["name"] == "logits")
        with open(self._file("times.json")) as file:
            calls = json.load(file)
        # older versions list the calls of the warm-up too
        begin = calls[0]["startComputeMs"] + 1e3 * WARM_UP_S
        n_warm = sum(call["startComputeMs"] > begin for call in calls)
        times = [call["latencyMs"] for call in calls[-max(n_warm, LEAST_CALLS) :]]
        return np.array(values, np.float32).reshape(len(inputs["beat"]), -1), times

    def _file(self, name):
        return os.path.join(self.folder.name, name)

    def _shapes(self, inputs, n_beats):
        shapes = {name: (n_beats, *array.shape[1:]) for name, array in inputs.items()}
        return ",".join(f"{name}:{'x'.join(map(str, s))}" for name, s in shapes.items())

    def _run(self, *options):
        command, pipe = [self.path, *options, *self.options], subprocess.PIPE
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.STDOUT)
        printed = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            errors = [line for line in printed.splitlines() if "[E]" in line]
            raise UnsupportedError("trtexec: " + (errors or ["it stopped without a word"])[0])
        version = re.search(r"TensorRT v(\d+)", printed)
        self.label = f"trtexec {version.group(1)}" if version else self.label
        return printed


class Torch(InProcess):
    """PyTorch, on the GPU if there is one."""

    def __init__(self):
        from nano_online import pytorch

        self.torch, self.device = pytorch()
        self.label = f"torch {self.torch.__version__} on {self.device}"

    def load(self, entry, _):
        """Make the network of a manifest's entry."""
        from nano_online import network_of

        if entry["precision"] == "int8":
            raise UnsupportedError("8-bit networks run in TensorRT and ONNX Runtime only")
        if entry["precision"] == "fp16" and self.device == "cpu":
            raise UnsupportedError("PyTorch has no fast 16-bit arithmetic on a processor")
        self.dtype = {"fp32": self.torch.float32, "fp16": self.torch.float16}[
            entry["precision"]
        ]
        self.network = network_of(entry).to(self.device, self.dtype)

    def __call__(self, inputs):
        with self.torch.no_grad():
            arrays = [self.torch.from_numpy(array) for array in inputs.values()]
            logits = self.network(*[array.to(self.device, self.dtype) for array in arrays])
            return logits.float().cpu().numpy()


def has_vnni():
    """Whether an x86 processor adds products of bytes in 32 bits."""
    try:
        with open("/proc/cpuinfo") as file:
            return "vnni" in file.read()
    except OSError:  # not Linux: the slower way is right everywhere
        return False


class OnnxRuntime(InProcess):
    """ONNX Runtime on the processor."""

    def __init__(self):
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it would report to its maker
        import onnxruntime

        self.module, self.label = onnxruntime, f"onnxruntime {onnxruntime.__version__}"

    def load(self, entry, _):
        """Open the file of a manifest's entry."""
        options = self.module.SessionOptions()
        x86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
        if x86 and not has_vnni():  # adds 8-bit products in 16 bits and clips, unless told
            options.add_session_config_entry("session.x64quantprecision", "1")
        path, providers = os.path.join(HERE, entry["file"]), ["CPUExecutionProvider"]
        self.session = self.module.InferenceSession(path, options, providers=providers)

    def __call__(self, inputs):
        return self.session.run(None, inputs)[0]


RUNTIMES = {
    "tensorrt": TensorRT,
    "trtexec": Trtexec,
    "torch": Torch,
    "onnxruntime": OnnxRuntime,
}


def chosen_runtime(name):
    """The named runtime, or under "auto" the first that this machine has."""
    reasons = []
    for key in [name] if name != "auto" else RUNTIMES:
        try:
            return RUNTIMES[key]()
        except (ImportError, OSError, RuntimeError, TypeError) as error:  # no module or driver
            reasons.append(f"{key} ({error})")
    raise SystemExit("no runtime works on this machine: " + "; ".join(reasons))
