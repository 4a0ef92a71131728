"""The page "Try it yourself": its files with the compiled learner and invented patients.

A page that is opened from the disk may not load files, except by tags such as `<script>`. So
everything that it needs as data is written into one script.
"""

import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Patient:
    """An invented patient.

    Attributes
    ----------
    title, text : str
        Name, and one sentence, for the page.
    seed : int
        Seed of everything that is drawn.
    share_s, share_v : float
        Shares of S and V beats.
    early : tuple of float
        Shortest and longest interval before an S beat, as a share of the usual one.
    loose : float
        Standard deviation of the intervals, as a share of the usual one.
    wide : float
        How far N and S beats look like V beats, from 0 to 1.
    """

    title: str
    text: str
    seed: int
    share_s: float
    share_v: float
    early: tuple[float, float] = (0.6, 0.78)
    loose: float = 0.01
    wide: float = 0.0


PATIENTS = (
    Patient(
        "Patient 1: normal beats, and V beats among them",
        "The network knows such beats already. Labels have little to correct.",
        seed=1,
        share_s=0.01,
        share_v=0.06,
    ),
    Patient(
        "Patient 2: S beats that come only a little early",
        "The network takes many of these S beats for N. A few labels show it the difference.",
        seed=0,
        share_s=0.08,
        share_v=0.01,
        early=(0.78, 0.92),
        loose=0.04,
    ),
    Patient(
        "Patient 3: normal beats that are wide",
        "The network takes some of them for V, which are wide as well. Labels correct that.",
        seed=7,
        share_s=0.02,
        share_v=0.04,
        wide=0.7,
    ),
)
"""Patients of the page; seeds were chosen so that the texts are true."""


def recording(patient):
    """Samples and beats of a `Patient`.

    Returns
    -------
    tuple of ndarray
        Samples in units (n_samples,) int16, R-peaks (n_beats,) int64 in samples, and classes
        (n_beats,), indices into CLASSES.
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


def write_page(source, folder, patients=PATIENTS):
    """Write the page, ready to be opened.

    Parameters
    ----------
    source : Path
        Folder `_static/try`; nothing is written if it does not exist.
    folder : Path
        A new folder for the page.
    patients : iterable of Patient
        Patients that one may choose.
    """
    if not Path(source).is_dir():
        return
    folder = Path(
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(LEARNER, FACTS))
    )
    data = {
        "learner": base64.b64encode((source / LEARNER).read_bytes()).decode(),
        "facts": json.loads((source / FACTS).read_text(encoding="utf-8")),
        "classes": CLASSES,
        "codes": _codes(),
        "tolerance": TOLERANCE_S,
        "one": ONE,
        "unsure": UNSURE,
        "labels": LABELS,
        "patients": [_embedded(patient) for patient in patients],
    }
    text = f"Try.embedded = {json.dumps(data, separators=(',', ':'))};\n"
    (folder / EMBEDDED).write_text(text, encoding="utf-8")


def _codes():
    """Class of each code of a WFDB annotation file that marks a beat."""
    return {
        label.label_store: SYMBOL_TO_AAMI[label.symbol]
        for label in ann_labels
        if label.symbol in SYMBOL_TO_AAMI
    }


def _embedded(patient):
    samples, at, kind = recording(patient)
    return {
        "title": patient.title,
        "text": patient.text,
        "fs": FS,
        "gain": GAIN,
        "samples": base64.b64encode(samples.astype("<i2").tobytes()).decode(),
        "beats": base64.b64encode(at.astype("<i4").tobytes()).decode(),
        "kinds": base64.b64encode(kind.astype("i1").tobytes()).decode(),
    }
