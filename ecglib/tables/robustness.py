"""What worse recordings take from the micro network, and what refusing beats gives back.

Confusions in noise have a fourth row, of false detections, and a fourth column, of beats that
were missed or got no answer, see `ecglib.studies.robustness.confusion`. A LookupError says
that no such record was run.
"""

import numpy as np

from ecglib import stats
from ecglib.data import sets
from ecglib.metrics import macro_f1
from ecglib.studies.robustness import NOTHING, RECORDED
from ecglib.tables import arms, frames, scores
from ecglib.tables.budget import SCOPES
from ecglib.training.on_micro import MicroSettings

NOISES = {"bw": "baseline wander", "em": "electrode motion", "ma": "muscle"}
"""Recording of the noise stress test database -> what a page calls it."""

CLEAN = np.inf
"""Signal-to-noise ratio of clean records in `noise_table`."""


def robustness_table(results):
    """Perturbations by severity, fp32 and INT8, of the network of MIT-BIH alone, all beats.

    Returns
    -------
    DataFrame
        `macro-F1, fp32`, `V F1, fp32`, `S F1, fp32` and those in INT8, means over seeds; F1
        counts missed beats and false detections. Index: perturbation, beats, level.
    """
    rows = {}
    for arm in arms.group(results, split="ds1_ds2", features=MicroSettings.features):
        settings = arm.settings
        key = settings["perturbation"], settings["beats"], settings["level"]
        row = rows.setdefault(key, {})
        word = SCOPES[settings["scope"]]
        row[f"macro-F1, {word}"] = float(np.mean(arm.values(macro_f1)))
        _, s_f1, v_f1 = scores.detected_f1(arm.results).mean(axis=0)
        row |= {f"V F1, {word}": v_f1, f"S F1, {word}": s_f1}
    names, missing = ["perturbation", "beats", "level"], "no run with a perturbation"
    return frames.of_rows(rows, names, missing=missing).sort_index()


def accuracy(confusion):
    """Share (...) of right answers, of all of (..., 4, 4), those to false detections too."""
    answers = confusion[..., :NOTHING]
    right = np.diagonal(answers, axis1=-2, axis2=-1).sum(axis=-1)
    return right / np.maximum(answers.sum(axis=(-2, -1)), 1)


def f1(confusion):
    """Mean F1 of N, S and V, where missed and false beats count; shapes as `accuracy`."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)[..., :NOTHING]
    said, there = confusion.sum(axis=-2)[..., :NOTHING], confusion.sum(axis=-1)[..., :NOTHING]
    return (2 * right / np.maximum(said + there, 1)).mean(axis=-1)


def noise_table(results):
    """Scores in integers in the minutes in which recorded noise is on.

    Returns
    -------
    DataFrame
        Of split `dev_test`. Index: database, noise, beats ("annotated", "detected"), dB; the
        same minutes of clean records come first, as `CLEAN` dB of each noise. Means over seeds:
        `macro-F1` with its interval over patients, in which missed beats and false detections
        count, and `without 232`; `accuracy`, see there; `answered`, the share of annotated
        beats that get an answer; `false detections` for each annotated beat. `macro-F1, rule`,
        `accuracy, rule` and `answered, rule`: if beats are refused where the lead cannot be
        read; what has no answer does not count.
    """
    found = arms.group(results, split="dev_test", scope="all_int8")
    noises = {RECORDED.get(arm.settings["perturbation"]) for arm in found} - {None}
    if not noises:
        raise LookupError("no run with recorded noise")
    rows = {}
    for arm in found:
        kind, how = arm.settings["perturbation"], arm.settings["beats"]
        level = arm.settings["level"] if kind in RECORDED else CLEAN
        shown = noises if kind == "none" else {RECORDED.get(kind)} - {None}
        scored = _in_noise(arm) if shown else {}
        rows |= {(d, NOISES[n], how, level): row for n in shown for d, row in scored.items()}
    table = frames.of_rows(rows, ["database", "noise", "beats", "dB"])
    return table.sort_index(ascending=[True, True, True, False])


def _in_noise(arm):
    """A row of `noise_table` for each database, by its title."""
    rows = {}
    for name in dict.fromkeys(sets.patient_of(r)[0] for r in arm.results[0].per_record):
        parts = [result.metrics["in_noise"] for result in arms.on(arm, name).results]
        whole, kept = ([part[kind] for part in parts] for kind in ("all", "answered"))
        rows[sets.get(name).title] = _row(whole, kept)
    return rows


def _row(whole, kept):
    """Scores from the confusions of records without and with the rule, a dict a seed."""
    pooled, ruled = (np.array([stats.pool(one) for one in seeds]) for seeds in (whole, kept))
    answers, n_beats = ruled * [1, 1, 1, 0], pooled[:, :NOTHING].sum(axis=(1, 2))
    values = {
        "accuracy": accuracy(pooled),
        "answered": pooled[:, :NOTHING, :NOTHING].sum(axis=(1, 2)) / n_beats,
        "false detections": pooled[:, NOTHING].sum(axis=1) / n_beats,
        "macro-F1, rule": f1(answers),
        "accuracy, rule": accuracy(ruled),
        "answered, rule": ruled[:, :NOTHING, :NOTHING].sum(axis=(1, 2)) / n_beats,
    }
    if scores.HEAVY_RECORD in whole[0]:
        others = stats.without(whole, scores.HEAVY_RECORD)
        values["without 232"] = f1(np.array([stats.pool(one) for one in others]))
    means = {name: float(np.mean(value)) for name, value in values.items()}
    return frames.with_bounds("macro-F1", stats.patient_bootstrap(whole, f1)) | means
