"""Programs and packages that some tests need, and how to get them."""

import shutil

import pytest

DEBIAN = {
    "gcc": "gcc",
    "valgrind": "valgrind",
    "qemu-aarch64": "qemu-user",
    "qemu-arm": "qemu-user",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "clang": "clang",
    "wasm-ld": "lld",
}
"""Program -> packages of Debian and Ubuntu; `.ci/run` installs them where it may."""


def needs(tool):
    """Mark of a test that is skipped where a program is not on the path."""
    how = f"there is no {tool}: apt-get install {DEBIAN[tool]}"
    return pytest.mark.skipif(shutil.which(tool) is None, reason=how)


def package(name):
    """A package of the extra `dev`, or a skip that says how to get it."""
    return pytest.importorskip(name, reason=f"there is no {name}: pip install -e '.[dev]'")
