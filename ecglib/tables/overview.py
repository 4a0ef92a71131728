"""The study on one screen: the numbers behind what we found.

Each function takes `load`, which reads the reference runs of a study by its name, and returns
numbers by their names. A LookupError says that runs are missing.
"""

from ecglib import results, stats
from ecglib.data.sets import patient_of
from ecglib.metrics import macro_f1
from ecglib.personalize.strategies import STRATEGIES
from ecglib.tables import arms, budget, evidence, papers, precision, scores, second_database
from ecglib.tables.compression import by_method, change, labels_of, paired, pick
from ecglib.tables.learning import ASKED, ON_DEVICE
from ecglib.tables.scores import HEAVY_RECORD, gain
from ecglib.tables.second_database import STANDARD

INPUT = "derivative+template+rr+rhythm"
"""What the micro network of MIT-BIH alone reads, as study "micro" names it."""


def strategies(runs, finetune, split="ds1_ds2"):
    """Arms of study "personalization" by strategy, in the order of the library."""
    named = arms.by(runs, "strategy", **STANDARD, finetune=finetune, split=split)
    return {name: named[name] for name in STRATEGIES if name in named}


def gains(named):
    """Strategy -> its macro-F1 minus that of the control, after 5:00."""
    base = named["none"]
    return {name: gain(arm, base) for name, arm in named.items() if name != "none"}


def _n_patients(arm):
    return len({patient_of(record) for record in arm.results[0].per_record})


FOLDS = tuple(f"ds1_fold{number}" for number in range(4))
"""Splits of DS1 inside which settings were chosen."""


def on_folds(runs, strategy):
    """Macro-F1 of a strategy minus that of none on four folds of DS1, after 5:00, an Interval.

    The narrow network, head fine-tuned, one seed; `runs` are of study "personalization".
    """
    kind = STANDARD | {"finetune": "head", "online_epochs": 10}
    ours, none = (arms.pooled(runs, FOLDS, **kind, strategy=s) for s in (strategy, "none"))
    return stats.paired_difference(ours, none, macro_f1)


def settings(load):
    """The three settings in which all strategies were run on DS1 → DS2: name -> strategies."""
    wide = load("h200/personalization")
    return {
        "paper's size, all weights fine-tuned": strategies(wide, "all"),
        "paper's size, head fine-tuned": strategies(wide, "head"),
        "narrow, head fine-tuned": strategies(load("personalization"), "head"),
    }


def above_zero(named):
    """Strategies whose change of macro-F1 has an interval above zero, percentile or BCa."""
    control = named["none"]
    found = []
    for name, arm in named.items():
        if name != "none":
            pair = arms.paired(arm, control, after_5min=True)
            both = [stats.paired_difference(*pair, macro_f1, bca=bca) for bca in (False, True)]
            found += [name] * any(interval.low > 0 for interval in both)
    return found


def personalization(load):
    """Unlabelled strategies against nobody personalized, after 5:00.

    At the paper's size with all weights fine-tuned: `gain` of macro-F1 of the `best`, and
    `without_heavy` record 232; `above`, how many intervals of all settings lie above zero, as
    a word; `worst`, the largest loss of accuracy of one patient with one network; `abroad`,
    what AdaBN brings a narrow network of one seed on SVDB that was trained on MIT-BIH;
    `n_strategies`, `n_settings`, `n_patients`, `n_seeds`. Printed: `adabn`, `head_only`.
    """
    found = settings(load)
    first, *_ = found.values()
    by_strategy = gains(first)
    best = max(by_strategy, key=lambda name: by_strategy[name].value)
    above = sum(len(above_zero(named)) for named in found.values())
    changes = [
        scores.patient_change(arm, named["none"]).min().min()
        for named in found.values()
        for name, arm in named.items()
        if name != "none"
    ]
    abroad = second_database.adapted(load, "mit_svdb", "head")
    return {
        "best": best,
        "gain": by_strategy[best],
        "without_heavy": gain(first[best], first["none"], without=HEAVY_RECORD),
        "above": "no" if not above else str(above),
        "worst": float(min(changes)),
        "abroad": gain(abroad["adabn"], abroad["none"]),
        "n_strategies": len(by_strategy),
        "n_settings": len(found),
        "n_patients": _n_patients(first["none"]),
        "n_seeds": len(first["none"].results),
        "adabn": papers.PAPER1_TABLE_3["adabn"].macro_f1,
        "head_only": papers.PAPER1_TABLE_3["head_only"].macro_f1,
    }


def formats(load):
    """FP16 against BF16 at the paper's size: `difference` of macro-F1 over `n_seeds`.

    Printed: `printed_gain` of FP16 over BF16.
    """
    named = precision.by_format(load("h200/precision"))
    row = precision.pairs_table(named).iloc[0]
    ends = ("over seeds", "over seeds low", "over seeds high")
    first, second, *_ = papers.PAPER1_TABLE_1
    return {
        "difference": stats.Interval(*row[list(ends)]),
        "n_seeds": len(named["fp16, native"].results),
        "printed_gain": first.macro_f1 - second.macro_f1,
    }


