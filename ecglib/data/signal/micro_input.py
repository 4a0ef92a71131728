"""Input of the micro network: half a second around each R-peak at 128 Hz, and its timing.

The input is computed beat by beat, with a few hundred bytes of state and at any sampling
frequency. All of it is causal except the RR ratios with `post`, which wait for the next beat
(`ecglib.data.signal.rr.RR_DELAY_BEATS`).
"""

from functools import partial

import numpy as np

from ecglib.aami import AAMI_CLASSES, SYMBOL_TO_AAMI
from ecglib.data.signal.rr import (
    MORE_RECENT_BEATS,
    RR_DELAY_BEATS,
    later_feature,
    recent_features,
    rhythm_features,
    rr_features,
    scaled_ratios,
    spread_feature,
    unrest_feature,
)
from ecglib.system.errors import UserError

_CAUSAL = np.array(RR_DELAY_BEATS) == 0

TIMING = {
    "rr": (5, lambda sample: scaled_ratios(rr_features(sample))),
    "causal": (2, lambda sample: scaled_ratios(rr_features(sample))[:, _CAUSAL]),
    "rhythm": (3, rhythm_features),
    "recent": (3, recent_features),
    "spread": (1, spread_feature),
    "unrest": (1, unrest_feature),
    "recent8": (8, partial(recent_features, n_before=MORE_RECENT_BEATS)),
    "later": (1, later_feature),
}
"""Parts of the timing, in this order: number of columns, function of the R-peaks."""

TEMPLATES = ("template", "fixed")
"""Second channels: the signal minus the patient's running template, or minus the mean of the
patient's first beats."""

SHAPES = {"novelty": lambda x: novelty(x), "before": lambda x: before_qrs(x)}
"""Further columns, in this order after the timing, computed from the beats."""

FEATURES = ("derivative", "raw", *TEMPLATES, *TIMING, *SHAPES)
"""Parts of a name of features, which are joined by "+". Each name has one signal, "derivative"
or "raw", and may have one of `TEMPLATES`. "causal" adds the two RR ratios that need no next
beat, "rr" all five; "novelty" adds a running mean of how far beats are from the template, and
"before" how much the signal moves before the QRS complex, where a P wave is.
`ecglib.data.signal.rr` has the others."""

FS = 128
"""Sampling frequency of the window, Hz."""

LENGTH = 64
"""Number of samples of the window."""

BEFORE = 32
"""Number of samples of the window before the R-peak; they contain the P wave."""

LONGEST_RR_S = 10
"""Longest RR interval in seconds; a longer one is a gap in the recording."""

SCALE_BEATS = 80
"""Number of beats over which the running amplitude is averaged, approximately."""

UNIT = 3
"""The input's unit in running amplitudes, about one standard deviation of a derivative."""

TEMPLATE_START = 20
"""The template is the mean of this many first beats; then it moves towards each beat."""

TEMPLATE_SHARE = 0.25
"""Share of the difference to a beat by which the template moves."""

TEMPLATE_STEP = 0.01
"""Largest move of a sample of the template, so that ectopic beats hardly change it."""

NOVELTY_BEATS = 64
"""Number of beats over which the novelty is averaged, approximately."""

P_WAVE = slice(0, 20)
"""Samples of the window before the QRS complex, 250 to 94 ms before the R-peak."""

MIN_AMPLITUDE = 1e-4
"""Mean absolute value, in mV, under which a window counts as flat."""


def parts_of(features):
    """The parts, from `FEATURES`, that a name of features lists.

    Raises
    ------
    UserError
        If a part is unknown, or there is not exactly one signal, or both "causal" and "rr".

    Examples
    --------
    >>> parts_of("derivative+template+rr")
    ('derivative', 'template', 'rr')
    """
    parts = tuple(features.split("+"))
    doubled = len(set(parts)) < len(parts) or {"causal", "rr"} <= set(parts)
    one_signal = ("derivative" in parts) != ("raw" in parts)
    doubled |= set(TEMPLATES) <= set(parts)
    doubled |= "novelty" in parts and not set(TEMPLATES) & set(parts)
    if doubled or not one_signal or not set(parts) <= set(FEATURES):
        raise UserError(
            f"features is {features!r}; it must be derivative or raw, with any of +template "
            "or +fixed (with it +novelty), +before, +rr (or +causal), +rhythm, +recent, "
            "+recent8, +later, +spread, +unrest"
        )
    return parts


def widths(features):
    """Channels of a beat and columns of timing that the features have, (int, int)."""
    parts = parts_of(features)
    n_rr = sum(TIMING[part][0] for part in parts if part in TIMING)
    n_channels = 1 + bool(set(TEMPLATES) & set(parts))
    return n_channels, n_rr + sum(part in parts for part in SHAPES)


def micro_inputs(record, features):
    """Inputs of the micro network for all beats of a record.

    Parameters
    ----------
    record : ecglib.data.records.Record
        Record of any sampling frequency; invalid samples are replaced by straight lines.
    features : str
        Name of features, see `parts_of`.

    Returns
    -------
    Inputs
        `x` (n_beats, 1 or 2, 64), in units of the running amplitude; `rr` (n_beats, n_columns),
        scaled as for all networks; `y` the AAMI class, F and Q included.

    Raises
    ------
    UserError
        If the features are unknown, there is no beat, or the lead is flat or all invalid.
    """
    import torch  # slow to import, and a network in integers does without it

    from ecglib.data.inputs import Inputs

    parts = parts_of(features)
    sample = record.sample[record.is_beat]
    if len(sample) == 0:
        raise UserError(f"record {record.number} has no annotated beat to classify")
    signal = "derivative" if "derivative" in parts else "raw"
    beats = windows(record, sample, signal)
    x = relative_to_patient(beats, next((p for p in TEMPLATES if p in parts), None))
    classes = [AAMI_CLASSES.index(SYMBOL_TO_AAMI[s]) for s in record.symbol[record.is_beat]]
    shapes = [of(x) for part, of in SHAPES.items() if part in parts]
    columns = np.concatenate([timing(sample, record.fs, parts), *shapes], axis=1)
    return Inputs(
        torch.from_numpy(x),
        torch.from_numpy(columns),
        torch.tensor(classes),
    )


