"""The tables of both papers, row by row: what they print beside what we got at their size.

`formats`, `integers`, `strategies` (paper 1), `compressed` and `published` (paper 2) set our
runs beside the printed rows, in the paper's order; `numbers` makes a table of them. The other
functions count what can be said. `load` reads the reference runs of a study by its name.
"""

from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.metrics import accuracy, macro_f1, macro_sensitivity
from ecglib.models.ecgnet import ECGNetConfig
from ecglib.quant.scopes import SCOPES
from ecglib.studies.compression import NO_LOSS
from ecglib.tables import arms, compression, frames, names, overview, papers, scores
from ecglib.tables.second_database import STANDARD

NOT_RUN, NOT_MEASURED = "not run", "not measured"
"""What stands in place of our numbers: nobody has run it, or it needs a device."""

NO_ROW, NOT_GIVEN = "no row", "–"
"""What a paper has no row for, and what it does not give; ours of networks of others too."""

H200, NANO, ALONE = "H200", "Jetson Nano", "not in the paper"

SIZES = {"resnet1d": "paper", "hubert": "small"}
"""Networks of paper 2 -> size that we take for the paper's."""

_SIZE = list(ECGNetConfig().channels)


class Pair(NamedTuple):
    """A printed row (None where a paper has no such row), and our runs of the same.

    `runs` has one result a seed, or one of all folds; `missing` stands where there is none.
    """

    printed: object
    runs: list
    missing: str = NOT_RUN

    @property
    def arm(self):
        """Our runs as an arm; a LookupError if there are none."""
        if not self.runs:
            raise LookupError("a row has no runs")
        return arms.Arm({}, self.runs)


def formats(load):
    """Paper 1, table 1: (machine, number format) -> Pair."""
    ours = partial(
        _seeds, load("h200/precision"), precision_impl="native", strategy="head_only"
    )
    fp16, bf16, nano = papers.PAPER1_TABLE_1
    return {
        (H200, "FP16"): Pair(fp16, ours(precision="fp16")),
        (H200, "BF16"): Pair(bf16, ours(precision="bf16")),
        (NANO, "FP16"): Pair(nano, [], NOT_MEASURED),
        (ALONE, "fp32, H200"): Pair(None, _adapted(load, "head_only", "head")),
    }


def integers(load):
    """Paper 1, table 2: (pipeline, scope) -> Pair; trained on after rounding, fp32 as long."""
    kinds = {"ssl": {"finetune": "head", "strategy": "head_only"}, "baseline": {}}
    ours = partial(_seeds, load("int8"), method="qat", step="minmax")
    rows, titles = {}, {key: names.setting("pipeline", key) for key in kinds}
    places = product(kinds, SCOPES[1:3])
    for (key, scope), printed in zip(places, papers.PAPER1_TABLE_2, strict=True):
        found = ours(pipeline=key, scope=scope, **kinds[key])
        rows[titles[key], names.word(scope)] = Pair(printed, found)
    for key, title in titles.items():
        rows[ALONE, f"fp32, {title}"] = Pair(
            None, ours(pipeline=key, scope="none", **kinds[key])
        )
    return rows


def strategies(load):
    """Paper 1, table 3: (machine, strategy and what was fine-tuned) -> Pair.

    A printed row of the H200 stands beside two of ours.
    """

    def both(group, strategy, printed):
        for how in ("head", "all"):
            name = f"{names.word(strategy)}, {names.setting('finetune', how)}"
            rows[group, name] = Pair(printed, _adapted(load, strategy, how))

    rows = {}
    for strategy, printed in papers.PAPER1_TABLE_3.items():
        both(H200, strategy, printed)
    for printed in papers.PAPER1_TABLE_3_NANO:
        rows[NANO, printed.arm.removeprefix(f"{NANO}, ")] = Pair(printed, [], NOT_MEASURED)
    both(ALONE, "none", None)
    return rows


PAPER_1 = (formats, integers, strategies)
"""Tables of paper 1, in its order."""


def _adapted(load, strategy, finetune):
    """Runs of a strategy in fp32 on an H200."""
    wanted = STANDARD | {"strategy": strategy, "finetune": finetune}
    return _seeds(load("h200/personalization"), **wanted)


