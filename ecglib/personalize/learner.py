"""The update that runs on the device: labels correct the network's answers near them.

The network stays as it is. Each label adds a correction to the logits, which is largest for
beats like the labelled one: kernel logistic regression (Jaakkola & Haussler 1999) on top of the
network's own logits, whose kernel says how far a label reaches. It has two parts. The first
falls with the distance of two beats in the last hidden layer (rational quadratic kernel,
Rasmussen & Williams 2006, equation 4.19). The second is that of a Bayesian last layer, with the
curvature of the training beats as its prior (Laplace approximation, MacKay 1992). Both are
computed once, from training beats; a device keeps some hundred bytes of them and replays
nothing.

A label adds no correction if the network finds it nearly impossible, both untaught and taught
by all other labels: this keeps many wrong answers from doing harm, not all. A label that agrees
with the untaught network always counts, so that others cannot silence it.

A beat's class changes only if the remembered label that is nearest to it, however far, has the
new class. Else the network's own answer stays, since labels can be wrong about many beats at
once; so can the nearest one.

Everything is computed in integers, and `learn.c` computes the same bit for bit.
"""

from dataclasses import dataclass

import numpy as np

from ecglib.aami import CLASSES
from ecglib.system.errors import UserError

LABELS = 24
"""Number of labels that are remembered; of earlier ones, the wide part of the effect stays."""

REACH = 2.0
"""Distance, in standard deviations of the training beats, at which the near part of a label's
effect has fallen to two thirds."""

NEAR = 30
"""Variance of the logits that the near part of the kernel allows."""

PRIOR_BEATS = 30
"""Number of training beats of whose curvature the prior has the weight."""

DOUBT = 49
"""Smallest probability, in 1/16384, that the untaught network, or the one taught by all other
labels, must give to a label's class for the label to count; it is 0.003."""

FIRST_STEPS, NEXT_STEPS = 32, 4
"""Steps towards the best effect of a new label, and of one that had an effect before."""

ONE = 1 << 14
"""Probability 1, and the largest effect of a label, in integers."""

LOGIT, LARGEST_LOGIT = 1 << 16, 1 << 29
"""Logit 1 in integers, and the largest one."""

POWERS_OF_HALF = np.rint(2.0 ** (16 - np.arange(17) / 16)).astype(np.int64)
"""2^-x for x from 0 to 1 in steps of 1/16, in 1/65536."""

UNSURE = round(0.9 * ONE)
"""Probability below which the device asks for a beat's class."""

WAITING = 16
"""Number of last beats that the device can still be told a class of."""

BIAS = 128
"""The input that is the same for all beats."""

_RIDGE = 0.01  # weight of the mean square, besides the curvature, so that no direction is free
_LEAST_CURVATURE = 1e-3  # of the mean: what hardly varies has no far reach
_LEAST_SPREAD = 0.2  # of the largest: a unit that hardly varies must not decide alone


