"""What the micro network reads: half a second around each R-peak at 128 Hz, and its timing.

Computed beat by beat with a few hundred bytes of state, at any sampling frequency. All of it is
causal but for the RR ratios with `post`, which wait for the next beat
(`ecglib.data.signal.rr.RR_DELAY_BEATS`).
"""

import numpy as np
import torch

from ecglib.aami import AAMI_CLASSES, SYMBOL_TO_AAMI
from ecglib.data.inputs import Inputs, scaled_ratios
from ecglib.data.signal.rr import RR_DELAY_BEATS, rhythm_features, rr_features
from ecglib.system.errors import UserError

FEATURES = ("derivative", "raw", "template", "causal", "rr", "rhythm")
"""What a name of features is made of, joined by "+": one signal ("derivative" or "raw"); with
"template", the same less the patient's running template as a second channel; "causal" for the
two RR ratios that need not wait, "rr" for all five; "rhythm" for three more."""

FS, LENGTH, BEFORE = 128, 64, 32
"""The window: samples a second, samples, and how many of them precede the R-peak, so that it
holds the P wave."""

LONGEST_RR_S = 10
"""A longer interval is a gap in the recording, not a pause of the heart."""

SCALE_BEATS = 80
"""Over about how many beats the running amplitude is averaged."""

UNIT = 3
"""Running amplitudes that become 1: about one standard deviation of a derivative."""

TEMPLATE_STEP, TEMPLATE_SHARE, TEMPLATE_START = 0.01, 0.25, 20
"""The template is the mean of the first 20 beats, then moves a quarter of the way to each beat,
but never by more than 0.01 a sample: a robust mean that ectopic beats hardly disturb."""

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
    if doubled or not one_signal or not set(parts) <= set(FEATURES):
        raise UserError(
            f"features is {features!r}; it must be derivative or raw, with any of +template, "
            "+rr (or +causal), +rhythm"
        )
    return parts


def micro_inputs(record, features):
    """All beats of a record as the micro network reads them.

    Parameters
    ----------
    record : ecglib.data.records.Record
        Any sampling frequency; samples marked invalid are bridged by straight lines.
    features : str
        As `parts_of` takes it.

    Returns
    -------
    Inputs
        `x` (n_beats, 1 or 2, 64), in units of the running amplitude; `rr` (n_beats, 0 to 8),
        scaled as for all networks; `y` the AAMI class, F and Q included.

    Raises
    ------
    UserError
        If the features are unknown, there is no beat, or the lead is flat or all invalid.
    """
    parts = parts_of(features)
    sample = record.sample[record.is_beat]
    if len(sample) == 0:
        raise UserError(f"record {record.number} has no annotated beat to classify")
    signal = "derivative" if "derivative" in parts else "raw"
    x = relative_to_patient(windows(record, sample, signal), "template" in parts)
    classes = [AAMI_CLASSES.index(SYMBOL_TO_AAMI[s]) for s in record.symbol[record.is_beat]]
    return Inputs(
        torch.from_numpy(x),
        torch.from_numpy(timing(sample, record.fs, parts)),
        torch.tensor(classes),
    )


def windows(record, sample, signal):
    """Half a second around each R-peak `sample` (n_beats,), (n_beats, 64) float64 in mV.

    Each output sample is the mean over 1/128 s, from the integral of the signal: cheap, without
    aliases worth the name, and equally defined at every sampling frequency. `signal` is
    "derivative" (differences between neighbours) or "raw" (the samples less their mean in the
    window).
    """
    around = LENGTH / FS * record.fs  # the nearest sample stands for what lies over the edge
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
    """The lead with invalid samples on straight lines between their valid neighbours.

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


def relative_to_patient(beats, with_template):
    """Beats in units of the patient's running amplitude, and what they have beyond the usual.

    `beats` (n_beats, 64) are one record's in order of time. The result (n_beats, 1 or 2, 64),
    float32, has a second channel `with_template`: each beat less the template of those before
    it.
    """
    out = np.empty((len(beats), 2 if with_template else 1, beats.shape[1]), np.float32)
    amplitude, template = 0.0, None
    for i, beat in enumerate(beats):
        amplitude += (max(np.abs(beat).mean(), MIN_AMPLITUDE) - amplitude) / min(
            i + 1, SCALE_BEATS
        )
        scaled = beat / (UNIT * amplitude)
        template = scaled.copy() if template is None else template
        novel = scaled - template
        out[i, 0] = scaled
        if with_template:
            out[i, 1] = novel
        if i < TEMPLATE_START:
            template += novel / (i + 1)
        else:
            template += np.clip(TEMPLATE_SHARE * novel, -TEMPLATE_STEP, TEMPLATE_STEP)
    return out


def timing(sample, fs, parts):
    """Timing of beats as the `parts` of the features ask for it, (n_beats, 0 to 8) float32.

    `sample` (n_beats,) are the R-peaks of all beats, ascending, at `fs` Hz.
    """
    closed = without_gaps(sample, fs)
    ratios = scaled_ratios(rr_features(closed))
    columns = [np.empty((len(sample), 0), np.float32)]
    if "rr" in parts:
        columns.append(ratios)
    if "causal" in parts:
        columns.append(ratios[:, np.array(RR_DELAY_BEATS) == 0])
    if "rhythm" in parts:
        columns.append(rhythm_features(closed))
    return np.concatenate(columns, axis=1)


def without_gaps(sample, fs):
    """R-peaks moved together where more than `LONGEST_RR_S` lie between two of them.

    A gap counts as one more interval like the last one before it, so that it makes neither a
    pause of its next beat nor a slow rhythm of the next eighty.

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
