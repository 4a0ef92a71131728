"""A network, beats and patients so small that learning from labels takes a blink."""

import numpy as np
import torch

from ecglib.data.inputs import Inputs
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.studies.budget import Patient
from ecglib.studies.registry import make_config

SIZE = MicroNetConfig(2, 5, channels=(4, 4, 4))


def network():
    """Untrained, in evaluation mode."""
    torch.manual_seed(0)
    return MicroNet(SIZE).eval()


def beats(n, seed=0):
    """Noise of classes N, S, V in turn; those of S have another timing."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, 64, generator=generator)
    y = torch.arange(n) % 3
    return Inputs(x, torch.randn(n, 5, generator=generator) + 3 * (y == 1)[:, None], y)


def patient(n=60, seconds=1200):
    """A patient whose beats come at a steady pace over so many seconds."""
    return Patient(100, beats(n, 2), np.linspace(0, seconds, n))


def settings(**more):
    """Five labels, a mixed query and a head that learns, unless told otherwise."""
    kinds = {"budget": 5, "query": "mixed", "update": "head", "scope": "none"}
    return make_config("budget", **kinds | more)


def lying(one, rows):
    """The same patient with other labels at `rows`."""
    y = one.inputs.y.clone()
    y[rows] = (y[rows] + 1) % 3
    return Patient(one.record, Inputs(one.inputs.x, one.inputs.rr, y), one.seconds)
