"""The file of a micro network: read by NumPy or into PyTorch, it is the network it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.deploy import integers, replay, shipped
from ecglib.deploy.c99.emit import constant_bytes
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.taught import Labels, own_logits
from ecglib.models.micronet import MicroNetConfig
from ecglib.personalize.learner import LOGIT, Learner
from ecglib.system.errors import UserError

from .networks import ALL_TIMING, micronet

FULL = MicroNetConfig(n_channels=2, n_rr=8)
NETWORKS = {
    "usual": ("derivative+template+rr+rhythm", FULL),
    "all timing": (ALL_TIMING, MicroNetConfig(n_channels=2, n_rr=13)),
    "wide": ("derivative+causal", MicroNetConfig(n_channels=1, n_rr=2).widened(2.3)),
    "other filters": (
        "raw+template+rr",
        MicroNetConfig(channels=(3, 4, 5), kernels=(5, 1, 9), pools=(1, 3, 2), hidden_units=5),
    ),
}


def assert_same(one, other):
    """Two programs are equal in everything."""
    assert (one.shapes, one.scales) == (other.shapes, other.scales)
    for mine, reference in zip(one.layers, other.layers, strict=True):
        for name, value in vars(reference).items():
            np.testing.assert_array_equal(getattr(mine, name), value, err_msg=name)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bits", [8, None], ids=["8 bits", "2 to 7 bits"])
def test_what_is_read_is_what_was_written(tmp_path, name, bits):
    for seed in range(4):
        model, meta, beats = micronet(*NETWORKS[name], seed, bits)
        shipped.save(tmp_path / "n.npz", model, meta)
        program, again = integers.read(tmp_path / "n.npz"), shipped.load(tmp_path / "n.npz")
        assert_same(program.program(), lower(model))
        assert_same(lower(again.model), lower(model))
        assert program.features == again.features == meta["features"]
        assert program.meta == again.meta == json.loads(json.dumps(meta))
        with torch.no_grad():
            torch.testing.assert_close(again.model(*beats), model(*beats), rtol=0, atol=0)


@torch.no_grad()
def test_a_network_without_timing(tmp_path):
    model, meta, beats = micronet("raw", MicroNetConfig(n_channels=1, n_rr=0), 0)
    shipped.save(tmp_path / "n.npz", model, meta)
    expected = model(*beats).numpy()
    np.testing.assert_array_equal(shipped.load(tmp_path / "n.npz").model(*beats), expected)
    program = integers.read(tmp_path / "n.npz").program()
    found = program.run(program.to_bytes("beat", beats[0].numpy())).argmax(axis=1)
    assert np.mean(found == expected.argmax(axis=1)) > 0.95


def test_the_shipped_file_is_small_and_both_readers_agree():
    assert integers.WEIGHTS.stat().st_size < 6_000
    program = integers.read().program()
    assert constant_bytes(program) > 3_900
    assert_same(program, lower(shipped.load().model))


def test_scales_come_back_to_the_last_bit(tmp_path):
    """A layer divides its largest weight by 127; some products with 127 do not divide back."""
    model, meta, _ = micronet(*NETWORKS["usual"], 0)
    rng, layer = np.random.default_rng(0), model.hidden
    with torch.no_grad():
        for _ in range(60):
            layer.weight.copy_(torch.from_numpy(rng.normal(size=layer.weight.shape)))
            shipped.save(tmp_path / "n.npz", model, meta)
            again = shipped.load(tmp_path / "n.npz").model.hidden
            for mine, own in zip(
                again.weight_quantizer.integers(again.weight),
                layer.weight_quantizer.integers(layer.weight),
                strict=True,
            ):
                assert torch.equal(mine, own)


def changed(path, source=integers.WEIGHTS, **arrays):
    """A copy of a file, the shipped one, with other arrays; None leaves one out."""
    with np.load(source) as stored:
        members = dict(stored) | arrays
    np.savez(path, **{name: array for name, array in members.items() if array is not None})
    return path


def meta_with(**changes):
    size = integers.read().meta["size"]
    meta = integers.read().meta | {"size": size | changes}
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


def meta_with_taught(taught):
    return np.frombuffer(
        json.dumps(integers.read().meta | {"taught": taught}).encode(), np.uint8
    )


with np.load(integers.WEIGHTS) as file:
    N_WEIGHTS, N_BIASES = len(file["weight"]), len(file["bias"])

WRONG = {
    "no biases": {"bias": None},
    "floats": {"weight": np.zeros(N_WEIGHTS, np.float32)},
    "few weights": {"weight": np.zeros(N_WEIGHTS - 1, np.int8)},
    "a scale that is no number": {"scale": np.full(N_BIASES, np.nan, np.float32)},
    "a negative scale": {"input_scale": np.full(6, -1, np.float32)},
    "no JSON": {"meta": np.zeros(9, np.uint8)},
    "no meta": {"meta": np.frombuffer(b"{}", np.uint8)},
    "huge": {"meta": meta_with(channels=[10**9, 16, 16])},
    "fractions": {"meta": meta_with(rr_units=16.0)},
    "no filters": {"meta": meta_with(channels=[12, 16, 0])},
    "no pooling": {"meta": meta_with(pools=[2, 2, 0])},
    "other beats": {"meta": meta_with(n_times=128)},
    "other features": {"meta": meta_with(n_rr=5)},
    "two blocks": {"meta": meta_with(channels=[12, 16])},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_does_not_fit_is_refused(tmp_path, name):
    path = changed(tmp_path / "wrong.npz", **WRONG[name])
    with pytest.raises(UserError, match="no network of this version; name") as refusal:
        integers.read(path)
    assert "\n" not in str(refusal.value)


def labels_of(n, seed=0, prior=None):
    """Random labels of the shipped network."""
    rng = np.random.default_rng(seed)
    prior = prior or replay.prior_of(shipped.load(), shipped.WEIGHTS)
    unit = rng.integers(0, 256, (n, len(prior.near)), dtype=np.uint8)
    return Labels(prior, unit, rng.integers(0, 3, n, dtype=np.uint8))


@pytest.fixture(scope="module")
def taught_file(tmp_path_factory):
    path, network = tmp_path_factory.mktemp("taught") / "taught.npz", shipped.load()
    shipped.save(path, network.model, network.meta, labels_of(30))
    return path


def test_a_taught_network_comes_back_as_it_was(taught_file):
    labels, plain = labels_of(30), integers.read().program()
    learner = Learner(labels.prior)
    for unit, label in zip(labels.unit, labels.label, strict=True):
        learner.learn(unit, own_logits(plain, unit[None])[0], label)
    asked = labels_of(200, seed=1, prior=labels.prior).unit
    expected = learner.corrected(asked, own_logits(plain, asked))
    assert (expected.argmax(axis=1) != plain.logits(asked).argmax(axis=1)).any()
    for network in (integers.read(taught_file), shipped.load(taught_file)):
        program = network.program()
        np.testing.assert_array_equal(program.logits(asked), expected)
        assert program.logit_step == 1 / LOGIT
        np.testing.assert_array_equal(network.labels.unit, labels.unit)


def test_logits_of_units_are_those_of_pytorch():
    network, rng = shipped.load(), np.random.default_rng(3)
    program = network.program()
    unit = rng.integers(0, 256, (50, 16), dtype=np.uint8)
    reads = network.model.out.input_quantizer
    x = (torch.from_numpy(unit.astype(np.float32)) - reads.zero_point) * reads.scale
    with torch.no_grad():
        expected = network.model.out(x).numpy()
    np.testing.assert_allclose(program.logits(unit) * program.logit_step, expected, atol=1e-3)
    np.testing.assert_allclose(own_logits(program, unit) / LOGIT, expected, atol=1e-3)


WRONG_LABELS = {
    "no prior": {"near": None, "wide": None, "shifts": None},
    "no labels": {"label": None},
    "units of another network": {"unit": np.zeros((30, 15), np.uint8)},
    "signed units": {"unit": np.zeros((30, 16), np.int8)},
    "fewer labels than units": {"label": np.zeros(29, np.uint8)},
    "a fourth class": {"label": np.full(30, 3, np.uint8)},
    "one number": {"label": np.array(1, np.uint8)},
    "a prior of floats": {"near": np.zeros(16, np.float32)},
    "a small kernel": {"wide": np.zeros((16, 16), np.int16)},
    "one shift": {"shifts": np.zeros(1, np.uint8)},
    "a shift beyond 64 bits": {"shifts": np.array([10, 200], np.uint8)},
    "a shift that is too small": {"shifts": np.array([10, 1], np.uint8)},
    "a kernel by which a step divides by zero": {
        "wide": np.diag([*[0] * 16, -512]).astype(np.int16),
        "shifts": np.array([10, 18], np.uint8),
        "unit": np.zeros((30, 16), np.uint8),
        "label": np.arange(30, dtype=np.uint8) % 3,
    },
    "too many labels": {
        "unit": np.zeros((integers.MAX_LABELS + 1, 16), np.uint8),
        "label": np.zeros(integers.MAX_LABELS + 1, np.uint8),
    },
    "of nobody": {"meta": meta_with_taught({"record": 5, "labels": "1 N"})},
    "of a word": {"meta": meta_with_taught("by me")},
}


@pytest.mark.parametrize("name", WRONG_LABELS)
@pytest.mark.parametrize("read", [integers.read, shipped.load])
def test_labels_that_do_not_fit_are_refused(taught_file, tmp_path, name, read):
    path = changed(tmp_path / "wrong.npz", source=taught_file, **WRONG_LABELS[name])
    with pytest.raises(UserError, match="no network of this version; name") as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_no_more_labels_are_taken_than_are_read():
    most = labels_of(integers.MAX_LABELS)
    with pytest.raises(UserError, match="no more than 10,000 labels; give fewer"):
        most.followed_by(most.unit[:1], most.label[:1])


def test_the_file_comes_before_what_is_wrong_in_it(tmp_path):
    plain = integers.read()
    wrong = plain.meta | {"features": "other"}
    integers.write(tmp_path / "wrong.npz", plain.layers, wrong)
    with pytest.raises(UserError, match=r"wrong\.npz is no network of .*: features is 'other'"):
        integers.read(tmp_path / "wrong.npz")


def test_large_biases_are_refused(tmp_path):
    path = changed(tmp_path / "loud.npz", bias=np.full(N_BIASES, 2**31 - 1, np.int32))
    with pytest.raises(UserError, match="may not fit 32 bits"):
        integers.read(path)


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no weights")
    for name in ("absent.npz", "text.npz"):
        with pytest.raises(UserError, match=r"there is no file|is no network, or"):
            shipped.load(tmp_path / name)
    wrong = integers.read()
    wrong = replace(wrong, meta=wrong.meta | {"bits": dict.fromkeys(wrong.meta["bits"], 99)})
    integers.write(tmp_path / "bits.npz", wrong.layers, wrong.meta)
    with pytest.raises(UserError, match="no network of this version"):
        shipped.load(tmp_path / "bits.npz")
