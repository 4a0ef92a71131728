"""R-peaks in integers: one algorithm, here in NumPy and in `ecglib/deploy/c99/c/peaks.c` in C.

Both give the same peaks from the same samples. The signal is averaged to 200 Hz, smoothed and
differenced twice, which keeps some 5 to 20 Hz; what is left is rectified and summed over 60 ms.
Every peak of this energy that is the largest within 100 ms is a candidate. A candidate is a QRS
complex if no larger one follows within 230 ms (else it is a P wave or noise before a QRS
complex), and if it exceeds a level between the running sizes of complexes and of everything
else. The level is up to three times as high just after a complex, where T waves are. When no
complex comes for one and a half intervals, the largest candidate since the last one counts if
it exceeds half the level. When none comes for three seconds, the size of complexes falls. That
size is never above what some 4 mV give, so that beats are found again soon after noise, and not
below some 0.07 mV, so that a recorder's noise is not taken for beats in a pause.

All constants were chosen on DS1 and SVDB_DEV, with the first halves of the noise recordings.
"""

import bisect

import numpy as np

from ecglib.system.errors import UserError

HZ = 200
"""Samples a second that the algorithm sees, whatever the recording has."""

SLOWEST, FASTEST = 100, 20_000
"""Sampling frequencies that are read, Hz."""

UNITS_PER_MV = 1000
"""Steps of the whole numbers of `in_units`."""

DELAY = 15
"""Samples by which the energy lags behind the signal."""

_FINER = 16  # steps of a unit, and of a sample where an R-peak is placed between two
_SMOOTH = (5, 4)  # moving sums, samples
_LAG, _SUM = 6, 12  # of the differences, and of the rectified signal
_APART = 20  # samples to either side in which a candidate is the largest
_REACH, _AROUND = 14, 22  # of an R-peak from its candidate, and of the mean beside it
_START, _FOLLOW, _REFRACTORY, _T_WAVE, _IDLE = 280, 46, 40, 60, 600  # samples
_FIRST_RR = 160
_SMALLEST, _LARGEST = 3, 160  # size of complexes, in gains; a narrow one of 1 mV has some 50
_BEFORE = sum(_SMOOTH) - 2 + 2 * _LAG + _SUM - 1  # samples that energy looks back
_BLOCK = 1 << 14  # samples at a time, so that a day takes little memory


def in_units(signal):
    """Whole numbers for `find` of a lead in mV without invalid samples, int16.

    They have `UNITS_PER_MV` in a millivolt. The median of every 16th sample is subtracted, and
    what is then beyond 32 mV is clipped.
    """
    units, many = np.empty(len(signal), dtype=np.int16), 1 << 20
    middle = np.median(signal[::16].astype(np.float64)) if len(signal) else 0.0
    for start in range(0, len(units), many):
        shifted = (signal[start : start + many].astype(np.float64) - middle) * UNITS_PER_MV
        units[start : start + many] = np.rint(shifted).clip(-(2**15), 2**15 - 1)
    return units


def find(units, fs, gain):
    """R-peaks of a recording.

    Parameters
    ----------
    units : ndarray of int, shape (n_samples,)
        Samples of 16 bits.
    fs : int
        Samples a second, 100 to 20,000.
    gain : int
        Units in a millivolt; complexes of less than some 0.03 mV are not looked for.

    Returns
    -------
    ndarray of int64, shape (n_peaks,)
        Samples of the R-peaks, ascending.

    Raises
    ------
    UserError
        If there is no such sampling frequency.
    """
    if not SLOWEST <= fs <= FASTEST:
        raise UserError(f"fs is {fs}; R-peaks are found at {SLOWEST} to {FASTEST:,} Hz")
    if len(units) == 0:
        return np.zeros(0, dtype=np.int64)
    signal = _signal(units, fs)
    size, at = (np.concatenate(parts) for parts in zip(*_candidates(signal), strict=True))
    chosen = judged(size.tolist(), at.tolist(), len(signal) - _APART - _FOLLOW - 1, gain)
    return np.minimum(placed(signal, np.array(chosen, dtype=np.int64), fs), len(units) - 1)


