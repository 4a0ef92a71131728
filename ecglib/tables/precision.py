"""Tables of number formats: scores, differences, errors inside a network."""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.metrics import macro_f1, macro_sensitivity
from ecglib.tables import arms, scores
from ecglib.training.precision import DTYPES


def by_format(results, split="ds1_ds2"):
    """Arms of study "precision" by number format, fp32 first.

    Parameters
    ----------
    results : list of RunResult
        Of one origin.
    split : str
        Only runs on this split.

    Returns
    -------
    dict of str to Arm
        "fp32", "fp16, emulated", … -> arm.
    """
    found = arms.group(results, split=split)
    found.sort(key=lambda arm: list(DTYPES).index(arm.settings["precision"]))
    names = [(arm.settings["precision"], arm.settings["precision_impl"]) for arm in found]
    return {
        name if name == "fp32" else f"{name}, {impl}": arm
        for (name, impl), arm in zip(names, found, strict=True)
    }


def score_table(named):
    """As `ecglib.tables.scores.score_table`, with macro sensitivity, which paper 1
    prints too, and macro-F1 of the beats after 5:00.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm.

    Returns
    -------
    DataFrame
    """
    frame = scores.score_table(named)
    first, late = next(iter(named.values())), {"after_5min": True}
    trivial = scores.always_n(first.matrices()[0])["sensitivity"]
    trivial_late = scores.always_n(first.matrices(**late)[0])["macro_f1"]
    rows = {"always N": (f"{trivial:.3f}", f"{trivial_late:.3f}")} | {
        name: tuple(
            scores.spread(values)
            for values in (arm.values(macro_sensitivity), arm.values(macro_f1, **late))
        )
        for name, arm in named.items()
    }
    more = pd.DataFrame(rows, index=["sensitivity", "macro-F1 after 5:00"]).T
    frame.insert(2, "sensitivity", more["sensitivity"])
    return frame.join(more["macro-F1 after 5:00"])


def printed_rows(rows):
    """Rows of paper 1 in the form of `score_table`, with what else it prints.

    Parameters
    ----------
    rows : iterable of published.Row
        Of one table.

    Returns
    -------
    DataFrame
    """
    frame = scores.printed_rows({row.arm: row for row in rows})
    for row in rows:
        if row.sensitivity is not None:
            text = f"{row.sensitivity:.3f} ± {row.sensitivity_std:.3f}"
            frame.loc[row.arm, "sensitivity"] = text
        if row.runtime_s is not None:
            frame.loc[row.arm, "seconds"] = f"{row.runtime_s:,.0f}"
    return frame.fillna("")


def training_table(named):
    """Seconds of all stages, steps that gradient scaling left out, and peak memory of a GPU.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm of study "precision".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for name, arm in named.items():
        found = [result.metrics for result in arm.results]
        peaks = [m["peak_memory_bytes"] for m in found if "peak_memory_bytes" in m]
        steps, skipped = (sum(m[key] for m in found) for key in ("steps", "skipped"))
        rows[name] = {
            "seconds": scores.spread([sum(r.runtime_s.values()) for r in arm.results], 0),
            "steps": f"{steps:,}",
            "left out": f"{skipped:,} ({skipped / steps:.3%})",
            "peak memory": f"{np.mean(peaks) / 1e6:.0f} MB" if peaks else "no GPU",
        }
    return pd.DataFrame(rows).T


def pairs_table(named, *, after_5min=False):
    """Every arm against every other: difference of macro-F1 by seed, over patients, over seeds.

    Parameters
    ----------
    named : dict of str to Arm
        Name -> arm; all with the same seeds.
    after_5min : bool
        Only beats after a record's first five minutes.

    Returns
    -------
    DataFrame
        Rows "a − b"; `over patients` is the paired interval, `over seeds` the interval of
        Student's t with as many degrees of freedom as there are seeds, less one.
    """
    names, rows = list(named), {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a, b = named[first], named[second]
            if a.seeds != b.seeds:
                raise ValueError(f"{first} has seeds {a.seeds}, {second} {b.seeds}")
            pair = [arm.matrices(after_5min=after_5min) for arm in (a, b)]
            by_seed = np.subtract(*(x.values(macro_f1, after_5min=after_5min) for x in (a, b)))
            rows[f"{first} − {second}"] = {
                "by seed": " ".join(f"{d:+.3f}" for d in by_seed),
                "over patients": f"{stats.paired_difference(*pair, macro_f1):+.3f}",
                "over seeds": f"{stats.seed_interval(by_seed):+.3f}"
                if len(by_seed) > 1
                else "–",
            }
    return pd.DataFrame(rows).T


def layer_error_table(results):
    """Relative errors of activations and gradients by layer, mean over seeds.

    Parameters
    ----------
    results : list of RunResult
        Of study "numerics".

    Returns
    -------
    DataFrame
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
                layers[0]["name"]: f"{np.mean([layer[key] for layer in layers]):.2%}"
                for layers in zip(*found, strict=True)
            }
    return pd.DataFrame(columns)


def decision_table(results):
    """Beats whose class changes in 16 bits, errors of logits against margins, memory.

    Parameters
    ----------
    results : list of RunResult
        Of study "numerics".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        m, n_beats = result.metrics, sum(len(result.classes(r)) for r in result.predictions)
        precision = result.config["precision"]
        rows[precision, result.config["seed"]] = {
            "beats": f"{n_beats:,}",
            "other class": f"{m['flips']} ({m['flips'] / n_beats:.3%})",
            "median error": f"{m['error'][50]:.4f}",
            "median margin": f"{m['margin'][50]:.2f}",
            "kept, MB": f"{m['saved_bytes'][precision] / 1e6:.1f}",
            "fp32, MB": f"{m['saved_bytes']['fp32'] / 1e6:.1f}",
        }
    frame = pd.DataFrame(rows).T.sort_index(level=0, ascending=False, sort_remaining=False)
    return frame.rename_axis(["format", "seed"])
