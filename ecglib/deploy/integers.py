"""The file of a micro network: what a device stores of it, some 5 KB that NumPy alone reads.

An .npz file with six flat arrays: `weight` (int8, layer after layer, each in PyTorch's order),
`bias` (int32) and `scale` (float32) of all output channels, `input_scale` (float32) and
`input_zero` (uint8) of the layers, and `meta`, the bytes of a JSON text. The layers are those
of `ecglib.models.micronet.MicroNet`, whose size the meta states.

If the network has learned `ecglib.deploy.c99.taught.Labels`, there are five more: `unit` and
`label`, and of the prior `near` (uint16), `wide` (int16) and the two `shifts` (uint8).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import LENGTH, widths
from ecglib.deploy.c99.program import Layer, Program
from ecglib.deploy.c99.stored import Stored
from ecglib.deploy.c99.taught import MAX_LABELS, Labels
from ecglib.personalize.learner import Prior
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, read_json, refused

WEIGHTS = Path(__file__).parent / "weights" / "micronet.npz"
"""Weights of the shipped network."""

CARD = WEIGHTS.with_name("MODEL_CARD.md")
"""What it can do; `python -m ecglib readme` writes its numbers."""

SCORES = WEIGHTS.with_name("scores.json")
"""How often its settings were right about patients left out; `python -m ecglib readme`."""

FROZEN = WEIGHTS.with_name("frozen.json")
"""SHA-256 of the frozen network's file, and the `date`, from `export micronet --frozen`."""

MAX_PARAMETERS = 100_000
"""Largest number of weights of a micro network; the shipped one has about 3,500."""

_MAX_UNPACKED = 2 * MAX_PARAMETERS + 200 * MAX_LABELS
_TYPES = {
    "weight": np.int8,
    "bias": np.int32,
    "scale": np.float32,
    "input_scale": np.float32,
    "input_zero": np.uint8,
    "meta": np.uint8,
}
_TYPES_OF_LABELS = {"near": np.uint16, "wide": np.int16}
_TYPES_OF_LABELS |= dict.fromkeys(("shifts", "unit", "label"), np.uint8)


@dataclass(frozen=True)
class Integers:
    """A micro network as integers.

    Attributes
    ----------
    layers : dict of str to Stored
        By name, in the order in which they compute.
    meta : dict
        Facts about the network, which JSON can hold; `features` (see
        `ecglib.data.signal.micro_input.micro_inputs`), `size` and `bits` of each layer are
        always there.
    labels : Labels, optional
        What the network has learned.
    """

    layers: dict[str, Stored]
    meta: dict
    labels: Labels | None = None

    @property
    def features(self):
        """Name of the network's input."""
        return self.meta["features"]

    def program(self):
        """The network as a `Program`, equal to that of `ecglib.deploy.shipped.Shipped`.

        Raises
        ------
        UserError
            If sums of a layer may not fit 32 bits.
        """
        layers, shapes, scales = [], {}, {}
        for name, place in _places(self.meta["size"]).items():
            stored, following = self.layers[name], self.layers.get(place.way["target"])
            weight, source = stored.weight, place.way["source"]
            conv = weight.ndim == 3
            weight = weight.transpose(0, 2, 1) if conv else weight[:, None, place.order]
            layers.append(Layer.of(name, weight, stored, following, **place.way))
            shapes[source] = (place.n_times, weight.shape[2])
            if source in ("beat", "rr"):
                scales[source] = float(stored.input_scale)
        program = Program(tuple(layers), shapes, scales, self.features)
        return self.labels.taught(program) if self.labels else program


class _Place(NamedTuple):
    """What a layer reads and writes.

    `shape` is that of its weights in PyTorch, `way` has arguments of `Layer.of`, `n_times` is
    the number of samples that it reads, `order` that of a linear layer's inputs on a device.
    """

    shape: tuple[int, ...]
    way: dict
    n_times: int = 1
    order: np.ndarray | slice = slice(None)