def _calibrated(load):
    """The network that study "int8" has selected: arms in fp32 and calibrated in INT8."""
    runs = load("int8")
    chosen = next((r for r in runs if r.selected), None)
    if chosen is None:
        raise LookupError("no run of study int8 is selected")
    kind = {k: chosen.config[k] for k in ("pipeline", "norm", "split", "channels")}
    scopes = {"fp32": "none", "INT8": "all_int8"}
    return {
        name: arms.pick(runs, **kind, scope=scope, method="ptq")
        for name, scope in scopes.items()
    }


def in_formats(load):
    """Macro-F1 (Interval) of one network in "fp32" and "INT8", calibrated, all beats."""
    return {
        name: stats.patient_bootstrap(arm.matrices(), macro_f1)
        for name, arm in _calibrated(load).items()
    }


def integers(load):
    """All layers in integers, calibrated, against fp32: `difference` of macro-F1.

    Also `n_patients`, `n_seeds`, and `smaller`, the ratio of the files' bytes; printed:
    `best_row`.
    """
    plain, rounded = _calibrated(load).values()
    timed = {
        r.config["runtime"]: r.metrics
        for r in load("latency")
        if (r.config["channels"], r.config["batch"], r.config["threads"])
        == (rounded.settings["channels"], 1, 1)
    }
    return {
        "difference": gain(rounded, plain, after_5min=False),
        "n_patients": _n_patients(rounded),
        "n_seeds": len(rounded.results),
        "smaller": timed["ort_fp32"]["file_bytes"] / timed["ort_int8"]["file_bytes"],
        "best_row": papers.PAPER1_BEST.macro_f1,
    }


def _pooled(load):
    """Results of ResNet1D on all folds of CinC 2017, by method and share."""
    return {
        (r.config["method"], r.config["share"]): r
        for r in load("compression")
        if (r.config["dataset"], r.config["model"], r.config["fold"])
        == ("cinc2017", "resnet1d", "all")
    }


def files(load):
    """Method -> times smaller its file is, and accuracy, at the paper's size on Chapman."""
    wanted = {"dataset": "chapman", "model": "resnet1d", "size": "paper", "fold": "all"}
    found = by_method(load("compression"), **wanted)
    named = {
        "8 bits": "8 bits",
        "4 bits": "4 bits, clipped, by channel",
        "LAQ": "LAQ",
        "ours, a fifth kept": "80 % pruned, 3 bits, trained",
    }
    if not set(named.values()) <= found.keys():
        raise LookupError("a method was not run at the paper's size")
    metrics = {name: found[key].metrics for name, key in named.items()}
    return {name: (m["file_ratio"], m["accuracy"]) for name, m in metrics.items()}


def compression(load):
    """LAQ, and pruning with rounding while training, on five folds of CinC 2017.

    `laq_ratio` (ideal) and `laq`, a difference of accuracy to fp32; `sized_ratio` and `sized`,
    the same at the paper's size on a tenth of Chapman, `hubert_ratio` and `hubert` those of
    HuBERT-ECG `small` there; of the ResNet1D there that was trained and keeps a fifth,
    `sized_smaller`, ratio of files, and `sized_as_long`, the difference to fp32 trained as
    long; of the small one that keeps a tenth: `file_ratio`, and `as_long`, the difference to
    fp32 trained as long; `n_recordings`, `n_folds`; printed: `printed_laq`.
    """
    pooled = _pooled(load)
    laq, joint = pooled["laq", 0.0], pooled["joint", 0.9]
    (fp32,) = pick(load("rhythm"), dataset="cinc2017", model="resnet1d")
    wanted = {"dataset": "chapman", "model": "resnet1d", "size": "paper"}
    runs, of_hubert = load("compression"), wanted | {"model": "hubert", "size": "small"}
    sized = {r.config["method"]: r for r in pick(runs, **wanted)}
    hubert = {r.config["method"]: r for r in pick(runs, **of_hubert)}.get("laq")
    if hubert is None or not {"laq", "joint", "longer"} <= sized.keys():
        raise LookupError("a method was not run at the paper's size")
    own_labels = labels_of(pick(load("rhythm"), **wanted)[0])
    return {
        "sized_ratio": sized["laq"].metrics["ideal_ratio"],
        "sized": change(sized["laq"]),
        "hubert_ratio": hubert.metrics["ideal_ratio"],
        "hubert": change(hubert),
        "sized_smaller": sized["joint"].metrics["file_ratio"],
        "sized_as_long": paired(sized["joint"], sized["longer"], own_labels),
        "laq_ratio": laq.metrics["ideal_ratio"],
        "laq": change(laq),
        "file_ratio": joint.metrics["file_ratio"],
        "as_long": paired(joint, pooled["longer", 0.0], labels_of(fp32)),
        "n_recordings": len(results.decode_folds(laq.predictions)),
        "n_folds": len(laq.predictions),
        "printed_laq": f"{papers.PAPER2_TABLE_1['resnet1d']['LAQ'].ratio:.2f}",
    }


