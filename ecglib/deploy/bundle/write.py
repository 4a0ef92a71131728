"""Export of a folder with everything that a small device needs to time the networks."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch

from ecglib.data.beats import cut_beats
from ecglib.data.inputs import normalize
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.synthetic import VERSION, write_records
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.layers import weight_layers
from ecglib.models.micronet import MicroNet
from ecglib.quant import calibrate, fold_batchnorm, freeze_ranges, quantize
from ecglib.system.errors import UserError
from ecglib.system.files import check_folder, written

FORMAT = 1
"""Version of the manifest's format."""

SEED = 7
"""Seed of ECGNet's random weights."""

N_BEATS = 64
"""Number of beats with which the networks are timed."""

SCRIPTS = ("nano_bench.py", "nano_runtimes.py", "nano_online.py")
TOLERANCE = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
"""Largest difference of logits that is tolerated, as a share of the largest logit. Runtimes may
round an 8-bit activation to neighbouring steps."""

_DEPLOY = Path(__file__).parent
_WEIGHTS = {"ecgnet": "seeded random, latency only", "micronet": "shipped"}


def identity():
    """Identity of the bundles of this version, 16 hexadecimal digits.

    It depends on the networks, the beats' generator and the scripts (their text included), not
    on versions of other libraries.
    """
    sources = [(_DEPLOY / name).read_bytes() for name in SCRIPTS]
    sources += [shipped.WEIGHTS.read_bytes(), repr((FORMAT, SEED, N_BEATS, VERSION)).encode()]
    digests = [hashlib.sha256(source).hexdigest() for source in sources]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def export_bundle(folder):
    """Write networks, beats, expected outputs, scripts and C code into a folder.

    Parameters
    ----------
    folder : Path
        Target, which must be empty; it is made if it does not exist.

    Returns
    -------
    str
        One line about what was written.

    Raises
    ------
    UserError
        If the folder is not empty or cannot be written.
    """
    folder = Path(folder)
    check_folder(folder)
    if any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new folder")
    try:
        networks, inputs = _networks(), _beats()
        entries, expected = [], {}
        for name, (fp32, int8) in networks.items():
            arrays = [a for key, a in inputs.items() if key.startswith(name)]
            rows = _write_network(folder, name, fp32, int8, arrays)
            entries += [row for row, _ in rows]
            expected |= {f"{name}_{row['precision']}": logits for row, logits in rows}
        np.savez(folder / "beats.npz", **inputs)
        np.savez(folder / "expected.npz", **expected)
        network = shipped.load()
        prior = replay.prior_of(network, shipped.WEIGHTS)
        write_c(network.program(), folder, "micronet", prior)
        for name in (*SCRIPTS, "README.md"):
            source = _DEPLOY / ("bundle.md" if name == "README.md" else name)
            shutil.copyfile(source, folder / name)
        _write_manifest(folder, entries)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    n_bytes = sum(path.stat().st_size for path in folder.iterdir())
    return f"{folder}: bundle {identity()}, {n_bytes / 1e6:.1f} MB; its README says what to do"


def _networks():
    """Networks in fp32 and in 8-bit integers, by name."""
    torch.manual_seed(SEED)
    ecgnet = ECGNet(ECGNetConfig()).eval()
    rounded = quantize(ecgnet, "all_int8")
    calibrate(rounded, torch.from_numpy(_beats()["ecgnet_beat"]))
    freeze_ranges(rounded)
    integers = shipped.load().model
    micronet = MicroNet(integers.config).eval()
    fold_batchnorm(micronet)
    layers = weight_layers(micronet)
    for name, layer in weight_layers(integers).items():
        layers[name].weight.data, layers[name].bias.data = layer.weight.data, layer.bias.data
    return {"ecgnet": (ecgnet, rounded), "micronet": (micronet, integers)}


def _beats():
    """Inputs of both networks from invented beats."""
    with tempfile.TemporaryDirectory() as folder:
        write_records(folder, [100], seed=SEED, minutes=2)
        record = read_record(folder, 100, "MLII")
    beats = cut_beats([record], {"before": 150, "after": 150, "length": 300}, "keep")
    micro = micro_inputs(record, shipped.load().features)
    kept = slice(N_BEATS)
    return {
        "ecgnet_beat": normalize(beats.signal, beats.record, "zscore")[kept],
        "micronet_beat": micro.x.numpy()[kept],
        "micronet_rr": micro.rr.numpy()[kept],
    }


def _write_network(folder, name, fp32, int8, arrays):
    """Write the files of one network; returns its entries of the manifest.

    An entry has the expected logits.
    """
    paths = {precision: folder / f"{name}_{precision}.onnx" for precision in TOLERANCE}
    export_onnx(fp32, paths["fp32"], "none")
    _write_half(paths["fp32"], paths["fp16"])
    export_onnx(int8, paths["int8"], "all_int8")
    recipe = _recipe_of(fp32)
    weights = {k: v.detach().numpy() for k, v in fp32.named_parameters()}
    np.savez(folder / f"weights_{name}.npz", **weights)
    rows = []
    for precision, path in paths.items():
        row = {"name": name, "precision": precision, "file": path.name}
        row |= {"inputs": ["beat", "rr"][: len(arrays)], "weights": _WEIGHTS[name]}
        row |= {"tolerance": TOLERANCE[precision]}
        row |= {"recipe": None if precision == "int8" else recipe}
        rows.append((row, Deployed(path, exact=True)(*arrays)))
    return rows


def _write_half(source, target):
    """Write a network in 16 bits; its inputs and outputs stay in 32 bits."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    names = {i.name for i in half.graph.input}  # their casts come last; runtimes want order
    first = [n for n in half.graph.node if n.op_type == "Cast" and n.input[0] in names]
    for number, node in enumerate(first):
        half.graph.node.remove(node)
        half.graph.node.insert(number, node)
    onnx.checker.check_model(half)
    with written(target) as temporary:
        temporary.write_bytes(half.SerializeToString())


def _recipe_of(model):
    """List of the layers of a network without BatchNorm, from which PyTorch can rebuild it."""
    convolutions, rest = [], []
    for name, layer in weight_layers(model).items():
        if name.startswith("conv"):
            block = model.get_submodule(name.rpartition(".")[0])
            pooled = {"relu": True, "pool": block.pool.kernel_size}
            convolutions.append({"op": "conv", "name": name, "pad": layer.padding[0], **pooled})
        elif name.startswith("rr"):
            rest.insert(0, {"op": "join_rr", "name": name})
        else:
            rest.append({"op": "linear", "name": name, "relu": name != "out"})
    return [*convolutions, {"op": "flatten"}, *rest]


def _write_manifest(folder, entries):
    """Write the manifest, as the last file, so that a bundle with a manifest is complete."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
    manifest = {"format": FORMAT, "bundle": identity(), "files": files, "networks": entries}
    with written(folder / "manifest.json") as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n")