def _signal(units, fs):
    """`averaged` of a recording that is `held`, int32, from some seconds at a time."""
    n = (len(units) + 6 * fs // 10) * HZ // fs
    signal, step = np.empty(n, dtype=np.int32), max(1, _BLOCK // fs)
    last = (len(units) - 1) // fs // step * step  # second at which the last block begins
    for second in range(0, last, step):
        block = units[second * fs : (second + step) * fs]
        signal[second * HZ : (second + step) * HZ] = averaged(block, fs)
    signal[last * HZ :] = averaged(held(units[last * fs :], fs), fs)
    return signal


def _candidates(signal):
    """Size and place (n,) of the candidates, block after block."""
    for start in range(0, len(signal), _BLOCK):
        first, end = max(start - _APART, 0), start + _BLOCK + _APART
        context = signal[max(first - _BEFORE, 0) : end]
        energy = energy_of(context)[first - max(first - _BEFORE, 0) :]
        at = candidates(energy)
        at = at[(at + first >= start) & (at + first < start + _BLOCK)]
        yield energy[at], at + first


def held(units, fs):
    """A recording whose last sample is held for 0.6 s, so that its last complex is found."""
    return np.concatenate([units, np.full(6 * fs // 10, units[-1], dtype=units.dtype)])


def averaged(units, fs):
    """Means over 1/200 s, in 1/16 unit and above zero, (n_samples * 200 // fs,) int64."""
    total = np.zeros(len(units) + 1, dtype=np.int64)
    np.cumsum(units, out=total[1:])
    edges = np.arange(len(units) * HZ // fs + 1) * fs
    whole = edges // HZ
    up_to = HZ * total[whole] + (edges - HZ * whole) * np.append(units, 0)[whole]
    return (np.diff(up_to) + 2**15 * fs) * _FINER // fs


def energy_of(signal):
    """Energy of steep slopes, (n,) int64, `DELAY` samples late; level before it starts."""
    smooth = np.concatenate([np.full(_BEFORE, signal[0]), signal])
    for width in _SMOOTH:
        smooth = _moving_sum(smooth, width)
    bent = smooth[2 * _LAG :] - 2 * smooth[_LAG:-_LAG] + smooth[: -2 * _LAG]
    return _moving_sum(np.abs(bent), _SUM) >> 6


def candidates(energy):
    """Where the energy is the largest within 100 ms, and the first of equals."""
    at = np.flatnonzero(energy > np.append(0, energy[:-1]))
    at, padded = at[at + _APART < len(energy)], np.pad(energy, _APART)
    for step in range(1, _APART + 1):
        size, place = energy[at], at + _APART
        at = at[(size > padded[place - step]) & (size >= padded[place + step])]
    return at


def judged(energy, at, end, gain):
    """Those candidates that are QRS complexes, as a list of their places.

    Parameters
    ----------
    energy, at : list of int
        Size and place of each candidate.
    end : int
        The last place up to which all candidates are known.
    gain : int
        Units in a millivolt.
    """
    if not at:
        return []
    level, found = _Level(max(energy[: bisect.bisect_left(at, at[0] + _START)]), gain), []
    for i, (size, place) in enumerate(zip(energy, at, strict=True)):
        level.look_back(place, found)
        near = energy[i + 1 : bisect.bisect_left(at, place + _FOLLOW, i)]
        level.judge(size, place, 8 * max(near, default=0) > 9 * size, found)
    level.look_back(end, found)
    return found


class _Level:
    """Running sizes of complexes and of everything else, the interval, and the last complex."""

    def __init__(self, size, gain):
        self.complexes, self.rest = size, 0
        self.floor, self.ceiling = _SMALLEST * gain, _LARGEST * gain
        self.interval = 32 * _FIRST_RR  # in 1/32 sample
        self.last = None
        self.missed = self.missed_at = 0
        self._keep_apart()

    def look_back(self, now, found):
        """Find the largest candidate since the last complex, if the next one is overdue."""
        if self.last is not None and 64 * (now - self.last) > 3 * self.interval:
            missed, self.missed = self.missed, 0
            if missed > max(self._above(49) >> 1, self.floor):
                self._accept(missed, self.missed_at, found)

    def judge(self, size, place, follows, found):
        """Find a candidate if it is a complex; `follows` if a larger one does."""
        since = _IDLE + 1 if self.last is None else place - self.last
        if not follows and since > _REFRACTORY and size > self._threshold(since):
            self._accept(size, place, found)
            return
        if not follows and since > _T_WAVE and size > self.missed:
            self.missed, self.missed_at = size, place
        self.rest = (5 * self.rest + 3 * min(size, self.complexes)) >> 3
        if since > _IDLE:
            self.complexes -= self.complexes >> 3
        self._keep_apart()

    def _threshold(self, since):
        """What exceeds this is a complex; three times as high right after the last one."""
        early = self.interval * 5 >> 8  # 5/8 of the interval
        return self._above(49 + (98 * (early - since) // early if since < early else 0))

    def _above(self, share):
        """A level above the size of everything else, in 1/128 of the way to complexes."""
        return self.rest + ((self.complexes - self.rest) * share >> 7)

    def _accept(self, size, place, found):
        if self.last is not None and place - self.last < _IDLE:
            self.interval += place - self.last - (self.interval >> 5)
        self.complexes = (3 * self.complexes + min(size, 3 * self.complexes)) >> 2
        self.last, self.missed = place, 0
        self._keep_apart()
        found.append(place)

    def _keep_apart(self):
        size = max(self.complexes, self.rest * 5 >> 2, self.floor)
        self.complexes = min(size, self.ceiling)


def placed(signal, at, fs):
    """R-peaks of complexes: where the signal lies farthest from its mean around them.

    A parabola through three samples places them between two.
    """
    around = np.arange(-_AROUND, _AROUND + 1)
    values = signal[np.clip(at[:, None] - DELAY + around, 0, len(signal) - 1)]
    far = np.abs(len(around) * values - values.sum(axis=1, keepdims=True))
    first = _AROUND - _REACH
    top = first + far[:, first : _AROUND + _REACH + 1].argmax(axis=1)
    rows = np.arange(len(at))
    left, middle, right = (far[rows, top + step] for step in (-1, 0, 1))
    width = np.maximum(np.maximum(2 * middle - left - right, np.abs(right - left)), 1)
    between = (8 * (right - left) + 9 * width) // width - 9
    place = _FINER * (at - DELAY - _AROUND + top) + between + _FINER // 2
    return np.maximum(place, 0) * fs // (_FINER * HZ)


def _moving_sum(values, width):
    total = np.concatenate([[0], np.cumsum(values)])
    return total[width:] - total[:-width]
