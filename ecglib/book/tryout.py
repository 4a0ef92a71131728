"""The page "Try it yourself": its files with the compiled learner and invented patients.

A page that is opened from the disk may not load files, except by tags such as `<script>`. So
everything that it needs as data is written into one script.
"""

import base64
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from wfdb.io.annotation import ann_labels

from ecglib.aami import CLASSES, SYMBOL_TO_AAMI
from ecglib.data.signal.detector import TOLERANCE_S
from ecglib.data.synthetic import add_beats, noise, shapes, wander
from ecglib.deploy.c99.web import FACTS, LEARNER
from ecglib.personalize.learner import LABELS, ONE, UNSURE

EMBEDDED = "embedded.js"
"""The script with the data."""

FS, GAIN, MINUTES = 360, 200, 30
"""Samples a second, units in a millivolt and length of an invented patient."""


class InventedPatient(NamedTuple):
    """An invented patient; intervals are shares of the usual one."""

    seed: int
    share_s: float
    share_v: float
    early: tuple[float, float] = (0.6, 0.78)  # shortest and longest interval before an S beat
    loose: float = 0.01  # standard deviation of intervals
    wide: float = 0.0  # how far N and S beats look like V beats, from 0 to 1


PATIENTS = (
    InventedPatient(seed=0, share_s=0.01, share_v=0.06),
    InventedPatient(seed=0, share_s=0.08, share_v=0.01, early=(0.78, 0.92), loose=0.04),
    InventedPatient(seed=0, share_s=0.02, share_v=0.04, wide=0.7),
)
"""Those of the page, in its order; of each kind the one with the first seed."""


def recording(patient):
    """Samples (n_samples,) int16, R-peaks (n_beats,) and classes of an `InventedPatient`.

    Classes (n_beats,) are indices into CLASSES.
    """
    rng, n_samples = np.random.default_rng(patient.seed), MINUTES * 60 * FS
    n_beats, (s, v) = MINUTES * 120, (CLASSES.index(name) for name in "SV")
    shares = [1 - patient.share_s - patient.share_v, patient.share_s, patient.share_v]
    kind = rng.choice(len(CLASSES), n_beats, p=shares)
    kind[1:][(kind[1:] > 0) & (kind[:-1] > 0)] = 0  # no two ectopic beats are neighbours
    breathing = 0.03 * np.sin(1.2 * np.arange(n_beats))
    drawn = patient.loose * rng.standard_normal(n_beats).clip(-2.5, 2.5)
    rr = rng.uniform(0.75, 0.95) * (1 + breathing + drawn)
    rr *= np.where(kind == s, rng.uniform(*patient.early, n_beats), 1)
    rr *= np.where(kind == v, rng.uniform(0.6, 0.75, n_beats), 1)
    rr[np.roll(kind == v, 1)] *= 1.3  # the pause after a V beat
    sample = np.rint(np.cumsum(rr) * FS).astype(np.int64)
    inside = sample < n_samples - FS // 10
    sample, kind = sample[inside], kind[inside]
    half = round(0.6 * FS)
    beats = shapes(rng, np.arange(-half, half + 1) / FS)[: len(CLASSES), 0]
    beats[[0, s]] += patient.wide * (beats[v] - beats[[0, s]])
    signal = wander(rng, n_samples, FS) + noise(rng, n_samples)
    add_beats(signal, sample, kind, beats, 1 + 0.04 * rng.standard_normal(len(sample)))
    return np.rint(signal * GAIN).clip(-2048, 2047).astype(np.int16), sample, kind


def write_page(source, folder):
    """Write the page, ready to be opened, to a new folder.

    `source` is the folder `_static/try`; nothing is written if it does not exist.
    """
    if not Path(source).is_dir():
        return
    folder = Path(
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(LEARNER, FACTS))
    )
    codes = {a.label_store: SYMBOL_TO_AAMI.get(a.symbol) for a in ann_labels}
    data = {
        "learner": base64.b64encode((source / LEARNER).read_bytes()).decode(),
        "facts": json.loads((source / FACTS).read_text(encoding="utf-8")),
        "classes": CLASSES,
        "codes": {code: name for code, name in codes.items() if name},
        "tolerance": TOLERANCE_S,
        "one": ONE,
        "unsure": UNSURE,
        "labels": LABELS,
        "patients": [_embedded(patient) for patient in PATIENTS],
    }
    text = f"Try.embedded = {json.dumps(data, separators=(',', ':'))};\n"
    (folder / EMBEDDED).write_text(text, encoding="utf-8")


def _embedded(patient):
    samples, at, kind = recording(patient)
    packed = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    marks = {"at": at.tolist(), "kind": [CLASSES[k] for k in kind]}
    return {"fs": FS, "gain": GAIN, "samples": packed, "marks": marks}
