"""Input of the micro network in integers, from raw samples and R-peak times.

It is what `ecglib.data.signal.micro_input` computes in floating point, here with numbers that
have 16 bits after the point. It is the reference for the function `ecg_beat` of the C code,
which must equal it bit for bit.
"""

import numpy as np

from ecglib.data.signal.micro_input import LENGTH, LONGEST_RR_S, SCALE_BEATS, TEMPLATE_START
from ecglib.deploy.c99.program import OFFSET
from ecglib.system.errors import UserError

FEATURES = "derivative+template+rr+rhythm"
"""Name of the only features that can be computed in integers."""

ONE = 1 << 16
LARGEST_DIFFERENCE = 1 << 24
_LOG_2 = round(np.log(2) * ONE)
_REACH = round(0.1 * ONE)
_TEMPLATE_STEP = int(0.01 * ONE)


def byte_factor(scale):
    """Multiplier and shift from numbers with a 16-bit fraction to steps of `scale`."""
    factor = 1 / (scale * ONE)
    shift = 30 - int(np.floor(np.log2(factor)))
    return min(round(factor * 2.0**shift), 2**31 - 1), shift


def logarithm(value):
    """Natural logarithm of an integer above zero, with 16 bits after the point.

    Examples
    --------
    >>> round(logarithm(300) / 65536, 4), round(float(np.log(300)), 4)
    (5.7038, 5.7038)
    """
    value, whole = int(value), int(value).bit_length() - 1
    value <<= 31 - whole
    result = whole
    for _ in range(16):
        square = (value * value) >> 31
        over = square >> 32
        value, result = square >> over, 2 * result + over
    return _shifted(result * _LOG_2, 16)


class Front:
    """Inputs of the micro network's `Program` for one recording, computed beat by beat.

    `fs` is the sampling frequency in Hz, `gain` the units in a millivolt; both are whole
    numbers above zero.
    """

    def __init__(self, program, fs, gain):
        for name, value in (("fs", fs), ("gain", gain)):
            if value != int(value) or value <= 0:
                raise UserError(f"{name} is {value}; it must be a whole number above zero")
        self.fs, self.floor = int(fs), int(fs) * int(gain) // 78 + 1
        self.zero = {name: program.reader(name).zero_in for name in ("beat", "rr")}
        self.factor = {name: byte_factor(program.scales[name]) for name in ("beat", "rr")}
        self.n_beats, self.time, self.amplitude = 0, 0, 0
        self.template = np.zeros(LENGTH, np.int64)
        self.intervals, self.changes = [], []
        self.columns = np.zeros(8, np.int64)
        self.window = None
        self.log_last = self.baseline = self.baseline_before = 0

    def beat(self, around, time):
        """Take the next beat, and return the network's input for the beat before it.

        At the first beat the result is None.

        Parameters
        ----------
        around : ndarray of int, shape (2 * reach(fs) + 1,)
            Samples with the R-peak in the middle.
        time : int
            Number of the R-peak's sample, ascending.

        Returns
        -------
        tuple of ndarray of int8, shapes (2, 64) and (8,), or None
        """
        rr, before = int(time) - self.time, None
        if rr > LONGEST_RR_S * self.fs:
            rr = self.intervals[-1] if self.intervals else self.fs
        if self.n_beats:
            self._look_ahead(rr)
            before = self.waiting()
        self._look(around)
        self.columns[:] = 0
        if self.n_beats:
            self._look_back(rr)
        self.time, self.n_beats = int(time), self.n_beats + 1
        return before

    def waiting(self):
        """Input for the last beat, whose next beat is not known yet."""
        rr = np.clip(self.columns, -8 * ONE, 8 * ONE)
        return self._bytes("beat", self.window), self._bytes("rr", rr)

    def _bytes(self, name, values):
        multiplier, shift = self.factor[name]
        q = _shifted(values * multiplier, shift) + self.zero[name]
        return np.clip(q, -OFFSET, OFFSET - 1).astype(np.int8)

    def _look(self, around):
        n = self.n_beats + 1
        d = differences(around, self.fs)
        total = max(int(np.abs(d).sum()), self.floor)
        self.amplitude += _divided(total - self.amplitude, min(n, SCALE_BEATS))
        value = _shifted(d * ((1 << 44) // (3 * self.amplitude)), 22)
        if n == 1:
            self.template = value.copy()
        novel = value - self.template
        self.window = np.stack([value, novel])
        if n <= TEMPLATE_START:
            self.template += _divided(novel, n)
        else:
            self.template += np.clip(_divided(novel, 4), -_TEMPLATE_STEP, _TEMPLATE_STEP)

    def _look_ahead(self, post):
        if self.intervals:
            self.columns[2] = self._ratio_to_mean(post, 80)
            self.columns[3] = self._ratio_to_mean(post, 400)
            self.columns[4] = _ratio(self.intervals[-1], post)
            self.columns[6] = 4 * (logarithm(max(post, 1)) - self.baseline_before)

    def _look_back(self, rr):
        log_rr = logarithm(max(rr, 1))
        self.intervals = [*self.intervals[-399:], rr]
        if self.n_beats == 1:
            self.baseline = log_rr
        self.baseline_before = self.baseline
        moved = int(np.clip(log_rr - self.baseline, -_REACH, _REACH))
        self.baseline += _divided(moved, min(self.n_beats + 1, 50))
        self.columns[0] = self._ratio_to_mean(rr, 80)
        self.columns[1] = self._ratio_to_mean(rr, 400)
        self.columns[5] = 4 * (log_rr - self.baseline_before)
        if self.n_beats > 1:
            change = min(abs(log_rr - self.log_last), ONE // 2)
            self.changes = [*self.changes[-23:], change]
            self.columns[7] = 8 * sum(self.changes) // len(self.changes)
        self.log_last = log_rr

    def _ratio_to_mean(self, rr, width):
        last = self.intervals[-width:]
        return _ratio(rr * len(last), sum(last))


def reach(fs):
    """Number of samples on either side of an R-peak that a window needs."""
    return (67 * fs + 255) // 256 + 1


def differences(around, fs):
    """Differences (64,) between means over 1/128 s, in 1/256 sample, clipped to 2²⁴.

    `around` (2 * reach(fs) + 1,) are integer samples with the R-peak in the middle.
    """
    edges = (2 * np.arange(-1, LENGTH + 1) - 65) * fs + 128 + 256 * reach(fs)
    integral = np.concatenate([[0], np.cumsum(around, dtype=np.int64)])
    whole, part = edges // 256, edges % 256
    at = 256 * integral[whole] + part * np.asarray(around, np.int64)[whole]
    return np.clip(np.diff(at, n=2), -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)


def _ratio(numerator, denominator):
    """4 (numerator / denominator − 1), clipped to ±8; 0 if there is no ratio."""
    r = numerator * ONE // denominator if denominator else ONE
    return min(max(4 * (r - ONE), -8 * ONE), 8 * ONE)


def _shifted(value, shift):
    """Value / 2^shift, rounded half up."""
    return (value + (1 << shift - 1)) >> shift


def _divided(value, by):
    """Value / by, rounded towards zero as in C."""
    return np.sign(value) * (np.abs(value) // by)