def _seeds(results, **wanted):
    """Runs of the arm at the paper's size with most seeds, one a seed; maybe none."""
    found = arms.group(results, **wanted, split="ds1_ds2", channels=_SIZE)
    return max((arm.results for arm in found), key=len, default=[])


def compressed(load, model):
    """Paper 2, table 1, for one network: method -> Pair, all folds of Chapman pooled."""
    found = _pooled(load, model, "chapman")
    printed = papers.PAPER2_TABLE_1[model]
    return {name: Pair(row, found.get(name, [])) for name, row in printed.items()}


def published(load):
    """Paper 2, table 2: (data set, author and method) -> Pair; shares instead of percent."""
    models = {"ResNet1D + LAQ": "resnet1d", "ResNet1D": "resnet1d"}
    models["HuBERT-ECG + LAQ"] = "hubert"
    datasets = {"Chapman": "chapman", "CPSC 2018": "cpsc2018"}
    rows = {}
    for peer in papers.PAPER2_TABLE_2:
        pair = Pair(papers.in_shares(peer), [], NOT_GIVEN)
        if peer.method in models:
            found = _pooled(load, models[peer.method], datasets[peer.dataset])
            pair = Pair(pair.printed, found.get("LAQ", []))
        rows[peer.dataset, f"{peer.source}, {peer.method}"] = pair
    if found := _pooled(load, "hubert", "cpsc2018").get("LAQ"):
        rows["CPSC 2018", "ours alone, HuBERT-ECG + LAQ"] = Pair(None, found)
    return rows


def _pooled(load, model, dataset):
    """Method -> list of its one result at the paper's size, all folds pooled."""
    wanted = {"dataset": dataset, "model": model, "size": SIZES[model]}
    fp32 = compression.pick(load("rhythm"), **wanted)[:1]
    named = compression.by_method(load("compression"), **wanted)
    return {"fp32": fp32} | {name: [result] for name, result in named.items()}


def beyond(load):
    """Methods that are not paper 2's, at its size on Chapman, all folds pooled.

    Network -> table as from `ecglib.tables.compression.control_table`.
    """
    tables = {}
    for model, size in SIZES.items():
        wanted = {"dataset": "chapman", "model": model, "size": size}
        named = compression.by_method(load("compression"), **wanted)
        longer = named.get(compression.FAMILIES["longer"])
        kept = {
            name: result
            for name, result in named.items()
            if result.config["method"] not in compression.PAPER_METHODS
        }
        if kept:
            (fp32,) = compression.pick(load("rhythm"), **wanted)
            table = compression.control_table(kept, longer, fp32)
            tables[names.word(model)] = table
    if not tables:
        raise LookupError("no runs at the papers' sizes")
    return tables


def numbers(pairs):
    """A table of the papers beside ours.

    Returns
    -------
    DataFrame
        For each measure that the paper prints a column under "printed" and one under "ours":
        `accuracy`, `macro-F1`, `sensitivity` and `seconds` (all stages, mean over seeds), with
        deviations over seeds; or `accuracy` (ours with its interval over recordings), `F1` and
        `CR`, counted as the paper does. Of ours also `seeds`, how many, or `file`, the ratio
        of bytes on disk. Words stand where there is no number. Tables of paper 1 end with
        always answering N.
    """
    printed = {key: papers.columns(pair.printed) for key, pair in pairs.items()}
    ours = {key: _ours(pair) for key, pair in pairs.items()}
    given = [c for c in papers.COLUMNS.values() if any(c in row for row in printed.values())]
    columns = [(side, c) for c in given for side in ("printed", "ours") if c not in _OF_OTHERS]
    columns = [("printed", c) for c in _OF_OTHERS if c in given] + columns
    if "macro-F1" in given:
        columns.append(("ours", "seeds"))
        last = ALONE, scores.ALWAYS_N
        printed[last], ours[last] = {}, _always_n(pairs)
        pairs = pairs | {last: Pair(None, [], "")}
    elif "classes" not in given:
        columns.append(("ours", "file"))
    rows = {}
    for key, pair in pairs.items():
        found = {"printed": printed[key], "ours": ours[key]}
        words = {"printed": NOT_GIVEN if pair.printed else NO_ROW}
        words["ours"] = "" if pair.runs else pair.missing
        rows[key] = {
            (side, c + end): found[side].get(
                c + end, np.nan if end or c in _OF_OTHERS else words[side]
            )
            for side, c in columns
            for end in ("", " std", " low", " high")
        }
    table = frames.of_rows(rows).dropna(axis="columns", how="all")
    return table.set_axis(pd.MultiIndex.from_tuples(table.columns), axis="columns")


