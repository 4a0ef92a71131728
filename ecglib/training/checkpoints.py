"""Trained networks on disk, so that several runs can share one training.

Weights are plain arrays in an .npz file; nothing is ever unpickled.
"""

import json
from pathlib import Path

import numpy as np
import torch

from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, refused

_META = "__meta__"
MAX_BYTES = 600_000_000
"""Largest size in bytes of the arrays in a checkpoint; HuBERT-ECG-small has 121 MB."""


def save(path, state, meta):
    """Write a state dict and the facts about its training, as a whole or not at all.

    Parameters
    ----------
    path : Path
        Target, ending in .npz.
    state : dict of str to Tensor
        Weights, see `Module.state_dict`.
    meta : dict
        Losses and seconds, as values that JSON can hold.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    path = Path(path)
    arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
    with written(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays, **{_META: np.array(json.dumps(meta))})


def load(path):
    """State dict and `meta` that `save` wrote; None if the file is missing or damaged.

    A damaged checkpoint is not reported, since it is made again.
    """
    try:
        with refused(f"{path} is missing or damaged"), opened_npz(path, MAX_BYTES) as archive:
            arrays = {name: archive[name] for name in archive.files}
            meta = json.loads(str(arrays.pop(_META)))
            state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    except UserError:
        return None
    return (state, meta) if isinstance(meta, dict) else None


def cached(path, make):
    """State dict and `meta` from `path`; if they are not there, `make` makes them.

    `make` is a function () -> (state dict, meta), whose result is saved at `path`.
    """
    found = load(path)
    if found is None:
        save(path, *make())
        found = load(path)
    return found
