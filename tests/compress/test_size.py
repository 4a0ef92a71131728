"""Compression ratios against the published table and counts by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.compress import CodedModel, CodedTensor, encode, ideal_ratio
from ecglib.compress.size import float_bits, overhead_bits, overhead_ratio, stored_bytes
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.system.errors import UserError
from tests.tools import package

QUANTIZED = {  # bits: (ResNet1D, HuBERT-ECG) in table 1 of paper 2
    8: (3.99, 3.98), 7: (4.56, 4.55), 6: (5.31, 5.30), 5: (6.37, 6.35),
    4: (7.95, 7.91), 3: (10.58, 10.50), 2: (15.79, 15.63), 1: (31.16, 30.49),
}  # fmt: skip
PRUNED = {  # share: the same
    0.1: (1.11, 1.11), 0.3: (1.43, 1.43), 0.5: (2.00, 2.00), 0.7: (3.33, 3.32),
    0.9: (9.92, 9.86),
}  # fmt: skip


@pytest.fixture(scope="module")
def networks():
    """One with a bias in 1,149 parameters, as the paper's ResNet1D implies, and HuBERT-ECG."""
    transformers = package("transformers")
    config = transformers.HubertConfig(
        hidden_size=512, num_hidden_layers=8, num_attention_heads=8, intermediate_size=2048,
        conv_dim=(512,) * 5, conv_kernel=(10, 3, 3, 2, 2), conv_stride=(4, 2, 2, 2, 2),
    )  # fmt: skip
    with torch.device("meta"):
        return nn.Linear(1148, 1), transformers.HubertModel(config)


def test_every_quantized_row_of_the_paper(networks):
    for bits, row in QUANTIZED.items():
        assert tuple(round(ideal_ratio(net, bits), 2) for net in networks) == row


def test_every_pruned_row_of_the_paper(networks):
    for share, row in PRUNED.items():
        found = tuple(round(ideal_ratio(net, kept=1 - share), 2) for net in networks)
        assert found == row


def test_nothing_coded_is_no_compression(net):
    assert ideal_ratio(net) == ideal_ratio(net, {}) == ideal_ratio(net, kept={}) == 1


def test_bits_and_shares_by_name_are_counted_each():
    net = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 5, bias=False))
    ratio = ideal_ratio(net, {"0.weight": 4}, kept={"0.weight": 0.25, "1.weight": 0.5})
    assert ratio == pytest.approx(160 * 32 / (100 * 0.25 * 4 + 50 * 0.5 * 32 + 10 * 32))


@pytest.mark.parametrize("bits", [0, 17, 31, 33, -1, 4.0, "8", True])
def test_bits_out_of_range_are_refused(net, bits):
    with pytest.raises(UserError, match=r"bits of .*; it must be a whole number from 1 to 16"):
        ideal_ratio(net, bits)
    with pytest.raises(UserError, match=r"bits of out\.weight is"):
        ideal_ratio(net, {"out.weight": bits})


@pytest.mark.parametrize("kept", [-0.01, 1.01, float("nan")])
def test_shares_out_of_range_are_refused(net, kept):
    with pytest.raises(UserError, match=r"kept of .*; it must lie between 0 and 1"):
        ideal_ratio(net, kept=kept)


@pytest.mark.parametrize("name", ["conv.bias", "nowhere"])
def test_names_that_are_no_weights_are_refused(net, name):
    with pytest.raises(UserError, match=f"{name} is not a weight"):
        ideal_ratio(net, {name: 4})
    with pytest.raises(UserError, match=f"{name} is not a weight"):
        ideal_ratio(net, kept={name: 0.5})


def test_all_bits_of_a_small_network_by_hand():
    third = np.float32(1 / 3)
    rounded = CodedTensor(np.ones((4, 3), np.int8), np.full((4, 1), third), 5, False)
    pruned = CodedTensor(np.int8([[0, 1, 0, -1, 1]]), np.float32(0.5), 2, True)
    only_pruned = CodedTensor(np.float32([0, 0, third]), np.float32(1), 32, True)
    rest = {"bias": np.full(4, third), "counter": np.int64(7)}
    coded = CodedModel({"a": rounded, "b": pruned, "c": only_pruned}, rest)
    by_hand = (12 * 5 + 4 * 32) + (5 + 3 * 2 + 16) + (3 + 32) + 4 * 32
    assert overhead_bits(coded) == by_hand


def test_the_ratio_counts_statistics_on_both_sides(net):
    n_floats = sum(t.numel() for t in net.state_dict().values() if t.is_floating_point())
    assert stored_bytes(net) == 4 * n_floats
    nothing = encode(net, 8, names=[])
    assert overhead_ratio(net, nothing) == 1
    names = coded_names(net)
    n_weights = sum(net.get_parameter(name).numel() for name in names)
    coded = encode(net, 8, names=names)
    n_bits = n_weights * 8 + len(names) * 32 + (n_floats - n_weights) * 32
    assert overhead_ratio(net, coded) == pytest.approx(n_floats * 32 / n_bits)


def test_what_is_stored_is_never_less_than_the_ideal(net):
    for bits in (1, 4, 8, 16):
        coded = encode(net, bits, names=matrix_names(net), axis=0)
        assert overhead_ratio(net, coded) < ideal_ratio(net, coded.bits())


@pytest.mark.parametrize(
    ("values", "bits"),
    [([0.5, 2**-24, -0.0], 16), ([1 / 3], 32), ([1e5], 32), ([float("nan")], 32), ([], 16)],
)
def test_half_precision_counts_only_where_it_is_exact(values, bits):
    assert float_bits(np.float32(values)) == bits
