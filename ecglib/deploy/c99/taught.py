"""A network in integers that learns labels, and answers as the C code does."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.deploy.c99.program import Program
from ecglib.personalize.learner import (
    LARGEST_LOGIT,
    LOGIT,
    UNSURE,
    Learner,
    Prior,
    probabilities,
)
from ecglib.system.errors import UserError

MAX_LABELS = 10_000
"""Largest number of labels that a network learns."""


def own_logits(program, unit):
    """Logits (n_beats, 3) of a network without corrections, as the code in C computes them.

    `unit` (n_beats, n_units), uint8, is what `program.units` returns. The result, int64, is in
    1/`ecglib.personalize.learner.LOGIT`.
    """
    shift = program.layers[-1].shift - LOGIT.bit_length() + 1
    logits = (Program.logits(program, unit) + (1 << (shift - 1))) >> shift
    return np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)


@dataclass(frozen=True, kw_only=True)
class TaughtProgram(Program):
    """A `Program` whose logits a `learner` corrects."""

    learner: Learner

    @property
    def logit_step(self):
        """Value of one integer step of the logits."""
        return 1 / LOGIT

    def logits(self, unit):
        """Corrected logits; see `Program.logits`."""
        return self.learner.corrected(unit, own_logits(self, unit))


@dataclass(frozen=True)
class Labels:
    """Labels that a network has learned, in the order in which they were given.

    `prior` says how far they reach. `unit` (n_labels, n_units), uint8, is what `Program.units`
    returns for the labelled beats; `label` (n_labels,), uint8, are their classes.
    """

    prior: Prior
    unit: np.ndarray
    label: np.ndarray

    def __post_init__(self):
        if len(self.label) > MAX_LABELS:
            raise UserError(f"a network learns no more than {MAX_LABELS:,} labels; give fewer")

    def followed_by(self, unit, label):
        """These labels, and then others."""
        return Labels(self.prior, np.vstack([self.unit, unit]), np.append(self.label, label))

    def taught(self, program):
        """The `TaughtProgram` that a `Program` becomes when it learns one after the other."""
        learner, logits = Learner(self.prior), own_logits(program, self.unit)
        beats = list(zip(self.unit, logits, self.label.tolist(), strict=True))
        for beat in tqdm(beats, desc="labels", delay=2, leave=False):
            learner.learn(*beat)
        same = program.layers, program.shapes, program.scales, program.features
        return TaughtProgram(*same, learner=learner)


def follow(program, prior, unit, sample, fs, label, per_hour):
    """The device's loop in NumPy: classify a beat, ask if in doubt, learn from the answer.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network.
    prior : ecglib.personalize.learner.Prior
        How far labels reach.
    unit : ndarray of uint8, shape (n_beats, n_units)
        Bytes of the last hidden layer of one patient's beats, in order of time.
    sample : ndarray of int, shape (n_beats,)
        R-peaks.
    fs : int
        Sampling frequency, Hz.
    label : ndarray of int, shape (n_beats,)
        What is answered: indices into CLASSES; others teach nothing.
    per_hour : int
        Labels an hour that may be asked for.

    Returns
    -------
    tuple of (ndarray of int8, shape (n_beats,), list of int)
        Classes, each before its own label is known, and the beats that were asked for.
    """
    learner, own, asked = Learner(prior), own_logits(program, unit), []
    found = np.empty(len(unit), np.int8)
    for beat in range(len(unit)):
        logits = learner.corrected(unit[beat : beat + 1], own[beat : beat + 1])[0]
        found[beat] = logits.argmax()
        permitted = -(-per_hour * int(sample[beat]) // (3600 * fs))
        if probabilities(logits).max() < UNSURE and len(asked) < permitted:
            asked.append(beat)
            if label[beat] < len(CLASSES):
                learner.learn(unit[beat], own[beat], int(label[beat]))
    return found, asked
