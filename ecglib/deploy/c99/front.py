"""Input of the micro network in integers, from raw samples and R-peak times.

It is what `ecglib.data.signal.micro_input` computes in floating point, here with numbers that
have 16 bits after the point, for all beats of a recording. It is the reference for the function
`ecg_beat` of the C code, which computes beat by beat and must equal it bit for bit.
"""

import numpy as np

from ecglib.data.signal.micro_input import (
    LENGTH,
    LONGEST_RR_S,
    SCALE_BEATS,
    TEMPLATE_START,
    TIMING,
    parts_of,
)
from ecglib.data.signal.rr import RECENT_BEATS, SPREAD_BEATS, UNREST_BEATS
from ecglib.deploy.c99.program import OFFSET, fixed_point
from ecglib.system.errors import UserError

ALWAYS = ("derivative", "template", "rr", "rhythm")
"""Parts that features need to be computed in integers."""

OPTIONAL = ("recent", "spread", "unrest")
"""Further parts of the timing that can be computed in integers; their columns come last."""

ONE = 1 << 16
LARGEST_DIFFERENCE = 1 << 24
_LOG_2 = round(np.log(2) * ONE)
_REACH = round(0.1 * ONE)
_LEAST_SPREAD = round(0.03 * ONE)
_TEMPLATE_STEP = int(0.01 * ONE)
_MOST_SAMPLES = 1 << 18  # of windows at a time


def byte_factor(scale):
    """Multiplier and shift from numbers with a 16-bit fraction to steps of `scale`."""
    multiplier, shift = fixed_point(np.array(1 / (scale * ONE)))
    return int(multiplier), shift


def logarithm(value):
    """Natural logarithms of integers from 1 to 2³² − 1, with 16 bits after the point, int64.

    Examples
    --------
    >>> (logarithm([300]) / 65536).round(4), np.log([300]).round(4)
    (array([5.7038]), array([5.7038]))
    """
    value = np.asarray(value, dtype=np.uint64)
    result = np.frexp(value.astype(np.float64))[1] - np.int64(1)  # of the highest bit
    value = value << (31 - result).astype(np.uint64)
    for _ in range(16):  # squaring a number doubles its logarithm
        square = (value * value) >> np.uint64(31)
        over = square >> np.uint64(32)
        value, result = square >> over, 2 * result + over.astype(np.int64)
    return _shifted(result * _LOG_2, 16)


def check_features(features, reader):
    """Raise `UserError` if features, of a `reader` such as a file, are not computed here."""
    parts = set(parts_of(features))
    if not set(ALWAYS) <= parts <= {*ALWAYS, *OPTIONAL}:
        raise UserError(
            f"{reader} reads {features}; only {'+'.join(ALWAYS)}, with any of "
            f"+{', +'.join(OPTIONAL)}, is computed in integers"
        )


