"""Trained networks on disk, so that runs of one seed share what they have in common.

Weights are plain arrays in an .npz file: nothing is ever unpickled.
"""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import torch

_META = "__meta__"


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
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
    arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
    np.savez(temporary, **arrays, **{_META: np.array(json.dumps(meta))})
    os.replace(temporary, path)


def load(path):
    """Read what `save` wrote, or None if the file is absent or damaged.

    A damaged checkpoint is worth no question: it is made again.

    Returns
    -------
    tuple of (dict of str to Tensor, dict) or None
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        return None
    meta = json.loads(str(arrays.pop(_META)))
    return {name: torch.from_numpy(array) for name, array in arrays.items()}, meta


def cached(path, make):
    """The checkpoint at `path`, made and saved first if it is not there.

    Parameters
    ----------
    path : Path
        Where the checkpoint lies.
    make : callable
        () -> (state dict, meta).

    Returns
    -------
    tuple of (dict of str to Tensor, dict)
    """
    found = load(path)
    if found is None:
        save(path, *make())
        found = load(path)
    return found
