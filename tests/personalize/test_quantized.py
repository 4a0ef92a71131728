"""Quantization as the last stage, against the same steps done plainly."""

import copy
from dataclasses import replace

import pytest
import torch

from ecglib.data.inputs import Inputs
from ecglib.models.ecgnet import EVERYTHING, HEAD, PARTS, ECGNet, ECGNetConfig
from ecglib.personalize.quantized import QuantizedStage
from ecglib.quant import calibrate, fold_batchnorm, freeze_ranges, quantize, require_coverage
from ecglib.quant.qat import activation_quantizers
from ecglib.studies.int8 import Int8Config
from ecglib.system.errors import UserError
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.tasks import SupervisedTask, class_weights
from tests.toys import copied_state, toy_beats

CHANNELS = (4, 4, 4, 4, 4)
QUICK = {"batch_size": 16, "qat_learning_rate": 3e-3, "calibration_beats": 20}
BASELINE = Int8Config(channels=CHANNELS, norm="batch", imbalance="sqrt", **QUICK)
SSL = replace(BASELINE, pipeline="ssl", strategy="head_only", finetune="head")


@pytest.fixture(scope="module")
def train():
    return toy_beats(60)


@pytest.fixture(scope="module")
def fp32(train):
    """Network whose BatchNorm knows the data."""
    torch.manual_seed(0)
    model = ECGNet(ECGNetConfig(CHANNELS, n_times=train.x.shape[1], norm="batch"))
    with torch.no_grad():
        for _ in range(20):
            model.train()(train.x, train.rr)
    return model.eval()


def with_another_head(model, seed):
    """The same backbone in front of a head of its own, as patients have it."""
    other = copy.deepcopy(model)
    torch.manual_seed(seed)
    for part in HEAD:
        getattr(other, part).reset_parameters()
    return other


def changed(state, other):
    """Names of the tensors that differ."""
    assert state.keys() == other.keys()
    return {name for name in state if not torch.equal(state[name], other[name])}


def calibrated_plainly(model, train, config):
    """Oracle: quantized and calibrated on the beats that the seed draws."""
    twin = quantize(model, config.scope, step=config.step)
    if config.scope != "none":
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(config.seed))
        drawn = order[: config.calibration_beats]
        calibrate(twin, train.x[drawn], train.rr[drawn])
    return twin


def trained_plainly(model, train, config, parts):
    """Oracle: calibrated, then trained on the beats, or on features computed anew."""
    twin = calibrated_plainly(model, train, config)
    part, inputs = twin, (train.x, train.rr)
    if parts == HEAD:
        part, inputs = twin.classify, (twin.features(train.x).detach(),)
    task = SupervisedTask(part, inputs, train.y, class_weights(train.y, config.imbalance))
    rates = config.qat_learning_rate, config.weight_decay, config.decay
    schedule = Schedule(config.qat_epochs, config.batch_size, *rates)
    freeze = {"before_last": lambda: freeze_ranges(twin)}
    fit(twin, parts, task, schedule, seed=config.seed, **freeze)
    return twin


def assert_same(model, expected):
    assert changed(model.state_dict(), expected.state_dict()) == set()
    assert not model.training


def test_without_scope_and_training_the_function_is_the_same(fp32, train):
    config = replace(BASELINE, scope="none", method="ptq")
    model = QuantizedStage(train, config).quantized(fp32)
    torch.testing.assert_close(model(train.x), fp32(train.x), rtol=1e-4, atol=1e-5)
    assert activation_quantizers(model) == {}


@pytest.mark.parametrize("scope", ["head_int8", "shallow_int8", "all_int8"])
@pytest.mark.parametrize("config", [BASELINE, SSL], ids=["baseline", "ssl"])
def test_ptq_is_calibration_on_the_drawn_beats(fp32, train, scope, config):
    config = replace(config, scope=scope, method="ptq")
    stage = QuantizedStage(train, config)
    model = stage.quantized(fp32)
    assert_same(model, calibrated_plainly(fp32, train, config))
    require_coverage(model, scope)
    assert set(stage.watch.seconds) == {"calibrate"}


def test_the_seed_draws_the_calibration_beats(fp32, train):
    ranges = []
    for change in ({}, {"seed": 21}, {"calibration_beats": 4096}):
        config = replace(BASELINE, scope="all_int8", method="ptq", **change)
        quantizer = QuantizedStage(train, config).quantized(fp32).conv1.conv.input_quantizer
        ranges.append((quantizer.low.item(), quantizer.high.item()))
    assert len(set(ranges)) == 3
    assert ranges[2] == (train.x.min().item(), train.x.max().item())  # no more beats than are


