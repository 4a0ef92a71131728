"""Exported files: NumPy in integers, onnx's own interpreter, and bytes counted by hand."""

import copy

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from ecglib.deploy.onnx import export_onnx, read_onnx
from ecglib.deploy.runtime import Deployed
from ecglib.quant import coverage
from tests.oracles import stored_bits

from . import networks
from .networks import CONVOLUTIONS, LAYERS, IntegerNetwork, agreement, beats, logits, network

HEAD = ("fc1", "fc2", "out")
IN_SCOPE = {"none": (), "head_int8": HEAD, "shallow_int8": (*CONVOLUTIONS[:2], *HEAD)}
IN_SCOPE["all_int8"] = LAYERS
each_scope = pytest.mark.parametrize("scope", IN_SCOPE)


def exported(model, path, scope="all_int8"):
    """A calibrated network of a scope and the file that it was exported to."""
    twin = networks.rounded(model, scope)
    export_onnx(twin, path, scope)
    return twin, path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.onnx"


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_file_computed_in_integers_answers_as_the_fake_quantized_network(deployed_as, norm):
    twin, path = deployed_as("all_int8", norm)
    x, oracle = beats(2000), IntegerNetwork(path)
    by_integers, by_torch = oracle(x.numpy()), logits(twin, x)
    assert agreement(by_integers, by_torch) >= 0.999
    assert np.mean(np.abs(by_integers - by_torch).max(axis=1) < 1e-4) > 0.99
    assert 2**15 < oracle.largest_sum < 2**31  # 16 bits would not do, 32 bits do
    assert agreement(by_integers, Deployed(path)(x.numpy())) >= 0.999


def test_weights_and_biases_are_the_integers_of_the_paper_formula(deployed_as):
    """w / s with s = max |w| / 127 in each channel, b / (s of the input × s of the weight)."""
    twin, path = deployed_as("all_int8")
    tensors, grids = networks.tensors_of(path), IntegerNetwork(path).grids
    for name in LAYERS:
        layer = twin.get_submodule(name)
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        channels = weight.reshape(len(weight), -1)
        scale = np.abs(channels).max(axis=1) / np.float32(127)
        stored = tensors[f"{name}.weight_int"]
        assert stored.shape == weight.shape
        expected = np.rint(channels / scale[:, None])
        np.testing.assert_array_equal(stored.reshape(channels.shape), expected)
        np.testing.assert_allclose(tensors[f"{name}.weight_scale"], scale, rtol=1e-6)
        step = scale.astype(np.float64) * grids[name][0]
        assert np.abs(tensors[f"{name}.bias_int"] - bias / step).max() < 0.51
        np.testing.assert_allclose(tensors[f"{name}.bias_scale"], step, rtol=1e-6)
        assert not tensors[f"{name}.weight_zero"].any()
        assert not tensors[f"{name}.bias_zero"].any()


@each_scope
def test_exactly_the_layers_in_scope_are_stored_in_8_bits(deployed_as, scope):
    expected = {f"{name}.weight": 8 if name in IN_SCOPE[scope] else 32 for name in LAYERS}
    assert stored_bits(deployed_as(scope)[1]) == expected


@each_scope
def test_no_fp32_copy_of_a_quantized_weight_remains(deployed_as, scope):
    """A layer in integers keeps two scales a channel and one of its input in floating point."""
    _, path = deployed_as(scope)
    floats = {n: a for n, a in networks.tensors_of(path).items() if a.dtype == np.float32}
    for name in LAYERS:
        own = {n: a.size for n, a in floats.items() if n.startswith(f"{name}.")}
        if name in IN_SCOPE[scope]:
            scales = ("weight_scale", "bias_scale", "input_quantizer.scale")
            assert set(own) == {f"{name}.{part}" for part in scales}
            assert max(own.values()) == len(networks.tensors_of(path)[f"{name}.weight_int"])
        else:
            assert set(own) == {f"{name}.weight", f"{name}.bias"}
    owned = sum(any(n.startswith(f"{name}.") for name in LAYERS) for n in floats)
    assert owned == len(floats)


@each_scope
def test_batchnorm_is_folded_into_the_file(deployed_as, scope):
    twin, path = deployed_as(scope, "batch")
    operations = {node.op_type for node in onnx.load(path).graph.node}
    assert "BatchNormalization" not in operations
    x = beats(3000)
    assert agreement(Deployed(path)(x.numpy()), logits(twin, x)) >= 0.999
    if scope == "none":
        unfolded = logits(network(norm="batch"), x)
        np.testing.assert_allclose(Deployed(path)(x.numpy()), unfolded, atol=1e-4)


def test_a_network_that_still_has_its_batchnorm_can_be_exported_too(path):
    model = network(norm="batch")
    export_onnx(model, path, "none")
    x = beats(100)
    np.testing.assert_allclose(Deployed(path)(x.numpy()), logits(model, x), atol=1e-4)
    assert isinstance(model.conv1.norm, nn.BatchNorm1d)


