"""A network in integers that has learned labels: it answers as the C code does after them."""

from dataclasses import dataclass, replace

import numpy as np

from ecglib.deploy.c99.program import OFFSET, Program
from ecglib.personalize.learner import LARGEST_LOGIT, LOGIT, Learner, Prior


def own_logits(program, unit):
    """Logits of the network, as the learner in C computes them.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network.
    unit : ndarray of uint8, shape (n_beats, n_units)
        Bytes of its last hidden layer.

    Returns
    -------
    ndarray of int64, shape (n_beats, 3)
        In 1/`ecglib.personalize.learner.LOGIT`.
    """
    out = program.layers[-1]
    signed = unit.astype(np.int64) - OFFSET
    sums = signed @ out.weight[:, 0].T.astype(np.int64) + out.bias
    shift = out.shift - LOGIT.bit_length() + 1
    logits = (sums * out.multiplier + (1 << (shift - 1))) >> shift
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
        """See `Program.logits`; these are corrected."""
        return self.learner.corrected(unit, own_logits(self, unit))


@dataclass(frozen=True)
class Labels:
    """Labels that a network has learned, in the order in which they were given.

    Attributes
    ----------
    prior : Prior
        How far they reach.
    unit : ndarray of uint8, shape (n_labels, n_units)
        Bytes of the last hidden layer for the labelled beats.
    label : ndarray of uint8, shape (n_labels,)
        Classes, indices into `ecglib.aami.CLASSES`.
    """

    prior: Prior
    unit: np.ndarray
    label: np.ndarray

    @classmethod
    def none(cls, prior):
        """No label yet."""
        return cls(prior, np.zeros((0, len(prior.near)), np.uint8), np.zeros(0, np.uint8))

    def followed_by(self, unit, label):
        """These labels, then those of other beats."""
        label = np.append(self.label, label).astype(np.uint8)
        return replace(self, unit=np.vstack([self.unit, unit]), label=label)

    def taught(self, program):
        """The `TaughtProgram` that a `Program` becomes when it learns one after the other."""
        learner, logits = Learner(self.prior), own_logits(program, self.unit)
        for beat in zip(self.unit, logits, self.label.tolist(), strict=True):
            learner.learn(*beat)
        same = program.layers, program.shapes, program.scales, program.features
        return TaughtProgram(*same, learner=learner)
