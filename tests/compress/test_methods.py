"""Every method by name: what it codes, what it looks at, and that its file reads back."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import entropy
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from ecglib.compress import CodedModel, encode, load_compressed, methods, save_compressed
from ecglib.compress.methods import METHODS, compress, folded, without_weight_norm
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.data.samples import logits_of
from ecglib.quant import quantize_array
from ecglib.studies.compression import CompressionConfig
from ecglib.training.loop import Schedule, fit
from ecglib.training.on_recordings import learning_parts, predict
from ecglib.training.tasks import RecordingTask
from tests.toys import bumps, copied_state, resnet, same_state, sides

CONFIG = CompressionConfig(
    bits=4, share=0.5, mean_bits=4.0, tolerance=0.05, tune_epochs=2, batch_size=8
)
TRAINING = ("trained", "joint", "longer")
LAYERWISE = ("laq", "laq_printed", "lap", "laq_shared")
VALIDATION = bumps(18, seed=1)


class Normed(nn.Module):
    """Convolution and BatchNorm, a convolution with weight norm, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 3, 5)
        self.norm = nn.BatchNorm1d(3)
        self.normed = weight_norm(nn.Conv1d(3, 4, 3), dim=2)
        self.out = nn.Linear(4, 3)

    def forward(self, x):  # (B, n_times) -> (B, 3)
        x = torch.relu(self.norm(self.conv(x.unsqueeze(1))))
        return self.out(torch.relu(self.normed(x)).mean(dim=2))


def normed():
    torch.manual_seed(0)
    model = Normed()
    model.train()(bumps(24).x)
    return model.eval()


@pytest.fixture(scope="module")
def trained():
    model = resnet()
    schedule = Schedule(4, batch_size=8, learning_rate=1e-2, weight_decay=0.0)
    fit(model, learning_parts(model), RecordingTask(model, bumps(24)), schedule, seed=7)
    return model


def compressed_by(method, model, **changes):
    """What a method makes; sides that it may not look at are missing."""
    given = {"train": bumps(24)} if method in TRAINING else {"validation": VALIDATION}
    return compress(model, sides(**given), replace(CONFIG, method=method, **changes))


def logits(model, samples=VALIDATION):
    with torch.no_grad():
        return logits_of(model, samples.x)


def loaded(compressed):
    network = copy.deepcopy(compressed.network)
    compressed.coded.load_into(network)
    return network


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [resnet, normed])
def test_every_method_reads_back_from_its_file_as_it_was(method, make, tmp_path):
    model = make()
    before, answers = copied_state(model), logits(model)
    compressed = compressed_by(method, model)
    assert isinstance(compressed.coded, CodedModel)
    direct = loaded(compressed)
    save_compressed(tmp_path / "it.ecgc", compressed.coded)
    load_compressed(tmp_path / "it.ecgc", compressed.network).load_into(compressed.network)
    assert torch.equal(logits(compressed.network), logits(direct))
    assert same_state(model, before)
    assert torch.equal(logits(model), answers)
    assert not compressed.network.training
    own = {p.data_ptr() for p in model.parameters()}
    assert not own & {p.data_ptr() for p in compressed.network.parameters()}
    json.dumps(compressed.decisions)  # as a result is written


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"fixed_prune", *LAYERWISE}))
def test_mild_compression_changes_logits_but_hardly_an_answer(method, trained):
    network = loaded(compressed_by(method, trained, bits=8, share=0.05, mean_bits=7.5))
    agree = (predict(network, VALIDATION) == predict(trained, VALIDATION)).mean()
    assert agree >= 0.9
    assert not torch.equal(logits(network), logits(trained))


@pytest.mark.parametrize("change", [without_weight_norm, folded])
def test_copies_with_plain_weights_compute_the_same(change):
    model = normed()
    plain = change(model)
    torch.testing.assert_close(logits(plain), logits(model))
    assert not any(parametrize.is_parametrized(module) for module in plain.modules())
    assert "normed.weight" in dict(plain.named_parameters())
    has_norm = any(isinstance(module, nn.BatchNorm1d) for module in plain.modules())
    assert has_norm == (change is without_weight_norm)


