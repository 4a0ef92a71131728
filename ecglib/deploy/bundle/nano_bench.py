"""Times the networks of a bundle on the device it was copied to: run it in that folder.

Needs Python 3.6, NumPy, and TensorRT (its module or trtexec), PyTorch 1.9 or ONNX Runtime.
"""

import argparse
import glob
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import threading
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BATCHES = (1, 16, 64)
SENSORS = "/sys/bus/i2c/drivers"


def verified_bundle(folder=HERE):
    """The manifest of a bundle; ends the run if one of its files is missing or changed."""
    try:
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
    except (OSError, ValueError):
        raise SystemExit("manifest.json is missing or damaged; copy the bundle again") from None
    for name, digest in sorted(manifest["files"].items()):
        try:
            with open(os.path.join(folder, name), "rb") as file:
                found = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            raise SystemExit(f"{name} is missing; copy the bundle again") from None
        if found != digest:
            raise SystemExit(f"{name} is not as it was written; copy the bundle again")
    return manifest


def text_of(path):
    """What a small system file says, "" where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""


def power_mode():
    """What a Jetson's nvpmodel says of its power mode, None elsewhere."""
    command = ["nvpmodel", "-q"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError:
        return None
    return done.stdout.decode("utf-8", "replace").strip()


def describe_machine():
    """Board, processor and versions, as JSON takes them."""
    pairs = [line.partition(":") for line in text_of("/proc/cpuinfo").splitlines()]
    cpu = {key.strip(): value.strip() for key, _, value in pairs}
    flags = (cpu.get("flags") or cpu.get("Features") or "").split()
    telling = ("avx", "fma", "amx", "sse4", "f16c", "asimd", "neon", "fphp")
    release = text_of("/etc/nv_tegra_release")
    return {
        "model": text_of("/proc/device-tree/model") or None,
        "platform": platform.platform(),
        "cpu": cpu.get("model name") or platform.machine(),
        "cpu_flags": [flag for flag in flags if flag.startswith(telling) or "vnni" in flag],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "l4t": release.partition("\n")[0] or None,
        "nvpmodel": power_mode(),
    }


def write_json(path, content):
    """Write a file whole or not at all."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    os.replace(path + ".part", path)


def power_rails(root=SENSORS):
    """Files of the INA3221 power sensors of a Jetson.

    Parameters
    ----------
    root : str
        Folder of the drivers of the I2C bus.

    Returns
    -------
    dict of str to list of str
        Rail -> the file of its mW (Nano), or those of its mV and mA (Orin).
    """
    rails = {}
    for path in sorted(glob.glob(root + "/ina3221x/*/iio:device*/in_power*_input")):
        folder, number = os.path.dirname(path), re.search(r"power(\d+)", path).group(1)
        name = text_of(f"{folder}/rail_name_{number}")
        rails[name or f"rail {number}"] = [path]
    # numbers above 3 are voltages over the shunts, and their sum
    for path in sorted(glob.glob(root + "/ina3221/*/hwmon/hwmon*/in[1-3]_input")):
        folder, number = os.path.dirname(path), os.path.basename(path)[2]
        name = text_of(f"{folder}/in{number}_label")
        rails[name or f"rail {number}"] = [path, f"{folder}/curr{number}_input"]
    return rails


class PowerMeter:
    """Reads the power sensors ten times a second in a `with` block."""

    def __init__(self, root=SENSORS):
        self.rails, self.samples, self.done = power_rails(root), {}, threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def _sample(self):
        while self.rails:
            for rail, paths in self.rails.items():
                texts = [text_of(path) for path in paths]
                if all(text.isdigit() for text in texts):
                    product = np.prod([float(text) for text in texts])
                    milliwatts = product / 1e3 ** (len(texts) - 1)  # of mV and mA, or mW
                    self.samples.setdefault(rail, []).append(milliwatts)
            if self.done.wait(0.1):
                return

    def summary(self):
        """Mean mW of each rail, or why there is none."""
        if self.samples:
            return {"rails": {rail: float(np.mean(mw)) for rail, mw in self.samples.items()}}
        return {"reason": "this machine has no INA3221 power sensor that can be read"}


def peak_memory_mb():
    """Most that this process or one it started held, plus PyTorch's most on a GPU."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    torch = sys.modules.get("torch")
    gpu = torch.cuda.max_memory_allocated() if torch and torch.cuda.is_available() else 0
    return max(resource.getrusage(one).ru_maxrss for one in who) / 2**10 + gpu / 2**20


def measure_networks(runtime, networks, seconds):
    """Time networks at all batch sizes; ends the run where one computes something else.

    Parameters
    ----------
    runtime : object
        From `nano_runtimes.chosen_runtime`.
    networks : list of dict
        Of the manifest.
    seconds : float
        For each network and batch size.

    Returns
    -------
    tuple of (list of dict, list of dict)
        What was measured, and what was not with the reason.
    """
    import nano_runtimes  # lies beside this file, not in the package that it is part of

    paths = (os.path.join(HERE, name) for name in ("beats.npz", "expected.npz"))
    beats, expected = (np.load(path, allow_pickle=False) for path in paths)
    measured, unsupported = [], []
    for entry in networks:
        name, row = entry["name"], {"network": entry["name"], "precision": entry["precision"]}
        inputs = {kind: beats[f"{name}_{kind}"] for kind in entry["inputs"]}
        right = expected[f"{name}_{entry['precision']}"]
        try:
            runtime.load(entry, inputs)
            for batch in BATCHES:
                some = {kind: array[:batch] for kind, array in inputs.items()}
                logits, times = runtime.measure(some, seconds)
                row["max_difference"] = checked(logits, right, entry)
                measured.append(dict(row, batch=batch, **summary(times, batch)))
                print(
                    "{network} {precision}, {batch} beats: {p50_ms:.3f} ms".format(
                        **measured[-1]
                    )
                )
        except nano_runtimes.UnsupportedError as error:
            unsupported.append(dict(row, reason=str(error)))
            print("{network} {precision}: {reason}".format(**unsupported[-1]))
    return measured, unsupported


def checked(logits, right, entry):
    """Largest difference to the expected logits over the largest of these, if tolerable."""
    difference = np.max(np.abs(logits - right[: len(logits)])) / np.max(np.abs(right))
    if not difference <= entry["tolerance"]:  # not a number either
        raise SystemExit(
            f"{entry['file']} computes other logits than expected: they differ by "
            f"{difference:.2g} of the largest, {entry['tolerance']:g} are tolerated"
        )
    return float(difference)


def summary(times, batch):
    """Percentiles of the milliseconds of calls, and beats per second."""
    ranks = (50, 95, 99)
    row = {f"p{rank}_ms": float(np.percentile(times, rank)) for rank in ranks}
    return dict(row, beats_per_s=float(1e3 * batch / np.mean(times)), calls=len(times))


def main():
    """Verify the bundle, time its networks, write the JSON file."""
    import nano_runtimes

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="device.json", help="file to write (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=2.0,
        help="time of each network at each batch size (%(default)s)",
    )
    parser.add_argument(
        "--runtime",
        choices=["auto", *nano_runtimes.RUNTIMES],
        default="auto",
        help="what computes the networks; auto is the first of the others that is there",
    )
    options = parser.parse_args()
    manifest = verified_bundle()
    runtime = nano_runtimes.chosen_runtime(options.runtime)
    if os.path.exists(options.out):
        os.remove(options.out)  # an earlier result must not pass for one of this run
    with PowerMeter() as meter:
        found = measure_networks(runtime, manifest["networks"], options.seconds)
    measured, unsupported = found
    if not measured:
        raise SystemExit(f"{runtime.label} runs none of the networks, see above")
    result = {
        "format": 1,
        "bundle": manifest["bundle"],
        "machine": describe_machine(),
        "runtime": runtime.label,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        "peak_memory_mb": peak_memory_mb(),
        "power": meter.summary(),
        "measured": measured,
        "unsupported": unsupported,
    }
    write_json(options.out, result)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
