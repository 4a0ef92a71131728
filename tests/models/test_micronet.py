"""MicroNet: shapes, size, parts, integers."""

import pytest
import torch

from ecglib.errors import UserError
from ecglib.models.micronet import EVERYTHING, MicroNet, MicroNetConfig
from ecglib.quant import calibrate, coverage, quantize

CHOSEN = MicroNetConfig(n_channels=2, n_rr=8)


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
    convolutions = 2 * 12 * 7 + 12 + 12 * 16 * 5 + 16 + 16 * 16 * 3 + 16
    norms = 2 * (12 + 16 + 16)
    heads = 8 * 16 + 16 + (16 * 4 + 16) * 16 + 16 + 16 * 3 + 3
    total = sum(p.numel() for p in MicroNet(CHOSEN).parameters())
    assert total == convolutions + norms + heads


def test_features_embed_and_out_are_the_network():
    model, inputs = MicroNet(CHOSEN).eval(), beats(5, CHOSEN)
    by_parts = model.out(model.embed(model.features(*inputs)))
    torch.testing.assert_close(by_parts, model(*inputs))
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == set(EVERYTHING)


def test_everything_learns():
    model = MicroNet(CHOSEN).train()
    model(*beats(8, CHOSEN)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_width_scales_filters_and_units():
    half = CHOSEN.widened(0.5)
    assert (half.channels, half.hidden_units, half.rr_units) == ((6, 8, 8), 8, 8)
    assert (half.n_channels, half.n_rr) == (2, 8)
    with pytest.raises(UserError, match="width is 0"):
        CHOSEN.widened(0)


def test_all_layers_become_integers_within_four_kilobytes():
    model, inputs = MicroNet(CHOSEN).eval(), beats(64, CHOSEN)
    rounded = quantize(model, "all_int8")
    calibrate(rounded, *inputs)
    rows = coverage(rounded)
    assert [row.name for row in rows] == [
        *("conv1.conv", "conv2.conv", "conv3.conv", "rr.0", "hidden", "out")
    ]
    assert {(row.weight_bits, row.activation_bits) for row in rows} == {(8, 8)}
    assert sum(row.n_bytes for row in rows) <= 4096
    agree = (rounded(*inputs) - model(*inputs)).abs().max() / model(*inputs).abs().max()
    assert agree < 0.1


def test_every_layer_can_have_bits_of_its_own():
    names = ("conv1.conv", "conv2.conv", "conv3.conv", "rr.0", "hidden", "out")
    bits = dict(zip(names, (8, 4, 3, 6, 4, 8), strict=True))
    model = quantize(MicroNet(CHOSEN).eval(), "all_int8", weight_bits=bits)
    calibrate(model, *beats(64, CHOSEN))
    rows = coverage(model)
    assert {row.name: row.weight_bits for row in rows} == bits
    assert all(row.levels <= 2**row.weight_bits - 1 for row in rows)
    assert {row.activation_bits for row in rows} == {8}