@pytest.mark.parametrize("change", [without_weight_norm, folded])
def test_the_network_that_was_copied_keeps_its_weight_norm(change):
    """A copy of a parametrized layer shares its class, from which torch takes the weight."""
    model, twin = normed(), copy.deepcopy(normed())
    expected = logits(model)
    change(model), change(model), change(twin)
    assert torch.equal(logits(model), expected)
    assert torch.equal(logits(twin), expected)
    assert torch.equal(logits(copy.deepcopy(model)), expected)
    assert "normed.parametrizations.weight.original0" in model.state_dict()
    model(VALIDATION.x).sum().backward()
    assert model.normed.parametrizations.weight.original0.grad.abs().sum() > 0
    with torch.no_grad():
        model.normed.parametrizations.weight.original0.mul_(2)
    assert not torch.equal(logits(model), expected)


def test_a_network_without_weight_norm_is_only_copied():
    model = resnet()
    plain = without_weight_norm(model)
    assert same_state(plain, copied_state(model))
    plain.out.weight.data.zero_()
    assert model.out.weight.any()


def test_floats_that_fit_become_half_precision():
    tensors = encode(resnet(), 4, names=["out.weight"]).tensors
    rest = {
        "bias": np.array([0.1, -1e-6, 65504], np.float32),
        "far": np.array([0.1, -70000], np.float32),
        "steps": np.array(100_001),
        "none": np.zeros(0, np.float32),
    }
    found = methods.with_half_floats(CodedModel(tensors, rest))
    assert found.tensors is tensors
    assert found.rest["bias"].dtype == np.float32
    np.testing.assert_array_equal(found.rest["bias"], rest["bias"].astype(np.float16))
    np.testing.assert_array_equal(found.rest["far"], rest["far"])
    assert found.rest["steps"] == 100_001
    assert found.rest["none"].shape == (0,)
    assert rest["bias"][0] == np.float32(0.1)


@pytest.mark.parametrize("method", ["fixed_quant", "matrix_quant"])
def test_rounding_of_paper_2_with_or_without_gains(method):
    model = normed()
    coded = compressed_by(method, model).coded
    names = coded_names(model) if method == "fixed_quant" else matrix_names(model)
    assert ("norm.weight" in names) == (method == "fixed_quant")
    assert coded.bits() == dict.fromkeys(names, 4)
    for name in names:
        q, scale = quantize_array(model.get_parameter(name).detach().numpy(), 4)
        np.testing.assert_array_equal(coded.tensors[name].q, q)
        assert coded.tensors[name].scale == scale


@pytest.mark.parametrize("method", ["fixed_prune", "matrix_prune"])
def test_pruning_of_paper_2_with_or_without_gains(method):
    model = resnet()
    coded = compressed_by(method, model, share=0.6).coded
    names = coded_names(model) if method == "fixed_prune" else matrix_names(model)
    assert set(coded.tensors) == set(names)
    for name, tensor in coded.tensors.items():
        w = model.get_parameter(name).detach().numpy()
        kept = np.abs(w) > np.quantile(np.abs(w), 0.6)
        np.testing.assert_array_equal(tensor.values(), np.where(kept, w, 0))


def accuracy(model):
    return (predict(model, VALIDATION) == VALIDATION.y.numpy()).mean()


@pytest.mark.parametrize("method", ["laq", "laq_printed"])
def test_laq_judges_by_the_accuracy_of_the_validation_side(method, trained):
    decisions = compressed_by(method, trained).decisions
    scores, step, trial = decisions["importance"], decisions["steps"][0], resnet()
    assert list(scores) == coded_names(trained)
    first = min(scores, key=scores.get)
    encode(trained, 8, names=[first]).load_into(trial)
    assert (step["layer"], step["bits"], step["accuracy"]) == (first, 8, accuracy(trial))
    left_out = 1 - scores[first] / max(scores.values())
    share = scores[first] if method == "laq_printed" else left_out
    assert step["needed"] == pytest.approx(accuracy(trained) - CONFIG.tolerance * share)


