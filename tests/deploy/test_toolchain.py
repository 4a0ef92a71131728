"""What compilers make of generated C, on this machine and for two others."""

import subprocess

import numpy as np
import pytest

from ecglib.deploy import shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.system.errors import UserError
from tests.tools import needs


@pytest.fixture(scope="module")
def program():
    return shipped.load().program()


@pytest.fixture
def source(program, tmp_path):
    return write_c(program, tmp_path, "micronet")[0]


@pytest.fixture(scope="module")
def n_rr(program):
    return program.shapes["rr"][1]


@pytest.fixture(scope="module")
def stream(n_rr):
    """Random beats and timing, as the feeder reads them."""
    rng = np.random.default_rng(0)
    return rng.integers(-128, 128, size=(50, 128 + n_rr)).astype(np.int8)


def expected(program, stream):
    beat, rr = stream[:, :128].reshape(-1, 2, 64), stream[:, 128:]
    return "".join(map(str, program.run(beat, rr).argmax(axis=1)))


def answers(command, stream):
    done = subprocess.run(command, input=stream.tobytes(), capture_output=True, check=True)
    return done.stdout.decode()


@needs("gcc")
@pytest.mark.parametrize("sanitizer", ["undefined", "address"])
def test_sanitizers_find_nothing(program, n_rr, source, stream, sanitizer):
    options = (f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-g")
    feeder = harness.classifier(source, 128, n_rr, "gcc", *options)
    assert answers([feeder], stream) == expected(program, stream)


@needs("aarch64-linux-gnu-gcc")
@needs("qemu-aarch64")
def test_aarch64_answers_are_those_of_numpy(program, n_rr, source, stream):
    feeder = harness.classifier(source, 128, n_rr, "aarch64-linux-gnu-gcc", "-static")
    assert answers(["qemu-aarch64", feeder], stream) == expected(program, stream)


@needs("arm-none-eabi-gcc")
def test_a_cortex_m4_has_room(source):
    memory = harness.cortex_m4(source)
    assert 4000 < memory["flash_bytes"] <= 8192
    assert 1024 < memory["ram_bytes"] <= 4096
    whole = harness.cortex_m4(source, "stream")
    assert memory["flash_bytes"] < whole["flash_bytes"] <= 10_000
    assert memory["ram_bytes"] + 2048 < whole["ram_bytes"] <= 8192


@needs("gcc")
@needs("valgrind")
def test_instructions_are_more_than_multiplications(n_rr, source, stream):
    feeder = harness.classifier(source, 128, n_rr)
    counted = harness.instructions(feeder, stream[:5].tobytes(), 5)
    assert 55_216 < counted < 30 * 55_216


def test_a_missing_compiler_is_named(source):
    with pytest.raises(UserError, match="no-such-gcc"):
        harness.classifier(source, 128, 8, "no-such-gcc")


@needs("gcc")
def test_what_a_compiler_complains_of_is_said(source):
    source.write_text(source.read_text() + "\nint broken(void) { return x; }\n")
    with pytest.raises(UserError, match="gcc failed"):
        harness.library(source)