@dataclass(frozen=True)
class Prior:
    """How far labels reach, learned once from training beats; integers for the device.

    Attributes
    ----------
    near : ndarray of int64, shape (n_units,)
        Weight of each unit's squared difference in the distance of two beats.
    near_shift : int
        Right shift of the weighted sum to a squared distance in 1/4096.
    wide : ndarray of int64, shape (n_units + 1, n_units + 1)
        Kernel matrix of the second part, symmetric; the last row is that of the bias.
    wide_shift : int
        Bits behind the point of `wide`.
    """

    near: np.ndarray
    near_shift: int
    wide: np.ndarray
    wide_shift: int

    @classmethod
    def of(cls, unit, probability, label):
        """From training beats.

        Parameters
        ----------
        unit : ndarray of uint8, shape (n_beats, n_units)
            Bytes of the last hidden layer.
        probability : ndarray, shape (n_beats, 3)
            The network's probabilities.
        label : ndarray of int, shape (n_beats,)
            Classes, which count equally however many beats they have.

        Raises
        ------
        UserError
            If the beats do not have all classes.
        """
        weight = _weights(label)
        spread = np.sqrt(weight @ (unit - weight @ unit) ** 2)
        spread = np.maximum(spread, max(_LEAST_SPREAD * spread.max(), 1e-3))
        per_unit = 4096 / (2 * (REACH * spread) ** 2)
        near_shift = int(np.floor(np.log2(2**31 / 255**2 / per_unit.sum())))
        wide = np.linalg.inv(information(unit, probability, label, PRIOR_BEATS))
        silent = ~np.append(unit.any(axis=0), True)
        wide[silent], wide[:, silent] = 0, 0
        wide_shift = int(np.floor(np.log2(2**15 / np.abs(wide).max())))
        return cls(
            np.rint(per_unit * 2.0**near_shift).astype(np.int64),
            near_shift,
            np.clip(np.rint(wide * 2.0**wide_shift), -32767, 32767).astype(np.int64),
            wide_shift,
        )

    def reach(self, unit):
        """The wide part for beats: products (n_beats, n_units + 1) with the kernel matrix."""
        return with_bias(unit) @ self.wide

    def nearness(self, unit, other):
        """Near part of the kernel (n_beats, n_others), at most 32768."""
        a, b = unit.astype(np.int64), other.astype(np.int64)
        squares = (a**2 @ self.near)[:, None] + b**2 @ self.near - 2 * (a * self.near) @ b.T
        return (1 << 27) // (4096 + (squares >> self.near_shift))


def _weights(label):
    """Weights (n_beats,) with which all classes count equally; their sum is 1."""
    count = np.bincount(label, minlength=len(CLASSES))
    if not count.all():
        raise UserError("the training beats lack one of N, S and V; learning needs all three")
    return 1 / (len(CLASSES) * count[label])


def information(unit, probability, label, n_beats):
    """How sure training beats make the last layer's weights, (n_units + 1, n_units + 1).

    The mean curvature of the beats' loss counts as that of `n_beats` beats; the other arguments
    are those of `Prior.of`.
    """
    weight, x = _weights(label), with_bias(unit).astype(float)
    curvature = weight * (probability * (1 - probability)).mean(axis=1)
    found = n_beats * (x * curvature[:, None]).T @ x + _RIDGE * (x * weight[:, None]).T @ x
    return found + _LEAST_CURVATURE * np.diag(found).mean() * np.eye(len(found))


def with_bias(unit):
    """Bytes (n_beats, n_units) of the last hidden layer with the bias behind them, int64."""
    return np.column_stack([unit, np.full(len(unit), BIAS)]).astype(np.int64)


def _shifted(value, shift):
    """value / 2^shift, rounded half up."""
    return (value + (1 << (shift - 1))) >> shift


def probabilities(logits):
    """Probabilities (…, 3) in 1/`ONE` from logits in 1/`LOGIT`, both int64."""
    below = logits.max(axis=-1, keepdims=True) - logits
    power = (below * 94548) >> 16  # / log 2
    whole, rest = power >> 16, power & 0xFFFF
    step, part = rest >> 12, rest & 0xFFF
    value = POWERS_OF_HALF[step] - (
        ((POWERS_OF_HALF[step] - POWERS_OF_HALF[step + 1]) * part) >> 12
    )
    value = value >> np.minimum(whole, 30)
    return (value << 14) // value.sum(axis=-1, keepdims=True)


