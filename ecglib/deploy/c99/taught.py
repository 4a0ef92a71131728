"""A network in integers that has learned labels: it answers as the C code does after them."""

from dataclasses import dataclass

import numpy as np

from ecglib.deploy.c99.program import Program
from ecglib.personalize.learner import LARGEST_LOGIT, LOGIT, Learner, Prior


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

    def followed_by(self, unit, label):
        """These labels, and then others."""
        return Labels(self.prior, np.vstack([self.unit, unit]), np.append(self.label, label))

    def taught(self, program):
        """The `TaughtProgram` that a `Program` becomes when it learns one after the other."""
        learner, logits = Learner(self.prior), own_logits(program, self.unit)
        for beat in zip(self.unit, logits, self.label.tolist(), strict=True):
            learner.learn(*beat)
        same = program.layers, program.shapes, program.scales, program.features
        return TaughtProgram(*same, learner=learner)