def test_a_shared_tolerance_is_judged_by_the_answers_of_fp32(trained):
    decisions = compressed_by("laq_shared", trained).decisions
    scores, step, trial = decisions["importance"], decisions["steps"][0], resnet()
    assert list(scores) == matrix_names(trained)
    first = min(scores, key=scores.get)
    encode(trained, step["bits"], names=[first]).load_into(trial)
    before, after = (logits(model).softmax(dim=1).numpy() for model in (trained, trial))
    divergence = entropy(before, after, axis=1).mean()  # with two distributions it is relative
    assert (step["layer"], step["bits"]) == (first, 8)
    assert step["accuracy"] == pytest.approx(-divergence, rel=1e-3, abs=1e-7)
    share = trained.get_parameter(first).numel() / sum(
        trained.get_parameter(name).numel() for name in scores
    )
    assert step["needed"] == pytest.approx(-CONFIG.tolerance * share, abs=1e-7)


@pytest.mark.parametrize("method", ["laq", "lap", "laq_shared"])
def test_right_answers_of_the_validation_side_are_counted(method, trained):
    compressed = compressed_by(method, trained, tolerance=0.4)
    right = [
        predict(model, VALIDATION) == VALIDATION.y.numpy()
        for model in (trained, loaded(compressed))
    ]
    pairs = list(zip(*right, strict=True))
    losses = [
        F.cross_entropy(logits(model), VALIDATION.y).item()
        for model in (trained, loaded(compressed))
    ]
    found = compressed.decisions["validation"]
    assert [found.pop("loss_fp32"), found.pop("loss_coded")] == pytest.approx(losses, abs=1e-6)
    assert found == {
        "recordings": 18,
        "both_right": pairs.count((True, True)),
        "only_fp32_right": pairs.count((True, False)),
        "only_coded_right": pairs.count((False, True)),
    }


def test_lap_judges_by_the_accuracy_of_the_validation_side(trained):
    compressed = compressed_by("lap", trained, tolerance=0.4)
    *refused, accepted = compressed.decisions["steps"]
    assert accepted["p_max"] > 0
    assert accepted["accuracy"] == accuracy(loaded(compressed)) < 1
    assert accepted["needed"] == pytest.approx(accuracy(trained) - 0.4)
    assert all(step["accuracy"] < step["needed"] for step in refused)


def test_factors_of_the_importance_reach_it(trained):
    density = compressed_by("laq", trained, alpha=1.0, beta=0.0, gamma=0.0)
    sizes = {name: trained.get_parameter(name).numel() for name in coded_names(trained)}
    expected = {name: n / sum(sizes.values()) for name, n in sizes.items()}
    assert density.decisions["importance"] == pytest.approx(expected)


def test_clipping_codes_the_folded_network_with_a_scale_a_channel(trained):
    compressed = compressed_by("mse", trained)
    network = folded(trained)
    names = matrix_names(network)
    expected = encode(network, 4, names=names, axis=0, scale_rule="mse", half_scales=True)
    for name, tensor in expected.tensors.items():
        found = compressed.coded.tensors[name]
        np.testing.assert_array_equal(found.q, tensor.q)
        np.testing.assert_array_equal(found.scale, tensor.scale)
        assert found.scale.size == len(found.q)
    for name, array in expected.rest.items():
        half = array.astype(np.float16)
        np.testing.assert_array_equal(compressed.coded.rest[name], half)


