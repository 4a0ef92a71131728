"""Pruning and rounding during training: scores by formula, masks by count, outputs compared."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize

from ecglib.compress.coded import clipped_scale
from ecglib.compress.methods import without_weight_norm
from ecglib.compress.trained import MASK_EVERY, Coder, lamp_scores, train_compressed
from ecglib.compress.weights import matrix_names
from ecglib.models.layers import weight_layers
from ecglib.studies.compression import CompressionConfig
from ecglib.training.loop import Schedule, fit
from ecglib.training.on_recordings import learning_parts
from ecglib.training.on_recordings import predict as predicted
from ecglib.training.tasks import RecordingTask
from tests.toys import bumps, resnet

CONFIG = CompressionConfig(
    method="joint", bits=4, share=0.5, tune_epochs=2, batch_size=8, tune_learning_rate=3e-3
)
HALF_STEP = 2.0**-11
"""Largest relative error of half precision."""


def lamp_by_hand(w):
    """Square of each weight over the sum of its own and all larger ones."""
    square = np.square(w.astype(np.float64))
    return np.array([s / square[square >= s].sum() for s in square.ravel()]).reshape(w.shape)


def masks(coder):
    return [coded.mask.numpy().astype(bool) for _, coded in coder._weights()]


def n_masked(coder):
    return sum(np.count_nonzero(~mask) for mask in masks(coder))


def n_weights(model):
    return sum(layer.weight.numel() for layer in weight_layers(model).values())


def taught(model, coder, n_steps=6, x=None):
    """The network after a few steps towards random targets, in evaluation mode."""
    x = bumps(12).x if x is None else x
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    target = torch.randn(model(x).shape)
    for step in range(n_steps):
        coder.before_step(step / n_steps)
        optimizer.zero_grad()
        torch.square(model.train()(x) - target).mean().backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def teacher():
    model = resnet()
    schedule = Schedule(8, batch_size=8, learning_rate=1e-2, weight_decay=0.0)
    fit(model, learning_parts(model), RecordingTask(model, bumps(48)), schedule, seed=7)
    return model


@given(
    st.lists(st.integers(-1000, 1000).filter(bool), min_size=2, max_size=40, unique_by=abs),
    st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_lamp_scores_are_the_formula(values, unit):
    w = (np.array(values) * unit).astype(np.float32)[:, None]
    scores = lamp_scores(torch.from_numpy(w)).numpy()
    np.testing.assert_allclose(scores, lamp_by_hand(w), rtol=1e-5)
    assert scores.max() == 1


def test_lamp_scores_of_zeros_are_zero():
    scores = lamp_scores(torch.tensor([[0.0, 3.0], [0.0, -4.0]]))
    torch.testing.assert_close(scores, torch.tensor([[0.0, 9 / 25], [0.0, 1.0]]))
    assert not lamp_scores(torch.zeros(2, 3)).any()


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 100))
def test_pruning_masks_as_many_weights_as_told_but_never_a_whole_layer(share, seed):
    """The largest weight of a layer stays, however small it is against those of others."""
    model = resnet(seed)
    model.out.weight.data *= 1e-3
    model.stem.conv.weight.data *= 1e3
    coder, n = Coder(model, 4, share), n_weights(model)
    coder.prune(share)
    n_layers = len(weight_layers(model))
    assert n_masked(coder) == min(math.floor(share * n), n - n_layers)
    assert all(mask.any() for mask in masks(coder))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_weights_of_lowest_score_are_masked_across_layers(share):
    model = resnet()
    coder = Coder(model, 4, share)
    coder.prune(share)
    originals = [weight.detach().numpy() for weight, _ in coder._weights()]
    scores = np.concatenate([lamp_by_hand(w).ravel() for w in originals])
    kept = np.concatenate([mask.ravel() for mask in masks(coder)])
    assert scores[~kept].max() < scores[kept].min()
    for w, mask, layer in zip(originals, masks(coder), coder.layers.values(), strict=True):
        np.testing.assert_array_equal(layer.weight.detach().numpy(), w * mask)


def test_a_masked_weight_that_grows_comes_back():
    coder = Coder(resnet(), 4, 0.5)
    coder.prune(0.5)
    weight, coded = coder._weights()[-1]
    least = tuple((coded.mask == 0).nonzero()[0])
    weight.data[least] = 100
    coder.prune(0.5)
    assert coded.mask[least] == 1
    assert n_masked(coder) == n_weights(coder.model) // 2


def test_pruning_grows_by_its_law_and_is_complete_at_half_of_the_training():
    """Cubic in the progress (Zhu & Gupta 2018), looked at every so many steps."""
    model, n_steps, share = resnet(), 200, 0.8
    coder, n = Coder(model, 4, share), n_weights(model)
    for step in range(n_steps):
        coder.before_step(step / n_steps)
        rounding = {coded.rounding for _, coded in coder._weights()}
        if step < 100:
            looked = step - step % MASK_EVERY
            expected = math.floor(share * (1 - (1 - looked / 100) ** 3) * n)
            assert rounding == {False}
        else:
            expected = math.floor(share * n)
            assert rounding == {True}
        assert n_masked(coder) == pytest.approx(expected, abs=1)  # floor of a rounded number
    assert n_masked(coder) == math.floor(share * n)


def test_masks_stay_once_rounding_has_begun():
    coder = Coder(resnet(), 4, 0.5)
    coder.before_step(0.5)
    before = masks(coder)
    for weight, _ in coder._weights():
        weight.data = weight.data.flip(0)
    for progress in np.linspace(0.5, 1, 2 * MASK_EVERY):
        coder.before_step(progress)
    for mask, other in zip(masks(coder), before, strict=True):
        np.testing.assert_array_equal(mask, other)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounding_begins_with_the_steps_of_least_squared_error(bits):
    coder = Coder(resnet(), bits, 0.5)
    coder.before_step(0.5)
    q_max = 2 ** (bits - 1) - 1
    for (weight, coded), layer in zip(coder._weights(), coder.layers.values(), strict=True):
        pruned = (weight * coded.mask).detach().numpy()
        step = clipped_scale(pruned, bits, axis=0)
        integers = np.clip(np.rint(pruned / step), -q_max - 1, q_max)
        np.testing.assert_allclose(layer.weight.detach(), integers * step, rtol=1e-6)


@pytest.mark.parametrize(("bits", "share"), [(2, 0.0), (3, 0.6), (8, 0.9)])
def test_the_finished_network_is_the_trained_one(bits, share):
    model = resnet()
    coder = Coder(model, bits, share)
    x = bumps(20, seed=5).x
    expected, kept = taught(model, coder)(x).detach(), masks(coder)
    weights = {name: layer.weight.detach() for name, layer in weight_layers(model).items()}
    norms = {
        f"{name}.conv": module.norm.weight / torch.sqrt(module.norm.running_var + 1e-5)
        for name, module in model.named_modules()
        if hasattr(module, "norm")
    }
    coded, network = coder.finish()
    assert network is model
    assert list(coded.tensors) == matrix_names(network)
    for (name, tensor), mask in zip(coded.tensors.items(), kept, strict=True):
        assert (tensor.bits, tensor.masked, tensor.q.dtype) == (bits, share > 0, np.int8)
        assert -(2 ** (bits - 1)) <= tensor.q.min() <= tensor.q.max() < 2 ** (bits - 1)
        assert not tensor.q[~mask].any()
        layer = name.removesuffix(".weight")
        factor = norms.get(layer, torch.ones(len(tensor.q))).detach()
        folded = weights[layer] * factor.reshape(-1, *[1] * (tensor.q.ndim - 1))
        np.testing.assert_allclose(tensor.values(), folded, rtol=HALF_STEP + 1e-5)
        np.testing.assert_array_equal(tensor.q != 0, weights[layer].numpy() != 0)
    coded.load_into(network)
    torch.testing.assert_close(network(x).detach(), expected, rtol=5e-3, atol=5e-3)


def test_positive_scales_are_written_in_half_precision():
    model = resnet()
    model.stem.norm.weight.data.abs_()
    coder = Coder(model, 4, 0.0)
    coder.before_step(0.5)
    for tensor in coder.finish()[0].tensors.values():
        np.testing.assert_array_equal(tensor.scale, tensor.scale.astype(np.float16))


def test_the_finished_network_has_neither_batchnorm_nor_parametrizations():
    coder = Coder(resnet(), 4, 0.5)
    taught(coder.model, coder)
    _, network = coder.finish()
    assert not any(isinstance(module, nn.BatchNorm1d) for module in network.modules())
    assert not any(parametrize.is_parametrized(module) for module in network.modules())
    assert not network.training


def test_a_layer_beside_a_folded_convolution_keeps_its_scales(net):
    model = without_weight_norm(net)
    x = torch.randn(8, 2, 40)
    coder = Coder(model, 4, 0.3)
    expected = taught(model, coder, x=x)(x).detach()
    coded, network = coder.finish()
    coded.load_into(network)
    torch.testing.assert_close(network(x).detach(), expected, rtol=5e-3, atol=5e-3)


def test_a_training_of_a_single_step_is_pruned_and_rounded_too():
    model = resnet()
    coder = Coder(model, 8, 0.5)  # so many bits that rounding makes few zeros by itself
    taught(model, coder, n_steps=1)
    coded, _ = coder.finish()
    n_kept = sum(np.count_nonzero(tensor.q) for tensor in coded.tensors.values())
    assert n_kept <= n_weights(model) - n_weights(model) // 2


def test_the_seed_alone_decides(teacher):
    runs = []
    for seed in (7, 7, 8):
        torch.randn(len(runs))
        coded, _, history = train_compressed(teacher, bumps(24), replace(CONFIG, seed=seed))
        runs.append((coded.state_dict(), history.loss))
    (first, loss), (second, again), (other, _) = runs
    assert loss == again
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_compressed_network_still_knows_what_its_teacher_knew(teacher, share):
    method = "joint" if share else "trained"
    config = replace(CONFIG, method=method, share=share, tune_epochs=6)
    coded, network, _ = train_compressed(teacher, bumps(48), config)
    coded.load_into(network)
    fresh = bumps(48, seed=9)
    assert (predicted(teacher, fresh) == fresh.y.numpy()).mean() > 0.9
    assert (predicted(network, fresh) == fresh.y.numpy()).mean() > 0.9
    n_kept = sum(np.count_nonzero(tensor.q) for tensor in coded.tensors.values())
    if share:
        assert n_kept <= math.ceil((1 - share) * n_weights(teacher))