@pytest.mark.parametrize("scope", ["none", "all_int8"])
def test_the_number_of_beats_is_free(deployed_as, scope):
    _, path = deployed_as(scope)
    deployed, x = Deployed(path), beats(64).numpy()
    whole = deployed(x)
    assert whole.shape == (64, 3)
    for n in (1, 3):
        parts = [deployed(x[i : i + n]) for i in range(0, 63, n)]
        assert parts[0].shape == (n, 3)
        np.testing.assert_allclose(np.concatenate(parts), whole[:63], atol=1e-5)
    for value in (*read_onnx(path).graph.input, *read_onnx(path).graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "n_beats"


@pytest.mark.parametrize("training", [False, True])
def test_export_does_not_change_the_network(path, training):
    twin = networks.rounded(network(norm="batch"), "all_int8").train(training)
    before, x = copy.deepcopy(twin.state_dict()), beats(20)
    answers = logits(copy.deepcopy(twin).eval(), x)
    export_onnx(twin, path, "all_int8")
    assert all(module.training == training for module in twin.modules())
    after = twin.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    np.testing.assert_array_equal(logits(twin.eval(), x), answers)


def test_bytes_are_those_counted_by_hand(tmp_path):
    """A channel costs a bias and a scale in integers (8 bytes), but a bias only in fp32 (4)."""
    model = network(channels=(16, 32, 64, 128, 128), n_times=300)
    shapes = [(16, 3), (32, 16 * 3), (64, 32 * 3), (128, 64 * 3), (128, 128 * 3)]
    shapes += [(512, 128 * 9), (256, 512), (3, 256)]
    n_out, n_weights = sum(n for n, _ in shapes), sum(n * m for n, m in shapes)
    counted = {"none": 4 * (n_weights + n_out), "all_int8": n_weights + 8 * n_out + 5 * 8}
    size = {}
    for scope, expected in counted.items():
        twin, path = exported(model, tmp_path / f"{scope}.onnx", scope)
        size[scope] = path.stat().st_size
        assert sum(row.n_bytes for row in coverage(twin)) == expected
        assert 0 < size[scope] - expected < 25_000
    assert size["none"] / size["all_int8"] >= 3.8
    assert size["none"] == export_onnx(
        networks.rounded(model, "none"), tmp_path / "n.onnx", "none"
    )


def test_a_dead_channel_keeps_its_bias(path):
    model = network()
    with torch.no_grad():
        for layer, row, bias in ((model.conv3.conv, 2, 0.7), (model.out, 1, 0.3)):
            layer.weight[row], layer.bias[row] = 0, bias
    twin, _ = exported(model, path)
    x = beats(3000)
    answers = Deployed(path)(x.numpy())
    np.testing.assert_allclose(answers[:, 1], 0.3, rtol=1e-5)
    assert agreement(answers, logits(twin, x)) >= 0.999
    tensors = networks.tensors_of(path)
    assert not tensors["conv3.conv.weight_int"][2].any()
    stored = tensors["conv3.conv.bias_int"][2] * tensors["conv3.conv.bias_scale"][2]
    assert stored == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize("smaller", [1e-4, 1e-7, 1e-20])
def test_a_bias_that_32_bits_cannot_hold_in_its_own_steps(path, smaller):
    """A row of tiny weights has tiny steps, and its bias would need billions of them."""
    model = network()
    with torch.no_grad():
        model.out.weight[1] *= smaller
        model.out.bias[1] = -0.4
        model.conv4.conv.weight[3] *= smaller
        model.conv4.conv.bias[3] = 1.5
    twin, _ = exported(model, path)
    tensors, x = networks.tensors_of(path), beats(2000)
    for name, row, bias in (("out", 1, -0.4), ("conv4.conv", 3, 1.5)):
        stored = tensors[f"{name}.bias_int"][row] * tensors[f"{name}.bias_scale"][row]
        assert stored == pytest.approx(bias, rel=1e-3)
    answers, oracle = Deployed(path)(x.numpy()), IntegerNetwork(path)
    np.testing.assert_allclose(answers[:, 1], logits(twin, x)[:, 1], rtol=1e-4)
    assert agreement(answers, logits(twin, x)) >= 0.999
    assert agreement(answers, oracle(x.numpy())) >= 0.999
    assert oracle.largest_sum < 2**31


def test_layers_with_equal_tensors_each_have_their_own(path):
    """The exporter stores equal tensors once: biases that are all zero, twin convolutions."""
    model = network()
    with torch.no_grad():
        for name in LAYERS:
            model.get_submodule(name).bias.zero_()
    model.conv5.load_state_dict(model.conv4.state_dict())
    for scope in ("none", "all_int8"):
        twin, _ = exported(model, path, scope)
        assert set(stored_bits(path)) == {f"{name}.weight" for name in LAYERS}
        assert {node.op_type for node in read_onnx(path).graph.node}.isdisjoint({"Identity"})
        answers = Deployed(path)(beats(99).numpy())
        assert np.median(np.abs(answers - logits(twin, beats(99)))) < 1e-5


def test_the_file_says_what_it_is(deployed_as):
    _, path = deployed_as("head_int8")
    properties = {entry.key: entry.value for entry in read_onnx(path).metadata_props}
    assert properties == {"network": "ECGNet", "scope": "head_int8"}


def test_learned_steps_are_exported_as_they_clip(path):
    """A learned step may be so small that the largest weights end at −128 and 127."""
    twin = networks.rounded(network(), "all_int8", step="learned")
    with torch.no_grad():
        for name in LAYERS:
            twin.get_submodule(name).weight_quantizer.learned /= 16
    export_onnx(twin, path, "all_int8")
    x = beats(2000)
    answers = Deployed(path)(x.numpy())
    assert agreement(answers, logits(twin, x)) >= 0.999
    assert agreement(answers, IntegerNetwork(path)(x.numpy())) >= 0.999
    stored = networks.tensors_of(path)["fc2.weight_int"]
    assert (stored.min(), stored.max()) == (-128, 127)