@pytest.mark.parametrize("mean_bits", [2.0, 3.3, 8.0])
def test_allocated_bits_keep_to_their_budget(mean_bits, trained):
    compressed = compressed_by("allocated", trained, mean_bits=mean_bits)
    bits = compressed.decisions["bits"]
    assert compressed.coded.bits() == bits
    sizes = {name: tensor.q.size for name, tensor in compressed.coded.tensors.items()}
    spent = sum(sizes[name] * width for name, width in bits.items())
    assert spent <= mean_bits * sum(sizes.values())
    cost = compressed.decisions["sensitivity"]
    uniform = sum(row[int(mean_bits)] for row in cost.values())
    assert sum(cost[name][width] for name, width in bits.items()) <= uniform + 1e-9


def test_bits_are_allocated_by_how_far_the_answers_move(trained):
    cost = compressed_by("allocated", trained).decisions["sensitivity"]
    network = folded(trained)
    assert list(cost) == matrix_names(network)
    before = torch.softmax(logits(network), dim=1).numpy()
    for name, bits in (("out.weight", 2), ("stem.conv.weight", 3)):
        trial = copy.deepcopy(network)
        encode(network, bits, names=[name], **methods.OURS).load_into(trial)
        after = torch.softmax(logits(trial), dim=1).numpy()
        assert cost[name][bits] == pytest.approx(
            entropy(before, after, axis=1).mean(), abs=1e-6
        )


@pytest.mark.parametrize(("method", "share"), [("trained", 0.0), ("joint", 0.7)])
def test_trained_methods_round_and_prune_as_told(method, share, trained):
    compressed = compressed_by(method, trained, bits=3, share=share)
    coded = compressed.coded
    assert coded.bits() == dict.fromkeys(matrix_names(compressed.network), 3)
    n_kept = sum(np.count_nonzero(tensor.q) for tensor in coded.tensors.values())
    n_weights = sum(tensor.q.size for tensor in coded.tensors.values())
    assert 0 < n_kept <= n_weights - np.floor(share * n_weights)
    assert len(compressed.decisions["loss"]) == CONFIG.tune_epochs
    for array in coded.rest.values():
        np.testing.assert_array_equal(array, array.astype(np.float16))


def test_the_control_trains_as_long_in_fp32(trained):
    compressed = compressed_by("longer", trained)
    assert compressed.coded.tensors == {}
    names = [name for name, _ in trained.named_parameters()]
    assert all(compressed.coded.rest[name].dtype == np.float32 for name in names)
    network = loaded(compressed)
    for name in names:
        before, after = trained.get_parameter(name), network.get_parameter(name)
        assert not torch.equal(before, after)
    assert len(compressed.decisions["loss"]) == CONFIG.tune_epochs


def test_the_control_takes_the_steps_of_the_training_that_compresses(trained, monkeypatch):
    """Until rounding begins, a network that prunes nothing learns what the control learns."""
    monkeypatch.setattr("ecglib.compress.trained.PRUNED_BY", 2.0)
    control = compressed_by("longer", trained).decisions["loss"]
    assert compressed_by("trained", trained, bits=8).decisions["loss"] == control


def test_hubert_is_trained_without_its_weight_norm():
    from ecglib.models.hubert import HubertECG, HubertECGConfig

    size = {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 16, "filters": 8}
    torch.manual_seed(0)
    model = HubertECG(HubertECGConfig(**size, position_span=5, n_times=256, n_outputs=3)).eval()
    samples = bumps(6)
    samples = replace(samples, x=samples.x.repeat(1, 8).reshape(6, 2, 256))
    expected = logits(model, samples)
    config = replace(CONFIG, method="trained", bits=8, share=0.0, tune_learning_rate=1e-5)
    compressed = compress(model, sides(train=samples), config)
    assert torch.equal(logits(model, samples), expected)
    assert "hubert.encoder.pos_conv_embed.conv.weight" in compressed.coded.tensors
    found = logits(loaded(compressed), samples)
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0)
    assert not torch.equal(found, expected)
