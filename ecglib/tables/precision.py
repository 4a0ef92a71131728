"""Tables of number formats: scores, differences, errors inside a network.

`results` are runs of study "precision", in `layer_error_table` and `decision_table` of study
"numerics"; `named` maps the name of a row to an arm. A LookupError says that runs are missing.
"""

from itertools import combinations

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.metrics import macro_f1, macro_sensitivity
from ecglib.tables import arms, frames, names, scores
from ecglib.training.precision import DTYPES

FP16_SMALLEST, FP16_NORMAL, FP16_LARGEST = -24, -14, 15
"""Exponents of FP16's smallest number, of its smallest with all digits, and of its largest."""


def by_format(results):
    """Arms on DS1 → DS2 by number format: "fp32", then "fp16, emulated" and so on."""
    named = {}
    for precision in DTYPES:
        for arm in arms.group(results, split="ds1_ds2", precision=precision):
            how = f", {arm.settings['precision_impl']}" * (precision != "fp32")
            named[precision + how] = arm
    return named


def of_impl(results, impl):
    """Arms made in one way, 16 bits first, so that pairs are 16 bits − fp32.

    Parameters
    ----------
    impl : {"native", "emulated"}
        How the 16-bit runs were made; fp32 needs no choice.

    Returns
    -------
    dict of str to Arm
        "FP16", "BF16", "fp32" -> arm, as far as there are runs.

    Raises
    ------
    LookupError
        If a format has more than one arm.
    """
    how = ("fp32", "native"), ("fp16", impl), ("bf16", impl)
    wanted = [r for r in results if (r.config["precision"], r.config["precision_impl"]) in how]
    found = arms.by(wanted, "precision", split="ds1_ds2")
    fp32, *reduced = DTYPES
    return {names.word(name): found[name] for name in (*reduced, fp32) if name in found}


def score_table(named):
    """Scores of arms, with macro sensitivity, which paper 1 prints too.

    Returns
    -------
    DataFrame
        Columns of `ecglib.tables.scores.score_table`, `sensitivity` and `macro-F1 after 5:00`
        with deviation over seeds.
    """
    if not named:
        raise LookupError("no runs")
    column, first = "macro-F1 after 5:00", next(iter(named.values())).results[0]
    trivial, late = (scores.always_n(first.matrix(after_5min=after)) for after in (False, True))
    rows = {scores.ALWAYS_N: {"sensitivity": trivial.sensitivity, column: late.macro_f1}}
    for name, arm in named.items():
        rows[name] = frames.spread("sensitivity", arm.values(macro_sensitivity))
        rows[name] |= frames.spread(column, arm.values(macro_f1, after_5min=True))
    return scores.score_table(named).join(frames.of_rows(rows))


def training_table(named):
    """Seconds of all stages, steps that gradient scaling left out, and peak memory of a GPU.

    Returns
    -------
    DataFrame
        `seconds` with deviation over seeds; `steps`, `left out` and `share left out` of all
        seeds together; `peak memory, MB`, NaN without a GPU.
    """
    rows = {}
    for name, arm in named.items():
        keys = ["steps", "skipped", "peak_memory_bytes"]
        metrics = pd.DataFrame([r.metrics for r in arm.results]).reindex(columns=keys)
        steps, skipped = metrics["steps"].sum(min_count=1), metrics["skipped"].sum(min_count=1)
        rows[name] = frames.spread("seconds", [sum(r.runtime_s.values()) for r in arm.results])
        rows[name] |= {
            "steps": steps,
            "left out": skipped,
            "share left out": skipped / steps if steps else np.nan,
            "peak memory, MB": metrics["peak_memory_bytes"].mean() / 1e6,
        }
    return frames.of_rows(rows)