def windows(record, sample, signal):
    """Half a second around each R-peak `sample` (n_beats,), (n_beats, 64) float64 in mV.

    Each output sample is the mean over 1/128 s, computed from the integral of the signal. This
    is cheap, nearly free of aliases, and the same at every sampling frequency. `signal` is
    "derivative" (differences between neighbours) or "raw" (the samples minus their mean in the
    window).
    """
    around = LENGTH / FS * record.fs  # beyond the edge the nearest sample is repeated
    margin = int(np.ceil(around))
    padded = np.pad(bridged(record), margin, mode="edge")
    integral = np.concatenate([[0], np.cumsum(padded, dtype=np.float64)])
    step = record.fs / FS
    edges = (np.arange(-1, LENGTH + 1) - BEFORE - 0.5) * step + 0.5 + margin
    at = sample[:, None] + edges
    samples = np.diff(np.interp(at, np.arange(len(integral)), integral), axis=1) / step
    if signal == "derivative":
        return np.diff(samples, axis=1)
    return samples[:, 1:] - samples[:, 1:].mean(axis=1, keepdims=True)


def bridged(record):
    """The lead with invalid samples replaced by straight lines between valid neighbours.

    Parameters
    ----------
    record : Record
        NaN where a sample is invalid; `UserError` if no sample is valid, or all are equal.

    Returns
    -------
    ndarray, shape (n_samples,), mV
    """
    valid = np.isfinite(record.signal)
    kept = record.signal[valid]
    if len(kept) == 0 or kept.min() == kept.max():
        raise UserError(f"record {record.number} is one flat line or all invalid in this lead")
    if valid.all():
        return record.signal
    place = np.arange(len(valid))
    return np.interp(place, place[valid], kept)


def relative_to_patient(beats, template_part):
    """Beats in units of the patient's running amplitude, and their difference to the template.

    `beats` (n_beats, 64) are those of one record in order of time. The result has shape
    (n_beats, 1 or 2, 64), float32. If `template_part` is one of `TEMPLATES` and not None, its
    second channel is each beat minus the template of the beats before it.
    """
    out = np.empty((len(beats), 2 if template_part else 1, beats.shape[1]), np.float32)
    amplitude, template = 0.0, None
    for i, beat in enumerate(beats):
        amplitude += (max(np.abs(beat).mean(), MIN_AMPLITUDE) - amplitude) / min(
            i + 1, SCALE_BEATS
        )
        scaled = beat / (UNIT * amplitude)
        template = scaled.copy() if template is None else template
        novel = scaled - template
        out[i, 0] = scaled
        if template_part:
            out[i, 1] = novel
        if i < TEMPLATE_START:
            template += novel / (i + 1)
        elif template_part != "fixed":
            template += np.clip(TEMPLATE_SHARE * novel, -TEMPLATE_STEP, TEMPLATE_STEP)
    return out


def timing(sample, fs, parts):
    """Columns of timing that the `parts` of the features name, (n_beats, n_columns) float32.

    `sample` (n_beats,) are the R-peaks of all beats, ascending, at `fs` Hz.
    """
    closed = without_gaps(sample, fs)
    columns = [of(closed) for part, (_, of) in TIMING.items() if part in parts]
    return np.concatenate([np.empty((len(sample), 0), np.float32), *columns], axis=1)


def novelty(x):
    """How far beats have been from the template of late, (n_beats, 1) float32.

    8 times a running mean over some 64 beats, minus 2, of the mean absolute second channel of
    `x` (n_beats, 2, 64). Its gain falls from 1 to 1/64.
    """
    mean, means = 0.0, np.empty((len(x), 1), np.float32)
    for i, far in enumerate(np.abs(x[:, 1]).mean(axis=1)):
        mean += (far - mean) / min(i + 1, NOVELTY_BEATS)
        means[i] = 8 * mean - 2
    return means


def before_qrs(x):
    """How much each beat moves before its QRS complex, (n_beats, 1) float32.

    4 log of the mean absolute first channel of `x` (n_beats, 1 or 2, 64) in `P_WAVE`, over its
    running mean of the beats before (as `novelty` averages); 0 for the first beat.
    """
    mean, columns = 0.0, np.zeros((len(x), 1), np.float32)
    for i, moves in enumerate(np.abs(x[:, 0, P_WAVE]).mean(axis=1) + MIN_AMPLITUDE):
        if i:
            columns[i] = np.clip(4 * np.log(moves / mean), -8, 8)
        mean += (moves - mean) / min(i + 1, NOVELTY_BEATS)
    return columns


def without_gaps(sample, fs):
    """R-peaks with every gap shortened; a gap is an interval longer than `LONGEST_RR_S`.

    A gap becomes as long as the interval before it. Otherwise it would look like a pause before
    the next beat, and like a slow rhythm in the means over the next eighty beats.

    Examples
    --------
    >>> without_gaps(np.array([0, 100, 200, 9000, 9100]), fs=100).tolist()
    [0, 100, 200, 300, 400]
    """
    rr = np.diff(sample, prepend=sample[:1])
    gaps = np.flatnonzero(rr > LONGEST_RR_S * fs)
    for gap in gaps:  # in order of time: one gap may follow another
        rr[gap] = rr[gap - 1] if gap > 1 else fs
    return sample[0] + np.cumsum(rr)