_OF_OTHERS = ("classes", "leads")


def _ours(pair):
    """Numbers of our runs."""
    if not pair.runs:
        return {"seeds": 0}
    if pair.runs[0].per_record:
        arm = pair.arm
        return {
            **frames.spread("accuracy", arm.values(accuracy)),
            **frames.spread("macro-F1", arm.values(macro_f1)),
            **frames.spread("sensitivity", arm.values(macro_sensitivity)),
            "seconds": np.mean([sum(run.runtime_s.values()) for run in pair.runs]),
            "seeds": len(pair.runs),
        }
    m = pair.runs[0].metrics  # one of fp32 has no ratio of its own
    ratios = {"CR": m.get("ideal_ratio", 1.0), "file": m.get("file_ratio", 1.0)}
    return frames.with_bounds("accuracy", _share(pair)) | {"F1": m["macro_f1"]} | ratios


def _always_n(pairs):
    """Numbers of answering N to every beat of the test side, if there are runs."""
    if not (runs := runs_of(pairs)):
        return {}
    m = scores.always_n(runs[0].matrix())
    return {"accuracy": m.accuracy, "macro-F1": m.macro_f1, "sensitivity": m.sensitivity}


def _share(pair):
    """Accuracy of a pooled result with its interval over recordings."""
    confusion = np.array(pair.runs[0].metrics["confusion"])
    return stats.share_interval(np.trace(confusion), confusion.sum())


def runs_of(pairs):
    """All our runs in a table."""
    return [run for pair in pairs.values() for run in pair.runs]


def printed_rows(pairs):
    """Printed rows of a table, each once, also if two of ours stand beside it."""
    return list({id(p.printed): p.printed for p in pairs.values() if p.printed}.values())


def gaps(pairs):
    """What stands in place of our numbers -> in how many printed rows."""
    gone = {id(p.printed): p.missing for p in pairs.values() if p.printed and not p.runs}
    gone = list(gone.values())  # each once, also if two of ours stand beside it
    return {word: gone.count(word) for word in (NOT_RUN, NOT_MEASURED) if word in gone}


def own_rows(load):
    """All `rows` of the papers' own methods, and of how many of them there are `ours`."""
    tables = [make(load) for make in (*PAPER_1, published)]
    tables += [compressed(load, model) for model in SIZES]
    own = [
        ((number, pair.printed), bool(pair.runs))  # one, where two of ours stand beside it
        for number, pairs in enumerate(tables)
        for pair in pairs.values()
        if pair.printed and pair.missing != NOT_GIVEN
    ]
    return {"rows": len({row for row, _ in own}), "ours": len({row for row, ran in own if ran})}


def against_printed(*tables):
    """Where our means over seeds lie, in printed standard deviations; tables of paper 1.

    `rows` that have both; in how many `accuracy` and `f1` (macro-F1) are at most one deviation
    from the printed mean, and in how many more than one above or below it (`f1_above`, …).
    """
    found = [p for pairs in tables for p in pairs.values() if p.printed and p.runs]
    if not found:
        raise LookupError("no printed row has runs")
    counts = {"rows": len(found)}
    for name, field, statistic in (
        ("accuracy", "accuracy", accuracy),
        ("f1", "macro_f1", macro_f1),
    ):
        means = [p.arm.mean(statistic) - getattr(p.printed, field) for p in found]
        stds = [getattr(p.printed, f"{field}_std") for p in found]
        away = np.divide(means, stds)
        where = {name: abs(away) <= 1, f"{name}_above": away > 1, f"{name}_below": away < -1}
        counts |= {place: int(rows.sum()) for place, rows in where.items()}
    return counts


