"""Beats of other patients that a shipped network replays while it learns from a few labels.

A beat is stored as the bytes that the head of the network reads, and its class. From bytes the
network in integers computes the same as from the beat itself, so an update that replays them
is the same as one that replays whole beats. No sample of a recording is stored.
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
from ecglib.deploy.c99.lower import lower
from ecglib.models.micronet import HEAD
from ecglib.personalize.budget import Anatomy
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, refused

MAX_BYTES = 256_000
"""Largest size of a file."""

MAX_UNPACKED = 4_000_000
"""Largest size in bytes of the arrays in a file."""


MOST_WANTED = 40
"""Largest number of wanted beats for a stored one."""


@dataclass(frozen=True)
class Replay:
    """Beats that a network replays.

    Attributes
    ----------
    beats : Inputs
        `x` holds the inputs of the head, for `FROM_HEAD`.
    n_wanted : int
        Number of beats that the study replays; the file may have room for fewer.
    """

    beats: Inputs
    n_wanted: int

    def schedule(self, config):
        """Settings with which an update makes about as many steps as with all wanted beats.

        An epoch over fewer beats has fewer steps. With the study's number of epochs the network
        would learn less from the patient's labels, as study budget shows inside DS1.

        Parameters
        ----------
        config : AskingSettings
            Settings of the study.

        Returns
        -------
        AskingSettings
            With other `update_epochs`, and the same learning rate at the end.
        """
        epochs = round(config.update_epochs * self.n_wanted / len(self.beats))
        decay = round(config.update_decay ** (config.update_epochs / epochs), 2)
        return replace(config, update_epochs=epochs, update_decay=decay)


FROM_HEAD = Anatomy(
    body=lambda model, read, rr: (read,), head=HEAD, output=("out",), last_block=HEAD
)
"""MicroNet for beats whose `Inputs.x` is what the head reads; the body computes nothing."""


def body_of(program):
    """Identity of everything before the head of a MicroNet's `Program`, 16 hexadecimal digits.

    A network that was taught has the body of the network that it started from.
    """
    digest = hashlib.sha256()
    for layer in program.layers:
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
    """Write beats to replay.

    Parameters
    ----------
    path : Path
        File to write, ending in .npz.
    model : MicroNet
        Network in integers.
    candidates : iterable of Inputs
        Whole beats of N, S and V: those that the study replays, then ever fewer. The first
        whose file has no more than `MAX_BYTES` are written.

    Returns
    -------
    int
        Number of beats in the file.

    Raises
    ------
    UserError
        If all of them are too large, or the file cannot be written.
    """
    n_wanted = None
    for beats in candidates:
        n_wanted = n_wanted or len(beats)
        packed = _packed(model, beats, n_wanted)
        if len(packed) <= MAX_BYTES:
            with written(path) as temporary:
                temporary.write_bytes(packed)
            return len(beats)
    raise UserError(f"{path} would have more than {MAX_BYTES:,} bytes; replay fewer beats")


def _packed(model, beats, n_wanted):
    """The file's content; one feature of all beats after the other, which packs better."""
    quantizer = model.hidden.input_quantizer
    q = (head_inputs(model, beats).x / quantizer.scale).round() + quantizer.zero_point
    arrays = {
        "head": q.clamp(0, quantizer.q_max).T.contiguous().to(torch.uint8).numpy(),
        "label": beats.y.to(torch.uint8).numpy(),
        "body": np.array(body_of(lower(model))),
        "n_wanted": np.array(n_wanted),
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def load(network, weights):
    """Beats that a network replays.

    Parameters
    ----------
    network : ecglib.deploy.shipped.Shipped
        Its `meta["replay"]` names the file.
    weights : Path
        File of the network. The beats are looked for beside it, then in the library.

    Returns
    -------
    Replay

    Raises
    ------
    UserError
        If the network names no file, or the file is missing, damaged or of another network.
    """
    name = Path(str(network.meta.get("replay", ""))).name
    if not name:
        raise UserError(
            f"{weights} does not say which beats to replay; write it anew with "
            "python -m ecglib export micronet"
        )
    places = [folder / name for folder in (Path(weights).parent, shipped.WEIGHTS.parent)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(
            f"{weights} needs {name} to learn, which is neither beside it nor in the library; "
            "copy it there"
        )
    with refused(f"{path} is damaged; copy it again"), opened_npz(path, MAX_UNPACKED) as file:
        found = {name: file[name] for name in ("head", "label", "body", "n_wanted")}
        body, own = str(found["body"]), body_of(lower(network.model))
        if body == own:
            return _replay(network.model, found)
    raise UserError(f"{path} holds beats for network {body}, but {weights} is network {own}")


def _replay(model, found):
    """`Replay` from the arrays of a file; exceptions if they do not fit the network."""
    head, label, n_wanted = found["head"].T, found["label"], int(found["n_wanted"])
    n_beats, n_features = head.shape
    if (head.dtype, n_features) != (np.uint8, model.hidden.in_features):
        raise ValueError("other inputs than those of this head")
    if label.dtype != np.uint8 or len(label) != n_beats or label.max() >= len(CLASSES):
        raise ValueError("no class for each beat")
    if not n_beats <= n_wanted <= MOST_WANTED * n_beats:
        raise ValueError("an impossible number of beats")
    quantizer = model.hidden.input_quantizer
    x = (torch.from_numpy(head.copy()).float() - quantizer.zero_point) * quantizer.scale
    y = torch.from_numpy(label.astype(np.int64))
    return Replay(Inputs(x, torch.zeros(n_beats, 0), y), n_wanted)