def edge(load):
    """What the C code takes that classifies and learns, and how often it is NumPy's class.

    `flash_kb` and `ram_kb`, `exact` (least share), `n_seeds`; printed: `nano_s`, seconds of
    paper 1 on a Jetson Nano.
    """
    measured = [r.metrics for r in load("c99")]
    if not measured:
        raise LookupError("no run of study c99")
    return {
        "flash_kb": max(m["device_flash_bytes"] for m in measured) / 1000,
        "ram_kb": max(m["device_ram_bytes"] for m in measured) / 1000,
        "exact": min(m["learned_exact"] for m in measured),
        "n_seeds": len(measured),
        "nano_s": papers.PAPER1_TABLE_1[2].runtime_s,
    }


def on_device(runs):
    """`ecglib.tables.evidence.left_out` with the update of the device."""
    return evidence.left_out(runs, update=ON_DEVICE.update, how=ON_DEVICE.how)


def curve(load):
    """Labels really asked for, from none on -> macro-F1 (Interval) of the micro network.

    Asked in doubt, by the update of the device, every patient left out once, after 5:00.
    """
    start, doubt = on_device(load("budget"))
    return {
        budget.mean_over(arm, budget.labels_a_record): stats.patient_bootstrap(
            arm.matrices(after_5min=True), macro_f1
        )
        for arm in (start[0], *doubt.values())
    }


def labels(load):
    """Labelled beats of a patient against none, every patient left out once, after 5:00.

    Learned by the update of the device. Changes of macro-F1 by five labels, `five_mit` and
    `five_svdb`, on each database, and `five_without_heavy` record 232 on the first; asked in
    doubt, `doubt_mit` and `doubt_svdb`, and `asked`, labels really asked for; `one_worst`,
    `five_worst` and `doubt_worst`, the largest loss of accuracy of one patient with one
    network; `n_patients`, `n_seeds`.
    """
    start, stream = on_device(load("budget"))
    none, five, doubt = start[0], start[5], stream[budget.AN_HOUR]

    def on(database, arm, **how):
        return gain(arms.on(arm, database), arms.on(none, database), **how)

    return {
        "five_mit": on("mitdb", five),
        "five_svdb": on("svdb", five),
        "five_without_heavy": on("mitdb", five, without=HEAVY_RECORD),
        "one_worst": budget.worst_change(start[1], none)[1],
        "five_worst": budget.worst_change(five, none)[1],
        "doubt_mit": on("mitdb", doubt),
        "doubt_svdb": on("svdb", doubt),
        "doubt_worst": budget.worst_change(doubt, none)[1],
        "asked": budget.mean_over(doubt, budget.labels_a_record),
        "n_patients": _n_patients(five),
        "n_seeds": len(five.results),
    }


def tested_alone(load):
    """On patients who chose nothing, in doubt: change on MIT-BIH, `mit`, and `worst` loss."""
    runs, kind = load("budget"), {"dataset": "both", "split": "dev_test", "scope": "all_int8"}
    none = arms.pick(runs, update="none", **kind)
    doubt = arms.pick(runs, update=ON_DEVICE.update, **ASKED["in doubt"], **kind)
    mit = gain(arms.on(doubt, "mitdb"), arms.on(none, "mitdb"))
    return {"mit": mit, "worst": budget.worst_change(doubt, none)[1]}


def goals(load):
    """What was wanted of the micro network before its runs, see `evidence.goals_table`."""
    start, stream = evidence.left_out(load("budget"))
    named = {"no label": start[0], "five labels": start[5], "twenty labels": start[20]}
    named["in doubt"] = stream[budget.AN_HOUR]
    micro, kind = load("micro"), {"dataset": "both", "scope": "all_int8"}
    crossed = {split: arms.pick(micro, split=split, **kind) for split in evidence.CROSS_GOALS}
    return evidence.goals_table(named, crossed)


def missed_goals(load):
    """How many `goals` there were, and how many were `missed`, as a word if all of them."""
    missed = goals(load)["missed"]
    return {"goals": len(missed), "missed": "all" if missed.all() else str(missed.sum())}


def labels_of_ecgnet(load):
    """Five labels in the same loop around narrow ECGNet with RR ratios, DS1 → DS2, fp32.

    `gain` of macro-F1 after 5:00, and `without_heavy` record 232.
    """
    named = budget.by_budget(load("budget_ecgnet"), split="ds1_ds2")
    none, five = named[0], named[5]
    return {
        "gain": gain(five, none),
        "without_heavy": gain(five, none, without=HEAVY_RECORD),
    }


def inputs(load):
    """The input before the search, and Farag's (2023), on MIT-BIH alone, without labels.

    Every patient left out once, fp32, all beats, one seed: macro-F1 of `ours` and of `farag`,
    the `difference` ours minus theirs, and the same `without_heavy` record 232.
    """
    runs = [r for r in load("micro") if r.config["seed"] == 7]
    named = arms.by(runs, "features", split="lopo", scope="none")
    ours, farag = named[INPUT], named["derivative+rr"]
    return {
        "ours": ours.mean(macro_f1),
        "farag": farag.mean(macro_f1),
        "difference": gain(ours, farag, after_5min=False),
        "without_heavy": gain(ours, farag, after_5min=False, without=HEAVY_RECORD),
    }
