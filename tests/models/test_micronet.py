"""MicroNet: shapes, size, parts, integers."""

import numpy as np
import pytest
import torch

from ecglib.models.micronet import EVERYTHING, MicroNet, MicroNetConfig
from ecglib.quant import calibrate, coverage, quantize
from ecglib.studies.micro import MicroConfig
from ecglib.system.errors import UserError

WIDTHS = {"rr_units": 9, "hidden_units": 14, "n_times": 64}
SIZE = MicroNetConfig(2, 8, (12, 16, 10), (7, 5, 3), (2, 3, 4), **WIDTHS)
"""Every number differs from its neighbours, and pooling leaves samples over."""


def beats(n, config):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, config.n_channels, config.n_times, generator=generator)
    return x, torch.randn(n, config.n_rr, generator=generator)


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("n_rr", [0, 5, 8])
def test_three_logits_a_beat_whatever_it_reads(n_channels, n_rr):
    config = MicroNetConfig(n_channels, n_rr)
    assert MicroNet(config).eval()(*beats(6, config)).shape == (6, 3)


def test_parameters_counted_by_hand():
    convolutions = 2 * 12 * 7 + 12 + 12 * 16 * 5 + 16 + 16 * 10 * 3 + 10
    norms = 2 * (12 + 16 + 10)
    n_times = 2  # 64, 32, 10, 2
    heads = 8 * 9 + 9 + (10 * n_times + 9) * 14 + 14 + 14 * 3 + 3
    total = sum(p.numel() for p in MicroNet(SIZE).parameters())
    assert total == convolutions + norms + heads


def by_hand(model, x, rr):
    """Logits of one beat in NumPy, from the state dict alone."""
    state = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    for name, pool in zip(("conv1", "conv2", "conv3"), model.config.pools, strict=True):
        w, b = state[f"{name}.conv.weight"], state[f"{name}.conv.bias"]
        gain, shift = state[f"{name}.norm.weight"], state[f"{name}.norm.bias"]
        mean, var = state[f"{name}.norm.running_mean"], state[f"{name}.norm.running_var"]
        maps = []
        for o in range(len(w)):
            pairs = zip(x, w[o], strict=True)
            z = b[o] + sum(np.correlate(row, kernel, "same") for row, kernel in pairs)
            z = np.maximum(gain[o] * (z - mean[o]) / np.sqrt(var[o] + 1e-5) + shift[o], 0)
            maps.append([max(z[i : i + pool]) for i in range(0, len(z) - pool + 1, pool)])
        x = np.array(maps)
    hidden = np.maximum(state["rr.0.weight"] @ rr + state["rr.0.bias"], 0)
    joined = np.concatenate([x.ravel(), hidden])
    embedded = np.maximum(state["hidden.weight"] @ joined + state["hidden.bias"], 0)
    return state["out.weight"] @ embedded + state["out.bias"]


def test_the_forward_pass_in_numpy():
    torch.manual_seed(0)
    model, (x, rr) = MicroNet(SIZE), beats(4, SIZE)
    for _ in range(20):
        model.train()(3 * x + 1, rr)  # statistics and gains unlike those of a fresh BatchNorm
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".norm." in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
        found = model.eval()(x, rr).numpy()
    expected = [by_hand(model, *pair) for pair in zip(x.numpy(), rr.numpy(), strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_features_embed_and_out_are_the_network():
    model, inputs = MicroNet(SIZE).eval(), beats(5, SIZE)
    by_parts = model.out(model.embed(model.features(*inputs)))
    torch.testing.assert_close(by_parts, model(*inputs))
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == set(EVERYTHING)


def test_everything_learns():
    model = MicroNet(SIZE).train()
    model(*beats(8, SIZE)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_width_scales_filters_and_units():
    half = SIZE.widened(0.5)
    assert (half.channels, half.rr_units, half.hidden_units) == ((6, 8, 5), 4, 7)
    assert (half.n_channels, half.n_rr) == (2, 8)
    assert (half.kernels, half.pools, half.n_times) == (SIZE.kernels, SIZE.pools, SIZE.n_times)
    tiny = SIZE.widened(1e-3)
    assert (tiny.channels, tiny.rr_units, tiny.hidden_units) == ((1, 1, 1), 1, 1)
    assert MicroNet(tiny).eval()(*beats(2, tiny)).shape == (2, 3)
    with pytest.raises(UserError, match="width is 0"):
        SIZE.widened(0)


def test_the_network_of_the_default_run_has_four_kilobytes():
    config = MicroConfig()
    size = MicroNetConfig(config.n_channels, config.n_rr).widened(config.width)
    rounded = quantize(MicroNet(size).eval(), "all_int8")
    calibrate(rounded, *beats(8, size))
    assert sum(row.n_bytes for row in coverage(rounded)) <= 4096