class Learner:
    """What one patient's labels have taught.

    Parameters
    ----------
    prior : Prior
        How far labels reach.
    """

    def __init__(self, prior):
        n_units = len(prior.near)
        self.prior = prior
        self.unit = np.zeros((0, n_units), np.uint8)
        self.logits = np.zeros((0, len(CLASSES)), np.int64)
        self.label = np.zeros(0, np.int64)
        self.effect = np.zeros((0, len(CLASSES)), np.int64)
        self.weight = np.zeros((len(CLASSES), n_units + 1), np.int64)

    def corrected(self, unit, logits):
        """Logits (n_beats, 3) of beats after learning, int64 in 1/`LOGIT`.

        A beat whose class would change keeps the network's own logits, unless the nearest label
        that is remembered has the new class. `unit` are bytes (n_beats, n_units) of the last
        hidden layer, `logits` (n_beats, 3) those of the network, in 1/`LOGIT`.
        """
        near = self.prior.nearness(unit, self.unit)
        new = self._unguarded(near, unit, logits)
        answer = new.argmax(axis=1)
        unsupported = answer != logits.argmax(axis=1)
        if len(self.label):
            unsupported &= self.label[near.argmax(axis=1)] != answer
        return np.where(unsupported[:, None], logits, new)

    def _unguarded(self, near, unit, logits):
        """Logits after learning, whatever becomes of the classes; `near` is the near part."""
        wide = with_bias(unit) @ self.weight.T
        change = _shifted(NEAR * (near @ self.effect), 13)
        change += _shifted(wide, self.prior.wide_shift - 2)
        return np.clip(logits + change, -LARGEST_LOGIT, LARGEST_LOGIT)

    def learn(self, unit, logits, label):
        """Learn one label.

        Parameters
        ----------
        unit : ndarray of uint8, shape (n_units,)
            The beat's bytes of the last hidden layer.
        logits : ndarray of int64, shape (3,)
            The network's own logits, without any correction.
        label : int
            Index into CLASSES.
        """
        first = max(0, len(self.label) + 1 - LABELS)
        self.unit = np.vstack([self.unit, unit])[first:]
        self.logits = np.vstack([self.logits, logits])[first:]
        self.label = np.append(self.label, label)[first:]
        self.effect = np.vstack([self.effect, np.zeros_like(logits)])[first:]
        for place in range(len(self.label) - 1, -1, -1):
            self._settle(place)

    def doubted(self):
        """Which remembered labels (a mask) have no effect, as others speak against them."""
        answer = self.corrected(self.unit, self.logits).argmax(axis=1)
        return ~self.effect.any(axis=1) & (answer != self.label)

    def _settle(self, place):
        """Set the effect of one remembered label to what the others leave for it to explain."""
        unit, before = self.unit[place : place + 1], self.effect[place].copy()
        reach = self.prior.reach(unit)[0]
        own = NEAR * LOGIT + _shifted((with_bias(unit)[0] @ reach) << 16, self.prior.wide_shift)
        near = self.prior.nearness(unit, self.unit)
        now = self._unguarded(near, unit, self.logits[place : place + 1])[0]
        others = now - _shifted(own * before, 14)
        wanted = ONE * (np.arange(len(CLASSES)) == self.label[place])
        effect = before.copy()
        views = probabilities(np.stack([self.logits[place], others]))
        if views[:, self.label[place]].max() < DOUBT:
            effect[:] = 0
        else:
            speed = (1 << 32) // (LOGIT + own // 2)
            for _ in range(NEXT_STEPS if before.any() else FIRST_STEPS):
                p = probabilities(others + _shifted(own * effect, 14))
                effect += _shifted((wanted - p - effect) * speed, 16)
        self.effect[place] = effect
        self.weight += (effect - before)[:, None] * reach


def multiplications(n_units, n_labels):
    """Multiplications with which the last of `n_labels` labels is learned.

    The untaught network's own view of each label is not counted; it adds about a twentieth.
    """
    n, width = min(n_labels, LABELS), n_units + 1
    corrected = n * (2 * n_units + len(CLASSES)) + len(CLASSES) * (width + n_units)
    settled = width * (width + 1 + len(CLASSES)) + corrected
    steps = FIRST_STEPS + (n - 1) * NEXT_STEPS
    return n * settled + 4 * len(CLASSES) * steps
