"""The generated C, compiled and called, against NumPy bit for bit."""

import numpy as np
import pytest
import torch

from ecglib.data.signal.micro_input import widths
from ecglib.deploy import shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import constant_bytes, kernel, write_c
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.program import Layer, Program
from ecglib.deploy.c99.stored import Stored
from ecglib.system.errors import UserError
from tests.tools import needs

from .networks import beats, network, ratios, rounded


def micro_inputs(n=500, seed=0):
    """Noise of the shapes that the shipped network reads."""
    rng = np.random.default_rng(seed)
    n_rr = widths(shipped.load().features)[1]
    x, rr = rng.normal(size=(n, 2, 64)), rng.normal(size=(n, n_rr))
    return x.astype(np.float32), rr.astype(np.float32)


def as_bytes(program, x, rr):
    return program.to_bytes("beat", x), program.to_bytes("rr", rr)


def compiled(program, folder, *options):
    source, _ = write_c(program, folder, "micronet")
    classify = harness.library(source, *options).classify
    pointer = np.ctypeslib.ndpointer(np.int8, flags="C_CONTIGUOUS")
    classify.argtypes = [pointer, pointer]
    return classify


def test_fake_quantized_network_and_its_integers_agree():
    model = shipped.load().model
    x, rr = micro_inputs()
    program = lower(model)
    with torch.inference_mode():
        expected = model(torch.from_numpy(x), torch.from_numpy(rr)).argmax(dim=1).numpy()
    found = program.run(*as_bytes(program, x, rr)).argmax(axis=1)
    assert np.mean(found == expected) >= 0.995  # beats of noise, many near a border
    assert len(set(expected)) > 1


@pytest.mark.parametrize("n_in", [8, 700, 3000])
def test_sums_are_exact_however_large_they_are(n_in):
    """A layer of bytes at their limits, against integers; sums of 3000 leave float32."""
    rng = np.random.default_rng(n_in)
    weight = rng.choice(np.array([-127, 126, 127], np.int8), size=(3, 1, n_in))
    stored = Stored(weight[:, 0], np.ones(3), rng.integers(-99, 99, 3), np.float32(1), 128)
    layer = Layer.of("out", weight, stored, source="beat", target="logits", place=0)
    beat = rng.choice(np.array([-128, 126, 127], np.int8), size=(5000, n_in, 1))
    beat[0, :, 0] = np.where(weight[0, 0] > 0, 127, -128)
    found = Program((layer,), {"beat": (1, n_in)}, {"beat": 1.0}).run(beat)
    sums = beat[:, :, 0].astype(np.int64) @ weight[:, 0].T.astype(np.int64)
    assert np.array_equal(found, (sums + stored.bias) * layer.multiplier)
    assert (sums.max() > 2**24) == (n_in == 3000)


@needs("gcc")
@pytest.mark.parametrize("n_rr", [0, 5])
def test_ecgnet_in_c_equals_numpy(tmp_path, n_rr):
    model = rounded(network(norm="batch", n_rr=n_rr), "all_int8")
    program = lower(model)
    x, timing = beats(100).numpy()[:, None], ratios(100).numpy()
    beat = program.to_bytes("beat", x)
    rr = program.to_bytes("rr", timing) if n_rr else np.zeros((100, 1), np.int8)
    classify = compiled(program, tmp_path)
    found = [classify(b, r) for b, r in zip(beat, rr, strict=True)]
    expected = program.run(beat, rr if n_rr else None).argmax(axis=1)
    assert np.array_equal(found, expected)
    assert len(set(found)) > 1


@needs("gcc")
def test_extreme_bytes_do_not_overflow(tmp_path):
    program = lower(shipped.load().model)
    classify = compiled(program, tmp_path, "-fsanitize=undefined", "-fno-sanitize-recover")
    for value in (-128, 127):
        beat = np.full((1, *program.shapes["beat"]), value, np.int8)
        rr = np.full((1, program.shapes["rr"][1]), value, np.int8)
        assert classify(beat, rr) == program.run(beat, rr).argmax()


def test_constants_fit_four_kilobytes():
    assert constant_bytes(lower(shipped.load().model)) <= 4096


def test_a_layer_in_fp32_is_named():
    with pytest.raises(UserError, match=r"conv3\.conv \(Conv1d\)"):
        lower(rounded(network(), "shallow_int8"))


def test_an_unsupported_layer_is_named():
    model = shipped.load().model
    model.conv2.relu = torch.nn.GELU()
    with pytest.raises(UserError, match=r"conv2\.relu \(GELU\)"):
        lower(model)


def test_a_name_that_c_cannot_have_is_refused(tmp_path):
    with pytest.raises(UserError, match="letters"):
        write_c(lower(shipped.load().model), tmp_path, "micro-net")


@pytest.mark.parametrize("name", ["dot", "layer", "largest"])
def test_a_kernel_is_one_whole_function_of_the_generated_file(tmp_path, name):
    text = kernel(name)
    assert text.count("\n}") == 1  # one function ends
    assert text.startswith("/*")
    assert text.endswith("}")
    source, _ = write_c(lower(shipped.load().model), tmp_path, "micronet")
    assert text in source.read_text()
