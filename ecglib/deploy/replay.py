"""Beats of other patients that a shipped network replays while it learns from a few labels.

A beat is stored as its class and the bytes that the head of the network reads; no sample of a
recording is stored. From these bytes the network in integers computes what it computes from the
beat itself, so an update that replays them equals one that replays whole beats.
"""

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ecglib.aami import CLASSES
from ecglib.data.inputs import Inputs
from ecglib.deploy import shipped
from ecglib.deploy.c99.learning import known_of
from ecglib.deploy.c99.lower import lower
from ecglib.models.micronet import HEAD
from ecglib.personalize.budget import Anatomy
from ecglib.personalize.learner import Prior
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, refused

MAX_BYTES, MAX_UNPACKED = 256_000, 4_000_000
"""Largest size of a file, and of the arrays in it."""

_INSTEAD = "use the shipped network, or make it anew with python -m ecglib export micronet"

FROM_HEAD = Anatomy(body=lambda model, read, rr: (read,), head=HEAD, output=(), last_block=())
"""MicroNet for beats whose `Inputs.x` is what the head reads; the body computes nothing."""


@dataclass(frozen=True)
class Replay:
    """Beats for `FROM_HEAD`, and the number of beats that study budget replays."""

    beats: Inputs
    n_wanted: int

    def schedule(self, config):
        """Settings of an update (`AskingSettings`) with about as many steps as in the study.

        An epoch over fewer beats has fewer steps, so there are more epochs, and the learning
        rate falls more slowly, so that it ends at the same value.
        """
        epochs = round(config.update_epochs * self.n_wanted / len(self.beats))
        decay = round(config.update_decay ** (config.update_epochs / epochs), 2)
        return replace(config, update_epochs=epochs, update_decay=decay)


def body_of(model):
    """Identity of all layers before the head, 16 hexadecimal digits; teaching keeps it."""
    digest = hashlib.sha256()
    for layer in lower(model).layers:
        if layer.name not in HEAD:
            numbers = [layer.shift, layer.pad, layer.pool, layer.zero_in, layer.zero_out]
            for part in (numbers, layer.weight, layer.bias, layer.multiplier):
                digest.update(np.asarray(part, dtype="<i8").tobytes())
    return digest.hexdigest()[:16]


@torch.no_grad()
def head_inputs(model, inputs):
    """The same beats with the inputs of the head, (n_beats, n_features), as `x`."""
    parts = zip(inputs.x.split(4096), inputs.rr.split(4096), strict=True)
    return Inputs(torch.cat([model.features(*part) for part in parts]), inputs.rr, inputs.y)


def save(path, model, candidates):
    """Write beats that a network replays, and return their number.

    Parameters
    ----------
    path : Path
        File to write.
    model : MicroNet
        The network, in integers.
    candidates : iterable of Inputs
        Sets of whole beats of N, S and V, the largest first, which is that of study budget. The
        first set that takes no more than `MAX_BYTES` is written.

    Raises
    ------
    UserError
        If no set is small enough, or the file cannot be written.
    """
    quantizer, n_wanted = model.hidden.input_quantizer, None
    for beats in candidates:
        n_wanted = n_wanted or len(beats)
        q = (head_inputs(model, beats).x / quantizer.scale).round() + quantizer.zero_point
        packed = io.BytesIO()
        np.savez_compressed(
            packed,
            head=q.clamp(0, quantizer.q_max).T.contiguous().to(torch.uint8),  # packs better
            label=beats.y.to(torch.uint8),
            body=body_of(model),
            n_wanted=n_wanted,
        )
        if len(packed.getvalue()) <= MAX_BYTES:
            with written(path) as temporary:
                temporary.write_bytes(packed.getvalue())
            return len(beats)
    raise UserError(f"{path} would have more than {MAX_BYTES:,} bytes; replay fewer beats")


def file_of(network, weights):
    """Path of the beats that a `Shipped` network from the file `weights` replays.

    `network.meta["replay"]` names it. It is looked for beside the weights, then in the library;
    if it is in neither place, a UserError says so.
    """
    name = Path(str(network.meta.get("replay", "a file of beats to replay"))).name
    places = [folder / name for folder in (Path(weights).parent, shipped.WEIGHTS.parent)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{weights} cannot be taught: {name} is not beside it; {_INSTEAD}")
    return path


def load(network, weights):
    """The `Replay` of a `Shipped` network whose file is `weights`.

    Raises
    ------
    UserError
        If the file that `file_of` finds is missing, damaged or of another network.
    """
    path = file_of(network, weights)
    with refused(f"{path} is damaged; copy it again"), opened_npz(path, MAX_UNPACKED) as file:
        found = {name: file[name] for name in ("head", "label", "body", "n_wanted")}
        if str(found["body"]) == body_of(network.model):
            return _replay(network.model.hidden, found["head"].T, found)
    why = f"{path} holds beats of another network, so one of them is of another version"
    raise UserError(f"{weights} cannot be taught: {why}; {_INSTEAD}")


def prior_of(network, weights):
    """How far labels of a network reach (`Prior`); raises what `load` raises."""
    return Prior.of(*known_of(network.model, load(network, weights).beats))


def _replay(hidden, head, found):
    """`Replay` from the arrays of a file; exceptions if they do not fit the layer `hidden`."""
    label, n_wanted = found["label"], int(found["n_wanted"])
    shaped = head.shape == (len(label), hidden.in_features) and label.max() < len(CLASSES)
    possible = len(label) <= n_wanted <= 40 * len(label)
    if not (shaped and possible and head.dtype == label.dtype == np.uint8):
        raise ValueError("other beats than those of this head")
    quantizer = hidden.input_quantizer
    x = (torch.from_numpy(head.copy()).float() - quantizer.zero_point) * quantizer.scale
    y = torch.from_numpy(label.astype(np.int64))
    return Replay(Inputs(x, torch.zeros(len(y), 0), y), n_wanted)
