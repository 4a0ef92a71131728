"""The C code of the shipped network, compiled to WebAssembly for the page "Try it yourself"."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from ecglib.deploy import replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import PARTS, write_c
from ecglib.deploy.c99.learning import known_of
from ecglib.personalize.learner import Prior
from ecglib.system.files import check_folder, check_targets, written
from ecglib.system.paths import REPO

FOLDER = REPO / "_static" / "try"
"""Folder of the page, with the committed files."""

LEARNER, FACTS = "learner.wasm", "learner.json"
"""The compiled code, and the SHA-256 of its source with the compiler's version."""

_CALLS = ("open", "feed", "close", "learn", "decide")
_PLACES = ("samples", "time", "class", "sure", "unit", "sizes")
EXPORTS = tuple(f"web_{name}" for name in _CALLS + _PLACES)
"""Functions and variables of `c/web.c` that the page sees."""


def write_sources(folder):
    """Write the C files of the learner; returns their paths and the SHA-256 of all text."""
    folder, network = Path(folder), shipped.load()
    prior = Prior.of(*known_of(network.model, replay.load(network, shipped.WEIGHTS).beats))
    source, header = write_c(network.program(), folder, "network", prior)
    page = Path(shutil.copy(PARTS / "web.c", folder))
    digest = hashlib.sha256()
    for file in (source, header, page):
        digest.update(file.read_bytes())
    return [source, page], digest.hexdigest()


def export_web(folder=FOLDER, *, force=False):
    """Compile the shipped network that learns for the page, and say what was written.

    `UserError` if there is no clang or lld, or without `force` a file is there.
    """
    folder = Path(folder)
    check_folder(folder)
    check_targets([folder / LEARNER, folder / FACTS], (), force=force)
    with tempfile.TemporaryDirectory() as temporary:
        sources, sha256 = write_sources(temporary)
        code = harness.wasm(sources, EXPORTS).read_bytes()
    facts = {"source_sha256": sha256, "compiler": harness.clang_version()}
    with written(folder / LEARNER) as unfinished:
        unfinished.write_bytes(code)
    with written(folder / FACTS) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return f"{folder / LEARNER}: {len(code):,} bytes, by {facts['compiler']}"
