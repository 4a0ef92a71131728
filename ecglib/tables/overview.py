"""The study on one screen: the numbers behind what we found.

Each function takes the reference runs of its study and returns numbers by their names.
"""

from statistics import median_high

from ecglib import results, stats
from ecglib.data.sets import patient_of
from ecglib.metrics import macro_f1
from ecglib.tables import arms, budget, precision
from ecglib.tables.compression import difference
from ecglib.tables.scores import HEAVY_RECORD, gain

STANDARD = {"split": "ds1_ds2", "finetune": "head", "online_seconds": 300, "norm": "batch"}
"""Settings of study "personalization" that all strategies of a headline share."""


def _n_patients(arm):
    return len({patient_of(record) for record in arm.results[0].per_record})


def personalization(runs):
    """The best unlabelled strategy against nobody personalized, after 5:00.

    `difference` of macro-F1 of the `best` of `n_strategies`; `n_patients`, `n_seeds`.
    """
    named = arms.by(runs, "strategy", **STANDARD)
    control = named.pop("none")
    found = {name: gain(arm, control) for name, arm in named.items()}
    best = max(found, key=lambda name: found[name].value)
    return {
        "best": best,
        "difference": found[best],
        "n_strategies": len(found),
        "n_patients": _n_patients(control),
        "n_seeds": len(control.results),
    }


def formats(runs):
    """FP16 against BF16, emulated: `difference` of macro-F1 over `n_seeds`."""
    named = precision.by_format(runs, "emulated")
    pair = {name: named[name] for name in ("FP16", "BF16")}
    row = precision.pairs_table(pair).iloc[0]
    ends = ("over seeds", "over seeds low", "over seeds high")
    return {
        "difference": stats.Interval(*row[list(ends)]),
        "n_seeds": len(pair["FP16"].results),
    }


def integers(runs):
    """All layers in integers, calibrated, against fp32: `difference` of macro-F1.

    Of the pipeline and network that the runs of study "int8" have selected; also `n_patients`
    and `n_seeds`.
    """
    chosen = next(r for r in runs if r.selected)
    kind = {k: chosen.config[k] for k in ("pipeline", "norm", "split", "channels")}
    rounded = arms.pick(runs, **kind, scope="all_int8", method="ptq")
    plain = arms.pick(runs, **kind, scope="none", method="ptq")
    return {
        "difference": gain(rounded, plain, after_5min=False),
        "n_patients": _n_patients(rounded),
        "n_seeds": len(rounded.results),
    }


def compression(runs):
    """LAQ, and pruning with rounding while training, on five folds of CinC 2017.

    `laq_ratio` (ideal) and `laq` in points of accuracy; `file_ratio` and `joint` of the trained
    one, and its accuracy minus that of 8 bits trained `as_long`; `n_recordings`, `n_folds`.
    """
    pooled = {
        (r.config["method"], r.config["share"]): r
        for r in runs
        if (r.config["dataset"], r.config["model"], r.config["fold"])
        == ("cinc2017", "resnet1d", "all")
    }
    laq, joint = pooled["laq", 0.0].metrics, pooled["joint", 0.9].metrics
    folds = pooled["laq", 0.0].predictions.values()
    return {
        "laq_ratio": laq["ideal_ratio"],
        "laq": difference(laq),
        "file_ratio": joint["file_ratio"],
        "joint": difference(joint),
        "as_long": 100 * (joint["accuracy"] - pooled["trained", 0.0].metrics["accuracy"]),
        "n_recordings": sum(len(results.decode_recordings(fold)) for fold in folds),
        "n_folds": len(folds),
    }


def edge(runs):
    """What the C code takes: `flash_kb`, `us_per_beat` (median), `exact` (least), `n_seeds`."""
    measured = [r.metrics for r in runs]
    return {
        "flash_kb": max(m["flash_bytes"] for m in measured) / 1000,
        "us_per_beat": median_high(m["us_per_beat"] for m in measured),
        "exact": min(m["exact"] for m in measured),
        "n_seeds": len(measured),
    }


def labels(runs):
    """Five labelled beats a patient against none, every patient left out once, after 5:00.

    `difference` of macro-F1, `without_heavy` the same without record 232, `macro_f1` reached;
    `n_patients`, `n_seeds`.
    """
    named = budget.by_budget(runs, split="lopo", scope="all_int8")
    five, none = named[5], named[0]
    reached = stats.patient_bootstrap(five.matrices(after_5min=True), macro_f1)
    return {
        "difference": gain(five, none),
        "without_heavy": gain(five, none, without=HEAVY_RECORD),
        "macro_f1": reached.value,
        "n_patients": _n_patients(five),
        "n_seeds": len(five.results),
    }


FACTS = {
    "personalization": personalization,
    "precision": formats,
    "int8": integers,
    "compression": compression,
    "c99": edge,
    "budget": labels,
}
"""Study -> its function."""