@pytest.mark.parametrize("step", ["minmax", "learned"])
@pytest.mark.parametrize("scope", ["none", "shallow_int8", "all_int8"])
def test_qat_of_a_baseline_trains_the_whole_network(fp32, train, scope, step):
    config = replace(BASELINE, scope=scope, step=step)
    stage = QuantizedStage(train, config)
    model = stage.quantized(fp32)
    assert_same(model, trained_plainly(fp32, train, config, EVERYTHING))
    moved = changed(model.state_dict(), calibrated_plainly(fp32, train, config).state_dict())
    assert {name.partition(".")[0] for name in moved} == set(PARTS)
    assert set(stage.watch.seconds) == {"calibrate", "qat"}


def test_without_scope_qat_trains_fp32_further_and_lowers_the_loss(fp32, train):
    config = replace(BASELINE, qat_epochs=5)
    model = QuantizedStage(train, config).quantized(fp32)
    loss = torch.nn.functional.cross_entropy
    assert loss(model(train.x), train.y) < loss(fp32(train.x), train.y) - 0.05


@pytest.mark.parametrize("scope", ["none", "head_int8", "all_int8"])
def test_a_frozen_backbone_stays_and_the_head_moves(fp32, train, scope):
    config = replace(SSL, scope=scope)
    model = QuantizedStage(train, config).quantized(fp32)
    plain = calibrated_plainly(fp32, train, config)
    moved = changed(model.state_dict(), plain.state_dict())
    assert {name.partition(".")[0] for name in moved} == set(HEAD)
    assert {f"{part}.weight" for part in HEAD} <= moved
    assert_same(model, trained_plainly(fp32, train, config, HEAD))


def test_ranges_are_frozen_after_the_last_epoch(fp32, train):
    for config, frozen in ((BASELINE, True), (replace(BASELINE, method="ptq"), False)):
        model = QuantizedStage(train, replace(config, scope="all_int8")).quantized(fp32)
        quantizers = activation_quantizers(model)
        assert len(quantizers) == 8
        assert {quantizer.frozen for quantizer in quantizers.values()} == {frozen}


def test_finetuning_all_trains_all_of_a_patients_network(fp32, train):
    config = replace(SSL, finetune="all", strategy="full", scope="all_int8")
    stage = QuantizedStage(train, config)
    assert_same(stage.quantized(fp32), trained_plainly(fp32, train, config, EVERYTHING))
    assert stage.features is None


@pytest.mark.parametrize("scope", ["none", "shallow_int8", "all_int8"])
def test_features_are_computed_once_and_are_those_of_the_rounded_backbone(fp32, train, scope):
    config = replace(SSL, scope=scope)
    stage = QuantizedStage(train, config)
    assert stage.features is None
    first = stage.quantized(fp32)
    cached = stage.features
    assert torch.equal(cached, in_batches(first.features, train.x))
    other = with_another_head(fp32, seed=5)
    second = stage.quantized(other)
    assert stage.features is cached
    assert_same(second, trained_plainly(other, train, config, HEAD))


@pytest.mark.parametrize("strategy", ["adabn", "full"])
def test_patients_with_their_own_backbones_share_no_features(fp32, train, strategy):
    config = replace(SSL, scope="all_int8", strategy=strategy)
    stage, other = QuantizedStage(train, config), copy.deepcopy(fp32)
    with torch.no_grad():
        other.conv5.norm.running_mean += 0.3
    for model in (fp32, other):
        assert_same(stage.quantized(model), trained_plainly(model, train, config, HEAD))
    assert stage.features is None


@pytest.mark.parametrize("config", [BASELINE, SSL], ids=["baseline", "ssl"])
@pytest.mark.parametrize("scope", ["none", "all_int8"])
def test_the_fp32_network_stays_as_it_is(fp32, train, config, scope):
    before = copied_state(fp32)
    QuantizedStage(train, replace(config, scope=scope)).quantized(fp32)
    assert changed(before, fp32.state_dict()) == set()
    assert not fp32.training
    assert all(parameter.requires_grad for parameter in fp32.parameters())


def test_a_folded_network_is_quantized_alike(fp32, train):
    folded = copy.deepcopy(fp32)
    fold_batchnorm(folded)
    stage = QuantizedStage(train, replace(BASELINE, scope="all_int8", method="ptq"))
    assert_same(stage.quantized(folded), stage.quantized(fp32))


def test_recordings_with_nan_are_refused(fp32, train):
    x = train.x.clone()
    x[:, 5] = torch.nan
    broken = Inputs(x, train.rr, train.y)
    rounded = replace(BASELINE, scope="all_int8"), replace(SSL, scope="head_int8")
    for config in (BASELINE, *rounded):
        with pytest.raises(UserError, match="look for NaN in the recordings"):
            QuantizedStage(broken, config).quantized(fp32)


def test_a_training_side_without_beats_is_refused(fp32, train):
    nobody = train.select(torch.zeros(len(train), dtype=torch.bool))
    with pytest.raises(UserError, match="calibration got no beats"):
        QuantizedStage(nobody, replace(BASELINE, scope="all_int8")).quantized(fp32)