def _places(size):
    """Name -> `_Place` of the layers of a MicroNet; `size` has the fields of its config."""
    places, n_in, n_times = {}, size["n_channels"], size["n_times"]
    names = ("beat", "conv1.conv", "conv2.conv", "conv3.conv", "hidden")
    sizes = zip(size["channels"], size["kernels"], size["pools"], strict=True)
    for i, (n_out, kernel, pool) in enumerate(sizes, start=1):
        way = {"source": names[i] if i > 1 else "beat", "target": names[i + 1], "place": 0}
        way |= {"pad": kernel // 2, "pool": pool}
        places[names[i]] = _Place((n_out, n_in, kernel), way, n_times)
        n_in, n_times = n_out, n_times // pool
    order = np.arange(n_in * n_times).reshape(n_in, n_times).T.ravel()  # sample after sample
    if size["n_rr"]:
        way = {"source": "rr", "target": "hidden", "place": len(order)}
        places["rr.0"] = _Place((size["rr_units"], size["n_rr"]), way)
        order = np.append(order, len(order) + np.arange(size["rr_units"]))
    head = (("hidden", "hidden_units", "out"), ("out", "n_outputs", "logits"))
    for name, n_out, target in head:
        way = {"source": name, "target": target, "place": 0}
        places[name] = _Place((size[n_out], len(order)), way, order=order)
        order = np.arange(size[n_out])
    return places


def read(path=WEIGHTS):
    """Read the network of a file of `export micronet`, by default that of the library.

    Returns
    -------
    Integers

    Raises
    ------
    UserError
        If the file is missing, damaged or of another kind.
    """
    if not Path(path).is_file():
        raise UserError(f"there is no file {path}; name a network that `teach` wrote")
    how = "name a network that `teach` or `export micronet` wrote"
    damaged = refused(f"{path} is no network, or damaged; {how}")
    with damaged, opened_npz(path, _MAX_UNPACKED) as file:
        arrays = {name: file[name] for name in file.files}
    unfit = refused(f"{path} is no network of this version; {how}", because=True)
    with unfit, np.errstate(divide="raise"):
        if {k: v.dtype for k, v in arrays.items()} not in (_TYPES, _TYPES | _TYPES_OF_LABELS):
            raise ValueError("other arrays")
        taught = [arrays.pop(name) for name in _TYPES_OF_LABELS if name in arrays]
        meta = json.loads(arrays.pop("meta").tobytes())
        _check(meta)
        layers, n_units = _layers(arrays, _places(meta["size"])), meta["size"]["hidden_units"]
        found = Integers(layers, meta, _labels(n_units, *taught) if taught else None)
        (n_channels, n_rr), program = widths(found.features), found.program()
        none = np.zeros((1, n_channels, LENGTH), np.int8), np.zeros((1, n_rr), np.int8)
        if program.run(*none).shape != (1, len(CLASSES)):
            raise ValueError("no answer for each class")
    return found


def frozen():
    """What `FROZEN` holds, a dict with `sha256` and `date`."""
    with refused(f"{FROZEN} is missing or damaged; get it back by git checkout -- {FROZEN}"):
        return {name: str(read_json(FROZEN)[name]) for name in ("sha256", "date")}


def _check(meta):
    """Raise `ValueError` if a network of this size cannot be, or cannot read its features."""
    size, reads = meta["size"], widths(meta["features"])
    if (size["n_channels"], size["n_rr"]) != reads or size["n_times"] != LENGTH:
        raise ValueError("a size that does not fit the features")
    numbers = np.hstack(list(size.values())).tolist()
    if not all(type(n) is int and 0 <= n <= MAX_PARAMETERS for n in numbers):
        raise ValueError("impossible sizes")
    taught = meta.get("taught", {"record": "", "labels": ""})
    if not all(isinstance(taught[name], str) for name in ("record", "labels")):
        raise ValueError("labels of unknown origin")


def _labels(n_units, near, wide, shifts, unit, label):
    """`Labels` from the arrays of a file."""
    shapes, n = [array.shape for array in (near, wide, shifts, unit, label)], len(label)
    if shapes != [(n_units,), (n_units + 1, n_units + 1), (2,), (n, n_units), (n,)]:
        raise ValueError("labels do not fit the network")
    near_shift, wide_shift = shifts.tolist()
    possible = n <= MAX_LABELS and near_shift < 64 and 3 <= wide_shift < 64
    if not possible or np.any(label >= len(CLASSES)):
        raise ValueError("impossible labels, or a prior beyond 64 bits")
    prior = Prior(near.astype(np.int64), near_shift, wide.astype(np.int64), wide_shift)
    return Labels(prior, unit, label)


def _layers(arrays, places):
    """`Stored` layers by name, cut from the arrays of a file."""
    n_weights = [math.prod(place.shape) for place in places.values()]
    n_out = [place.shape[0] for place in places.values()]
    for name, array in arrays.items():
        parts = {"weight": sum(n_weights), "bias": sum(n_out), "scale": sum(n_out)}
        if array.shape != (parts.get(name, len(places)),):
            raise ValueError(f"{name} does not fit the network")
        if array.dtype == np.float32 and not np.all((array > 0) & (array < np.inf)):
            raise ValueError(f"{name} has impossible numbers")
    weight = np.split(arrays["weight"], np.cumsum(n_weights)[:-1])
    bias, scale = (np.split(arrays[k], np.cumsum(n_out)[:-1]) for k in ("bias", "scale"))
    inputs = zip(arrays["input_scale"], arrays["input_zero"].tolist(), strict=True)
    parts = zip(places.items(), weight, scale, bias, inputs, strict=True)
    return {
        name: Stored(weights.reshape(place.shape), *channels, *read)
        for (name, place), weights, *channels, read in parts
    }


def write(path, layers, meta, labels=None):
    """Write a network as a file that `read` reads.

    Parameters
    ----------
    path : Path
        Target, ending in .npz.
    layers, meta, labels
        See `Integers`.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    text = json.dumps(meta, separators=(",", ":")).encode()
    arrays = {"meta": np.frombuffer(text, np.uint8)}
    for field in [name for name in _TYPES if name != "meta"]:
        parts = [np.ravel(getattr(layers[name], field)) for name in _places(meta["size"])]
        arrays[field] = np.concatenate(parts).astype(_TYPES[field])
    if labels:
        near, near_shift, wide, wide_shift = vars(labels.prior).values()
        values = (near, wide, (near_shift, wide_shift), labels.unit, labels.label)
        named = zip(_TYPES_OF_LABELS.items(), values, strict=True)
        arrays |= {name: np.asarray(value, dtype) for (name, dtype), value in named}
    with written(Path(path)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