def pairs_table(named, *, after_5min=False):
    """Every arm against every other: difference of macro-F1 by seed, over patients, over seeds.

    Returns
    -------
    DataFrame
        Rows "a − b"; `by seed #1`, …, in the order of the seeds; `over patients`, the paired
        interval; `over seeds`, the interval of Student's t with as many degrees of freedom as
        there are seeds, less one, missing of a single seed.
    """
    rows = {}
    for first, second in combinations(named, 2):
        pair = [named[first], named[second]]
        by_seed = np.subtract(*(a.values(macro_f1, after_5min=after_5min) for a in pair))
        row = frames.series("by seed", by_seed)
        row |= frames.with_bounds("over patients", scores.gain(*pair, after_5min=after_5min))
        if len(by_seed) > 1:
            row |= frames.with_bounds("over seeds", stats.seed_interval(by_seed))
        rows[f"{first} − {second}"] = row
    return frames.of_rows(rows, missing="no two formats have runs")


def printed_gap(first, second, n_seeds=3):
    """Difference of macro-F1 between two printed rows, in standard errors of its own.

    The runs of the two rows are taken as independent.

    Parameters
    ----------
    first, second : papers.Row
        With deviations over seeds.
    n_seeds : int
        Runs behind each row.

    Returns
    -------
    tuple of float
        The difference first − second, and its standard error.

    Examples
    --------
    >>> from ecglib.tables.papers import PAPER1_TABLE_1
    >>> gap, error = printed_gap(*PAPER1_TABLE_1[:2])
    >>> round(gap, 4), round(error, 4)
    (0.0283, 0.0237)
    """
    variance = (first.macro_f1_std**2 + second.macro_f1_std**2) / n_seeds
    return first.macro_f1 - second.macro_f1, variance**0.5


def out_of_range(histogram):
    """Share of nonzero values that FP16 would make zero or infinite.

    `histogram` is from `ecglib.training.numerics.exponent_counts`.
    """
    counts = np.array(histogram["counts"])
    exponent = histogram["first"] + np.arange(len(counts))
    # halves of the smallest number are rounded up to it
    lost = (exponent < FP16_SMALLEST - 1) | (exponent > FP16_LARGEST)
    return float(counts[lost].sum() / counts.sum())


def layer_error_table(results):
    """Relative errors of activations and gradients by layer, mean over seeds.

    Returns
    -------
    DataFrame
        A row a layer; `activation`, `gradient` and, in FP16, `gradient, scaled` of each format.
    """
    columns = {}
    for precision in list(DTYPES)[1:]:
        found = [r.metrics["layers"] for r in results if r.config["precision"] == precision]
        if not found:
            continue
        kinds = {"activation": "activation", "gradient": "gradient"}
        if precision == "fp16":
            kinds["scaled_gradient"] = "gradient, scaled"
        for key, label in kinds.items():
            columns[precision, label] = {
                layers[0]["name"]: np.mean([layer[key] for layer in layers])
                for layers in zip(*found, strict=True)
            }
    return pd.DataFrame(columns)


def decision_table(results):
    """Beats whose class changes in 16 bits, errors of logits against margins, memory.

    Returns
    -------
    DataFrame
        Index: format and seed. `beats`; `other class` and `share of beats` that it is;
        `median error` of a logit and `median margin`; `kept, MB` for the way back, and
        `fp32, MB`.
    """
    rows = {}
    for result in results:
        m, n_beats = result.metrics, sum(len(result.classes(r)) for r in result.predictions)
        precision = result.config["precision"]
        rows[precision, result.config["seed"]] = {
            "beats": n_beats,
            "other class": m["flips"],
            "share of beats": m["flips"] / n_beats,
            "median error": m["error"][50],
            "median margin": m["margin"][50],
            "kept, MB": m["saved_bytes"][precision] / 1e6,
            "fp32, MB": m["saved_bytes"]["fp32"] / 1e6,
        }
    table = frames.of_rows(rows, ["format", "seed"], missing="no runs of study numerics")
    return table.sort_index(level=0, ascending=False, sort_remaining=False)