def rounded(load, pipeline):
    """Head and shallow blocks in INT8, one pipeline of paper 1's table 2.

    `change` of macro-F1 against fp32 trained as long, over patients; `f1` and `accuracy`,
    means of ours minus the printed ones; `seeds`.
    """
    pairs, title = integers(load), names.setting("pipeline", pipeline)
    row = pairs[title, names.word(SCOPES[2])]
    return {
        "change": scores.gain(row.arm, pairs[ALONE, f"fp32, {title}"].arm, after_5min=False),
        "f1": row.arm.mean(macro_f1) - row.printed.macro_f1,
        "accuracy": row.arm.mean(accuracy) - row.printed.accuracy,
        "seeds": len(row.runs),
    }


def adabn(load):
    """AdaBN in the `settings` of `ecglib.tables.overview.settings`, all beats of DS2.

    In how many its mean macro-F1 is `first` of all strategies, and in how many `above` that of
    the control; its change against the control at the paper's size with the `head` or
    `everything` fine-tuned, over patients.
    """
    found = list(overview.settings(load).values())
    means = [{s: arm.mean(macro_f1) for s, arm in named.items()} for named in found]
    controls = [by_strategy.pop("none") for by_strategy in means]
    everything, head, _ = (
        scores.gain(named["adabn"], named["none"], after_5min=False) for named in found
    )
    return {
        "first": sum(max(m, key=m.get) == "adabn" for m in means),
        "above": sum(m["adabn"] > none for m, none in zip(means, controls, strict=True)),
        "settings": len(found),
        "head": head,
        "everything": everything,
    }


def kept(load, model):
    """Compressed rows of paper 2's table 1 and the loss of each against its own fp32 network.

    `rows` that have both; in how many the losses are on the `same` side of one point, names of
    the `others`, and in how many the interval of ours lies above it (`shown`). Of LAQ the
    change of accuracy `laq`, its ratio `cr`, and the `printed` one.
    """
    pairs = compressed(load, model)
    fp32 = pairs.pop("fp32").printed.accuracy
    ours = {name: compression.change(pair.runs[0]) for name, pair in pairs.items() if pair.runs}
    others = [
        name
        for name, change in ours.items()
        if (change.value > NO_LOSS) != (pairs[name].printed.accuracy - fp32 > NO_LOSS)
    ]
    laq = pairs["LAQ"].arm.results[0]
    return {
        "rows": len(ours),
        "same": len(ours) - len(others),
        "others": ", ".join(others) or "none",
        "shown": sum(map(compression.is_within_one_point, ours.values())),
        "laq": compression.change(laq),
        "cr": laq.metrics["ideal_ratio"],
        "printed": pairs["LAQ"].printed.ratio,
    }


def equation_3(load, model):
    """LAQ as equation (3) prints it, on one fold at paper 2's size.

    Number of `layers`, how many of them get the `same` bits as by the text, its ratio `cr` and
    its `change` of accuracy.
    """
    wanted = {"dataset": "chapman", "model": model, "size": SIZES[model], "fold": 0}
    text, printed = (
        compression.pick(load("compression"), method=method, **wanted)
        for method in ("laq", "laq_printed")
    )
    if not (text and printed):
        raise LookupError("both readings of LAQ must run on one fold")
    ours, theirs = (found[0].metrics["decisions"]["bits"] for found in (text, printed))
    return {
        "layers": len(ours),
        "same": sum(theirs[layer] == bits for layer, bits in ours.items()),
        "cr": printed[0].metrics["ideal_ratio"],
        "change": compression.change(printed[0]),
    }


def inside(load):
    """Own `rows` of paper 2's table 2 that we ran; `inside`, where our interval has theirs."""
    found = [pair for pair in published(load).values() if pair.printed and pair.runs]
    if not found:
        raise LookupError("no runs at the papers' sizes")
    both = [(_share(pair), pair.printed.accuracy) for pair in found]
    return {"rows": len(found), "inside": sum(b.low <= a <= b.high for b, a in both)}
