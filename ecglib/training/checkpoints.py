"""Trained networks on disk, so that runs of one seed share what they have in common.

Weights are plain arrays in an .npz file: nothing is ever unpickled.
"""

import json
from pathlib import Path

import numpy as np
import torch

from ecglib.system.errors import UserError
from ecglib.system.files import atomic
from ecglib.system.untrusted import opened_npz, refused

_META = "__meta__"
MAX_BYTES = 600_000_000
"""Of the arrays in a checkpoint; HuBERT-ECG-small has 121 MB."""


def save(path, state, meta):
    """Write a state dict and its story atomically.

    Parameters
    ----------
    path : Path
        Target, ending in .npz.
    state : dict of str to Tensor
        As `Module.state_dict` gives it.
    meta : dict
        JSON-able: losses, seconds.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    path = Path(path)
    arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
    try:
        with atomic(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays, **{_META: np.array(json.dumps(meta))})
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def load(path):
    """State dict and story that `save` wrote, or None if the file is absent or damaged: a
    damaged checkpoint is worth no question, it is made again."""
    try:
        with refused(f"{path} is missing or damaged"), opened_npz(path, MAX_BYTES) as archive:
            arrays = {name: archive[name] for name in archive.files}
            meta = json.loads(str(arrays.pop(_META)))
            state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    except UserError:
        return None
    return (state, meta) if isinstance(meta, dict) else None


def cached(path, make):
    """What `load` reads at `path`, made by `make`, () -> (state dict, meta), and saved first if
    it is not there."""
    found = load(path)
    if found is None:
        save(path, *make())
        found = load(path)
    return found
