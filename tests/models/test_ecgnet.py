"""ECGNet: its size by formula, its parts by name, its shapes."""

import pytest
import torch
from torch import nn

from ecglib.models import ecgnet
from ecglib.models.ecgnet import HEAD, PARTS, ECGNet, ECGNetConfig, n_bytes, replace_output

TINY = (4, 4, 4, 4, 4)
PAPER = (64, 128, 256, 512, 512)
WIDE = (64, 128, 256, 512, 1024)


def n_parameters_by_formula(channels, n_times=300, n_outputs=3, norm="none", n_rr=0):
    """Oracle: weights and biases counted layer by layer."""
    total, n_in = 0, 1
    for n_out in channels:
        total += 3 * n_in * n_out + n_out + (2 * n_out if norm == "batch" else 0)
        n_in, n_times = n_out, n_times // 2
    n_joined = 32 if n_rr else 0
    total += n_rr * n_joined + n_joined
    widths = (n_in * n_times, 512 + n_joined, 256)
    return total + sum(w * n + n for w, n in zip(widths, (512, 256, n_outputs), strict=True))


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("channels", "millions", "head_percent", "megabytes"),
    [(WIDE, 6.94, 70, (27.8, 6.9)), (PAPER, 3.80, 66, (15.2, 3.8))],
)
def test_size_is_the_published_one(channels, millions, head_percent, megabytes):
    model = ECGNet(ECGNetConfig(channels))
    assert n_parameters(model) / 1e6 == pytest.approx(millions, abs=0.005)
    head = sum(n_parameters(getattr(model, part)) for part in HEAD)
    assert 100 * head / n_parameters(model) == pytest.approx(head_percent, abs=0.5)
    stored = n_bytes(model) / 1e6, n_bytes(model, PARTS) / 1e6
    assert stored == pytest.approx(megabytes, abs=0.05)
    assert n_bytes(model, HEAD) == 4 * (n_parameters(model) - head) + head


@pytest.mark.parametrize(
    "size",
    [
        {"channels": PAPER},
        {"channels": WIDE, "n_outputs": 6},
        {"channels": (16, 32, 64, 128, 128), "norm": "batch"},
        {"channels": TINY, "n_rr": 5, "n_times": 64},
    ],
)
def test_size_agrees_with_the_formula(size):
    assert n_parameters(ECGNet(ECGNetConfig(**size))) == n_parameters_by_formula(**size)


def test_parts_have_the_names_that_strategies_use():
    assert PARTS == ("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "out")
    assert HEAD == ("fc1", "fc2", "out")
    assert ecgnet.SHALLOW == ("conv1", "conv2")
    assert ecgnet.LAST_BLOCKS == ("conv4", "conv5", "fc1", "fc2", "out")
    assert PARTS == ecgnet.BLOCKS + HEAD
    assert set(ecgnet.EVERYTHING) == {*PARTS, *ecgnet.ADAPTERS, "rr"}


def test_parts_hold_all_parameters_and_adapters_none():
    model = ECGNet(ECGNetConfig(TINY, norm="batch"))
    named = sum(n_parameters(getattr(model, part)) for part in PARTS)
    assert named == n_parameters(model)
    assert all(n_parameters(getattr(model, adapter)) == 0 for adapter in ecgnet.ADAPTERS)


@pytest.mark.parametrize(("norm", "n_layers"), [("none", 0), ("batch", 5)])
def test_norm_says_whether_blocks_have_batchnorm(norm, n_layers):
    model = ECGNet(ECGNetConfig(TINY, norm=norm))
    assert sum(isinstance(m, nn.BatchNorm1d) for m in model.modules()) == n_layers


def test_dropout_is_the_papers():
    model = ECGNet(ECGNetConfig(TINY))
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5]


@pytest.mark.parametrize("n_times", [300, 64])
def test_shapes(n_times):
    model = ECGNet(ECGNetConfig(TINY, n_times=n_times, n_outputs=6)).eval()
    x = torch.randn(7, n_times)
    assert model.features(x).shape == (7, 4 * (n_times // 32))
    assert model(x).shape == (7, 6)


def test_first_block_is_convolution_relu_and_pooling():
    model = ECGNet(ECGNetConfig(TINY))
    x, block = torch.randn(3, 300), model.conv1
    convolved = nn.functional.conv1d(x[:, None], block.conv.weight, block.conv.bias, padding=1)
    expected = convolved.relu().unflatten(2, (150, 2)).amax(dim=3)
    torch.testing.assert_close(block(x[:, None]), expected)


def test_forward_is_classify_of_features():
    model, x = ECGNet(ECGNetConfig(TINY)).eval(), torch.randn(3, 300)
    torch.testing.assert_close(model(x), model.classify(model.features(x)), rtol=0, atol=0)


def test_rr_joins_before_the_second_layer_of_the_head():
    model = ECGNet(ECGNetConfig(TINY, n_rr=5)).eval()
    x, rr = torch.randn(2, 300), torch.randn(2, 5)
    timing = (rr @ model.rr[0].weight.T + model.rr[0].bias).relu()
    joined = torch.cat([model.fc1(model.features(x)).relu(), timing], dim=1)
    expected = model.out(model.fc2(joined).relu())
    torch.testing.assert_close(model(x, rr), expected)
    assert not torch.equal(model(x, rr), model(x, rr + 1))


def test_without_rr_units_the_ratios_change_nothing():
    model, x = ECGNet(ECGNetConfig(TINY)).eval(), torch.randn(2, 300)
    assert torch.equal(model(x), model(x, torch.randn(2, 5)))


def test_replace_output_touches_the_output_layer_only():
    model = ECGNet(ECGNetConfig(TINY, n_outputs=6, norm="batch"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    replace_output(model, n_outputs=3, seed=7)
    after = model.state_dict()
    assert before.keys() == after.keys()
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed == {"out.weight", "out.bias"}
    assert model(torch.randn(2, 300)).shape == (2, 3)


def test_replaced_output_depends_on_the_seed_alone():
    weights = []
    for seed in (7, 7, 21):
        model = ECGNet(ECGNetConfig(TINY, n_outputs=6))  # moves the global generator on
        replace_output(model, n_outputs=3, seed=seed)
        weights.append(torch.cat([model.out.weight.flatten(), model.out.bias]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert weights[0].abs().max() <= 256**-0.5
    assert weights[0].std().item() == pytest.approx(256**-0.5 / 3**0.5, rel=0.1)  # uniform
