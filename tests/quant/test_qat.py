"""From an fp32 network to a trained fake-quantized one, step by step."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ecglib.models.ecgnet import EVERYTHING, HEAD, ECGNet, ECGNetConfig
from ecglib.personalize.strategies import add_adapters
from ecglib.quant import calibrate, fold_batchnorm, freeze_ranges, quantize
from ecglib.quant.modules import MOMENTUM, QuantLayer
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.qat import activation_quantizers
from ecglib.quant.scopes import layers_in_scope
from ecglib.system.errors import UserError
from ecglib.training.loop import Schedule, fit, predict
from ecglib.training.tasks import SupervisedTask
from tests.toys import copied_state, same, toy_beats

N_TIMES = 64
SCOPES = ("head_int8", "shallow_int8", "all_int8")


def network(norm="batch", **size):
    """Tiny network; BatchNorm has seen statistics and scales of its own."""
    torch.manual_seed(0)
    model = ECGNet(ECGNetConfig((4, 4, 4, 4, 4), n_times=N_TIMES, norm=norm, **size))
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.2, 4)
                layer.weight.uniform_(0.5, 2)
                layer.bias.normal_()
    return model.eval()


def beats(n_beats=64, seed=1):
    return torch.randn(n_beats, N_TIMES, generator=torch.Generator().manual_seed(seed))


def rounded(model, scope="all_int8", **how):
    """Quantized and calibrated."""
    twin = quantize(model, scope, **how)
    calibrate(twin, beats())
    return twin


def task_on(model, data):
    return SupervisedTask(model, (data.x,), data.y)


def schedule(epochs):
    return Schedule(epochs, batch_size=16, learning_rate=3e-3, weight_decay=0.01)


def ranges_of(model):
    return {n: (q.low.item(), q.high.item()) for n, q in activation_quantizers(model).items()}


def sqnr_of_logits(model, twin):
    with torch.no_grad():
        return sqnr_db(model(beats(seed=2)).numpy(), twin(beats(seed=2)).numpy())


def test_folding_keeps_the_function_and_leaves_no_batchnorm():
    model = network()
    add_adapters(model, seed=0)
    expected = model(beats())
    fold_batchnorm(model)
    torch.testing.assert_close(model(beats()), expected, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm1d) for layer in model.modules())


def test_folding_a_variance_near_epsilon_is_what_pytorch_folds():
    """A channel that hardly varies: without epsilon it would be a thousand times larger."""
    model = network()
    norms = [model.get_submodule(f"conv{i}").norm for i in range(1, 6)]
    for norm, ratio in zip(norms, (1e-6, 0.01, 0.5, 1, 3), strict=True):
        norm.running_var.fill_(ratio * norm.eps)
    blocks = [copy.deepcopy(model.get_submodule(f"conv{i}")) for i in range(1, 6)]
    fold_batchnorm(model)
    for i, block in enumerate(blocks, start=1):
        found, own = model.get_submodule(f"conv{i}").conv, block.conv
        expected = fuse_conv_bn_eval(own, block.norm)
        torch.testing.assert_close(found.weight, expected.weight, rtol=1e-6, atol=0)
        torch.testing.assert_close(found.bias, expected.bias, rtol=1e-6, atol=0)
        gain = block.norm.weight / torch.sqrt(block.norm.running_var + block.norm.eps)
        torch.testing.assert_close(found.weight, own.weight * gain[:, None, None])
        bias = (own.bias - block.norm.running_mean) * gain + block.norm.bias
        torch.testing.assert_close(found.bias, bias)


def test_folding_a_network_without_batchnorm_changes_nothing():
    model = network("none")
    before = copied_state(model)
    fold_batchnorm(model)
    assert same(before, model.state_dict())


@pytest.mark.parametrize("scope", ["none", *SCOPES])
def test_the_given_network_stays_as_it_is(scope):
    model = network().train()
    before = copied_state(model)
    twin = rounded(model, scope) if scope != "none" else quantize(model, scope)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    assert same(before, model.state_dict())
    assert model.training
    assert not any(isinstance(layer, QuantLayer) for layer in model.modules())
    assert not twin.training


@pytest.mark.parametrize("step", ["minmax", "learned"])
def test_quantizing_draws_no_random_numbers(step):
    model = network()
    before = torch.get_rng_state()
    rounded(model, step=step)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("scope", SCOPES)
def test_layers_in_scope_and_no_others_are_quantized(scope, norm):
    model = rounded(network(norm), scope)
    quantized = [n for n, m in model.named_modules() if isinstance(m, QuantLayer)]
    assert quantized == layers_in_scope(model, scope)
    assert list(activation_quantizers(model)) == quantized


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("scope", SCOPES)
def test_eight_bits_are_close_to_fp32_and_four_are_less_so(scope, norm):
    model = network(norm)
    noise = {bits: sqnr_of_logits(model, rounded(model, scope, bits=bits)) for bits in (4, 8)}
    assert 25 < noise[8] < 80
    assert noise[4] < noise[8] - 15


def test_every_layer_has_the_bits_of_its_weights_and_eight_of_its_input():
    names = layers_in_scope(network(), "all_int8")
    bits = dict(zip(names, (8, 7, 6, 5, 4, 3, 2, 4), strict=True))
    twin = rounded(network(), weight_bits=bits)
    for name, width in bits.items():
        layer = twin.get_submodule(name)
        filters = layer.weight_quantizer(layer.weight).detach().flatten(1)
        steps = filters / filters.abs().amax(dim=1, keepdim=True) * (2 ** (width - 1) - 1)
        torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-4)
        assert layer.input_quantizer.bits == 8


def test_rr_ratios_are_calibrated_with_their_beats():
    model, rr = network(n_rr=5), torch.linspace(-3, 7, 320).reshape(64, 5)
    twin = quantize(model, "all_int8")
    calibrate(twin, beats(), rr, batch_size=64)
    assert ranges_of(twin)["rr.0"] == (-3, 7)
    assert sqnr_db(model(beats(), rr).detach().numpy(), twin(beats(), rr).detach().numpy()) > 25


def test_calibration_follows_the_extremes_of_batches():
    twin = quantize(nn.Sequential(nn.Linear(2, 1)), "all_int8")
    calibrate(twin, torch.tensor([[-1.0, 2], [0, 3], [-4, 0], [1, 9], [5, 5.0]]), batch_size=2)
    low, high = -1.0, 3.0
    for new_low, new_high in ((-4, 9), (5, 5)):
        low, high = low + MOMENTUM * (new_low - low), high + MOMENTUM * (new_high - high)
    assert ranges_of(twin)["0"] == pytest.approx((low, high))


def test_calibration_sees_activations_before_they_are_rounded():
    twin = quantize(nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1)), "all_int8")
    x = torch.tensor([[0.3, -0.7], [1.1, 0.2]])
    calibrate(twin, x)
    weight = twin[0].weight_quantizer(twin[0].weight)
    hidden = nn.functional.linear(x, weight, twin[0].bias)
    assert ranges_of(twin)["1"] == pytest.approx((hidden.min().item(), hidden.max().item()))


def test_calibration_without_beats_is_refused():
    with pytest.raises(UserError, match="calibration got no beats"):
        calibrate(quantize(network(), "all_int8"), torch.zeros(0, N_TIMES))


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_calibration_on_constant_beats_names_the_layer(value):
    message = r"one constant value at the input of layer conv1\.conv"
    with pytest.raises(UserError, match=message):
        calibrate(quantize(network(), "all_int8"), torch.full((8, N_TIMES), value))


def test_calibration_behind_a_dead_layer_names_the_layer_after_it():
    model = network("none")
    with torch.no_grad():
        model.conv5.conv.bias.fill_(-1e3)
    with pytest.raises(UserError, match=r"input of layer fc1; .* look for a dead layer"):
        rounded(model, "head_int8")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_calibration_on_beats_that_are_not_finite_is_refused_and_ends_observing(bad):
    twin, x = quantize(network(), "all_int8"), beats()
    x[17, 5] = bad
    with pytest.raises(UserError, match="look for NaN in the recordings"):
        calibrate(twin, x)
    assert not any(quantizer.observing for quantizer in activation_quantizers(twin).values())


def test_a_training_batch_with_nan_is_refused():
    twin, data = rounded(network()), toy_beats(48)
    data.x[3, 3] = torch.nan
    with pytest.raises(UserError, match="look for NaN in the recordings"):
        fit(twin, EVERYTHING, task_on(twin, data), schedule(1), seed=7)


@pytest.mark.parametrize("step", ["minmax", "learned"])
def test_a_saved_network_answers_the_same_when_loaded(step, tmp_path):
    twin = rounded(network(), step=step)
    fit(twin, HEAD, task_on(twin, toy_beats(48)), schedule(1), seed=7)
    torch.save(twin.state_dict(), tmp_path / "int8.pt")
    fresh = quantize(network(), "all_int8", step=step)
    assert not torch.equal(fresh(beats()), twin(beats()))
    fresh.load_state_dict(torch.load(tmp_path / "int8.pt", weights_only=True))
    assert torch.equal(fresh(beats()), twin(beats()))


@pytest.mark.parametrize("step", ["minmax", "learned"])
def test_a_separable_task_is_learnt_on_integers(step):
    """After three epochs in fp32 and a fold, which leaves the loss high."""
    torch.manual_seed(0)
    data, frozen = toy_beats(48), {}
    fp32 = ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=N_TIMES, norm="batch"))
    fit(fp32, EVERYTHING, task_on(fp32, data), schedule(3), seed=7)
    model = quantize(fp32, "all_int8", step=step)
    calibrate(model, data.x)
    calibrated = ranges_of(model)

    def freeze():
        freeze_ranges(model)
        frozen.update(ranges_of(model))

    task = task_on(model, data)
    history = fit(model, EVERYTHING, task, schedule(6), seed=7, before_last=freeze)
    assert history.loss[0] > 0.3
    assert history.loss[-1] < 0.05
    assert predict(model, data).tolist() == data.y.tolist()
    assert ranges_of(model) == frozen
    moved = {name for name in calibrated if frozen[name] != calibrated[name]}
    assert moved == set(layers_in_scope(model, "all_int8"))


def test_training_the_head_moves_no_range_of_the_backbone():
    model, data = rounded(network()), toy_beats(48)
    before = ranges_of(model)
    fit(model, HEAD, task_on(model, data), schedule(1), seed=7)
    after = ranges_of(model)
    assert {name for name in before if before[name] != after[name]} == set(HEAD)


def test_training_moves_learned_steps_which_stay_a_grid():
    model, data = rounded(network(), step="learned"), toy_beats(48)
    before = {n: p.clone() for n, p in model.named_parameters() if n.endswith("learned")}
    fit(model, EVERYTHING, task_on(model, data), schedule(2), seed=7)
    assert len(before) == 8
    for name, start in before.items():
        step = model.get_parameter(name)
        layer = model.get_submodule(name.removesuffix(".weight_quantizer.learned"))
        assert (step != start).any()
        filters = layer.weight_quantizer(layer.weight).flatten(1)
        steps = filters / step.abs()[:, None]
        torch.testing.assert_close(steps, steps.round(), rtol=1e-6, atol=0)
        assert steps.abs().max() <= 128.001