def network_inputs(program, units, sample, fs, gain):
    """Bytes that the micro network reads for each beat of a recording.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network, with features that `check_features` accepts.
    units : ndarray of int16, shape (n_samples,)
        Samples; beyond the edges the nearest one is repeated.
    sample : ndarray of int, shape (n_beats,)
        R-peaks of all beats, ascending.
    fs, gain : int
        Samples a second, and units in a millivolt, both above zero.

    Returns
    -------
    tuple of ndarray of int8, shapes (n_beats, 2, 64) and (n_beats, n_rr)

    Raises
    ------
    UserError
        If the frequency or the gain is no whole number above zero, or the features have no
        integer form.
    """
    check_features(program.features, "the network")
    for name, value in (("fs", fs), ("gain", gain)):
        if value != int(value) or value <= 0:
            raise UserError(f"{name} is {value}; it must be a whole number above zero")
    fs, gain = int(fs), int(gain)
    sample, floor = np.asarray(sample, dtype=np.int64), fs * gain // 78 + 1
    look, size = _Look(floor), max(1, _MOST_SAMPLES // reach(fs))
    around = np.arange(-reach(fs), reach(fs) + 1)
    beat = [np.zeros((0, 2, LENGTH), np.int8)]
    for i in range(0, len(sample), size):
        at = np.clip(sample[i : i + size, None] + around, 0, len(units) - 1)
        beat.append(_to_bytes(program, "beat", look.at(differences(units[at], fs))))
    rr = np.clip(timing(sample, fs, parts_of(program.features)), -8 * ONE, 8 * ONE)
    return np.concatenate(beat), _to_bytes(program, "rr", rr)


def _to_bytes(program, name, values):
    """Numbers with a 16-bit fraction as the bytes that the network reads."""
    multiplier, shift = byte_factor(program.scales[name])
    q = _shifted(values * multiplier, shift) + program.reader(name).zero_in
    return np.clip(q, -OFFSET, OFFSET - 1).astype(np.int8)


class _Look:
    """Windows in running amplitudes, and what they have beyond the patient's usual beat."""

    def __init__(self, floor):
        self.floor, self.n_beats, self.amplitude = floor, 0, 0
        self.template = None

    def at(self, found):
        """Both signals (n_beats, 2, 64) of the next beats, from their `differences`."""
        totals = np.maximum(np.abs(found).sum(axis=1), self.floor).tolist()
        amplitudes = [self._amplitude(n, t) for n, t in enumerate(totals, self.n_beats + 1)]
        value = _shifted(found * (2**44 // (3 * np.array(amplitudes)))[:, None], 22)
        if self.template is None:
            self.template = value[0].copy()
        novel = np.stack([self._novel(n, v) for n, v in enumerate(value, self.n_beats + 1)])
        self.n_beats += len(value)
        return np.stack([value, novel], axis=1)

    def _amplitude(self, n, total):
        self.amplitude += _divided(total - self.amplitude, min(n, SCALE_BEATS))
        return self.amplitude

    def _novel(self, n, value):
        novel = value - self.template
        if n <= TEMPLATE_START:
            self.template += _divided(novel, n)
        else:
            step = np.minimum(np.maximum(novel, -4 * _TEMPLATE_STEP), 4 * _TEMPLATE_STEP)
            self.template += (step + (step < 0) * 3) >> 2  # towards zero, as C divides
        return novel


def timing(sample, fs, parts):
    """What the RR intervals say of each beat, (n_beats, n_rr) int64 with a 16-bit fraction.

    A gap counts as the interval before it again, or as a second if there is none.

    Parameters
    ----------
    sample : ndarray of int64, shape (n_beats,)
        R-peaks of all beats, ascending.
    fs : int
        Samples a second.
    parts : collection of str
        Parts of the features; those that are timing have columns, in the order of `TIMING`.
    """
    offered = {part: n for part, (n, _) in TIMING.items() if part in (*ALWAYS, *OPTIONAL)}
    read = np.repeat([part in parts for part in offered], list(offered.values()))
    columns, n = np.zeros((len(sample), len(read)), np.int64), len(sample)
    if n < 2:
        return columns[:, read]
    rr = np.diff(sample)  # rr[i] ends at beat i + 1
    kept = np.maximum.accumulate(np.where(rr > LONGEST_RR_S * fs, -1, np.arange(n - 1)))
    rr = np.where(kept < 0, fs, rr[kept])
    logs, total = logarithm(np.maximum(rr, 1)), np.append(0, np.cumsum(rr))
    beat, before = np.arange(1, n), _baselines(logs.tolist())
    for column, width in enumerate((80, 400)):
        last = np.minimum(beat, width)
        span = total[beat] - total[beat - last]
        columns[1:, column] = _ratio(rr * last, span)
        columns[1:-1, column + 2] = _ratio(rr[1:] * last[:-1], span[:-1])
    columns[1:-1, 4] = _ratio(rr[:-1], rr[1:])
    columns[1:, 5] = 4 * (logs - before)
    columns[1:-1, 6] = 4 * (logs[1:] - before[:-1])
    moved = np.minimum(np.abs(np.diff(logs)), ONE // 2)
    changes, change = np.append(0, np.cumsum(moved)), np.arange(1, n - 1)
    last = np.minimum(change, 24)
    columns[2:, 7] = 8 * (changes[change] - changes[change - last]) // last
    for k in range(1, min(RECENT_BEATS, n - 1) + 1):
        columns[k:, 7 + k] = columns[:-k, 5]
    columns[3:, 11] = _spread(logs)
    columns[2:, 12] = _unrest(moved.tolist())
    return columns[:, read]


def _spread(logs):
    """How far the third and each later logarithm is from those before, in their spread."""
    place, total = np.arange(2, len(logs)), np.append(0, np.cumsum(logs))
    last = np.minimum(place, SPREAD_BEATS)
    mean, far = (total[place] - total[place - last]) // last, 0
    for k in range(1, SPREAD_BEATS + 1):
        far += np.abs(logs[np.maximum(place - k, 0)] - mean) * (k <= last)
    return _divided((logs[place] - mean) * ONE, far // last + _LEAST_SPREAD)


def _unrest(changes):
    """8 times the slow running mean of changes, which has 24 bits after the point."""
    mean, means = 0, []
    for n, change in enumerate(changes, 1):
        mean += _divided(change * 256 - mean, min(n, UNREST_BEATS))
        means.append(mean // 32)
    return np.array(means, np.int64)


def _baselines(logs):
    """Running mean of the logarithms before each of them, at the first one itself."""
    baseline, before = logs[0], []
    for n, value in enumerate(logs, 2):
        before.append(baseline)
        baseline += _divided(min(max(value - baseline, -_REACH), _REACH), min(n, 50))
    return np.array(before)


def reach(fs):
    """Number of samples on either side of an R-peak that a window needs."""
    return (67 * fs + 255) // 256 + 1


def differences(around, fs):
    """Differences (…, 64) between means over 1/128 s, in 1/256 sample, clipped to 2²⁴.

    `around` (…, 2 * reach(fs) + 1) are integer samples with the R-peak in the middle.
    """
    edges = (2 * np.arange(-1, LENGTH + 1) - 65) * fs + 128 + 256 * reach(fs)
    whole, part = edges // 256, edges % 256
    integral = np.cumsum(around, axis=-1, dtype=np.int64) - around  # up to each sample
    at = 256 * integral[..., whole] + part * around[..., whole].astype(np.int64)
    return np.clip(np.diff(at, n=2), -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)


def _ratio(numerator, denominator):
    """4 (numerator / denominator − 1), clipped to ±8; 0 if there is no ratio."""
    r = np.where(denominator == 0, ONE, numerator * ONE // np.maximum(denominator, 1))
    return np.clip(4 * (r - ONE), -8 * ONE, 8 * ONE)


def _shifted(value, shift):
    """Value / 2^shift, rounded half up."""
    return (value + (1 << shift - 1)) >> shift


def _divided(value, by):
    """Value / by, rounded towards zero as in C."""
    return abs(value) // by * (1 - 2 * (value < 0))
