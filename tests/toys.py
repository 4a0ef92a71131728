"""A network and recordings so small that a whole training takes a blink."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from ecglib.data.beats import Beats
from ecglib.data.inputs import Inputs
from ecglib.data.samples import Samples
from ecglib.data.signal.rr import RR_NAMES
from ecglib.models.resnet1d import ResNet1D, ResNet1DConfig

CLASSES = ("early", "middle", "late")

TINY = ResNet1DConfig(
    stem=2, channels=(3, 4), strides=(2, 2, 2), kernel=5, n_times=64, n_outputs=3
)


def resnet(seed=0):
    """In evaluation mode; gains and statistics of BatchNorm are not those of a fresh one, and
    a gain of the stem is negative."""
    torch.manual_seed(seed)
    model = ResNet1D(TINY)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    model.stem.norm.weight.data[0] *= -1
    for _ in range(3):
        model.train()(bumps(24).x)
    return model.eval()


def beats_with(**fields):
    """`Beats` with these fields; what is left out is made up, for as many beats as `record`."""
    n = len(fields["record"])
    usual = {
        "signal": np.zeros((n, 1), np.float32),
        "label": np.zeros(n, np.int8),
        "symbol": np.full(n, "N"),
        "sample": 360 * np.arange(n),
        "rr": np.ones((n, len(RR_NAMES)), np.float32),
        "rr_names": RR_NAMES,
        "fs": 360.0,
        "n_padded": 0,
    }
    return Beats(**usual | {name: np.asarray(value) for name, value in fields.items()})


def toy_beats(n):
    """Beats of three classes, easily told apart: noisy bumps at three places."""
    made = bumps(n, noise=0.2)
    return Inputs(made.x, torch.zeros(n, 5), made.y)


def bumps(n, seed=0, noise=0.3):
    """Recordings with a noisy bump at one of three places, which is their class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    bump = np.exp(-0.5 * ((np.arange(TINY.n_times) - 12 - 20 * y[:, None]) / 3) ** 2)
    x = torch.from_numpy((3 * bump + noise * rng.normal(size=bump.shape)).astype(np.float32))
    return Samples(x, torch.full((n,), TINY.n_times), torch.from_numpy(y), rotates=False)


def sides(train=None, validation=None):
    """Sides of a run; one that is left out must not be looked at."""
    return SimpleNamespace(train=train, validation=validation, test=None, classes=CLASSES)


def copied_state(model):
    """Name -> copy of every parameter and buffer."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same(state, other):
    """Whether two states are equal, to the bit."""
    return state.keys() == other.keys() and all(torch.equal(state[n], other[n]) for n in state)


def same_state(model, state):
    """Whether a network has exactly this state."""
    return same(model.state_dict(), state)
