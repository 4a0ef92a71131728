"""Tables of the study "speed", and of the seconds that compressing a network takes.

`results` are runs of the study "speed", except in `compression_table`, where they are runs of
the study "compression".
"""

import numpy as np
import pandas as pd

from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies.speed import TASKS
from ecglib.tables import frames, names
from ecglib.tables.compression import FAMILIES

_TASKS = {
    "windows": "windows of a record's beats",
    "recording": "one record classified",
    "pretraining": "puzzle",
    "training": "supervised",
}

_UNTRAINED = ("windows", "recording")


def _task(config):
    """The piece of work of a run, in words."""
    if config["task"] != "online":
        return _TASKS[config["task"]]
    learns = {"head": "the head", "all": "everything"}[config["finetune"]]
    return f"online: {names.word(config['strategy'])}, then {learns}"


def _work(config):
    """The piece of work with its epochs, format and threads, in words."""
    words = [_task(config)]
    if config["task"] not in _UNTRAINED:
        words += ["1 epoch" if config["epochs"] == 1 else f"{config['epochs']} epochs"]
    words += [config["precision"]] * (config["precision"] != "fp32")
    words += [f"{config['threads']} threads"] * (config["threads"] > 1)
    return ", ".join(words)


def _order(result):
    """Sort key of a run: simple tasks, narrow networks and few patients come first."""
    config = result.config
    place = (
        list(TASKS).index(config["task"]),
        config["finetune"] == "all",
        config["precision"],
    )
    place += (config["threads"], config["channels"], list(STRATEGIES).index(config["strategy"]))
    return (*place, config["patients"], config["train_share"])


def speed_table(results):
    """Seconds the usual way and ours, and their ratio, for work that was done both ways.

    Returns
    -------
    DataFrame
        `filters` of the first and the widest block, `beats`, `patients`, of which the usual way
        was `timed` (the rest is scaled), seconds `usual, s` and `ours, s`, their `ratio`, and
        `of peak, %`: operations a second of the (fine-)tuning our way, over those of a product
        of large matrices. Cutting windows and answering a record have no filters and no peak;
        only the online stage has patients.
    """
    rows = []
    for result in sorted(results, key=_order):
        if "usual" not in result.runtime_s:
            continue
        config = result.config
        row = {"work": _work(config), "filters": np.nan, "beats": result.metrics["n_beats"]}
        if config["task"] not in _UNTRAINED:
            row["filters"] = f"{config['channels'][0]}–{max(config['channels'])}"
        if config["task"] == "online":
            row["patients"] = config["patients"]
            row["timed"] = min(config["usual_patients"], config["patients"])
        rows.append(row | _both_ways(result))
    columns = ["work", "filters", "beats", "patients", "timed"]
    columns += ["usual, s", "ours, s", "ratio", "of peak, %"]
    return pd.DataFrame(rows, columns=columns).set_index("work")


def largest(results):
    """Seconds and ratio of every task, from its largest run on one thread.

    The largest run has the most patients, and of these the most beats.

    Returns
    -------
    DataFrame
        Columns `usual, s`, `ours, s`, `ratio` and `of peak, %` (see `speed_table`); index: the
        task in words.
    """
    chosen = {}
    for result in sorted(results, key=_order):
        config = result.config
        if "usual" in result.runtime_s and config["threads"] == 1:
            best = chosen.setdefault(_task(config), result)
            if _size(result) > _size(best):
                chosen[_task(config)] = result
    return frames.of_rows({task: _both_ways(result) for task, result in chosen.items()}, "work")


def _both_ways(result):
    """Seconds the usual way and ours, their ratio, and our share of the peak."""
    seconds = {f"{way}, s": result.runtime_s[way] for way in ("usual", "ours")}
    share = 100 * result.metrics.get("share_of_peak", np.nan)
    return seconds | {"ratio": result.metrics["ratio"], "of peak, %": share}


def _size(result):
    """Patients and beats of a run."""
    return result.config["patients"], result.metrics["n_beats"]


def compression_table(results):
    """Seconds that compressing a fold of CinC 2017 took, without training the network.

    Returns
    -------
    DataFrame
        A column a network, the median of its seconds, and `n`, the number of runs.
    """
    found = {}
    for result in results:
        config = result.config
        if config["dataset"] == "cinc2017" and config["fold"] != "all":
            seconds = found.setdefault(config["method"], {}).setdefault(config["model"], [])
            seconds.append(result.runtime_s["compress"])
    rows = {}
    for method, by_model in sorted(found.items()):
        row = rows.setdefault(FAMILIES[method], {})
        for model, seconds in by_model.items():
            row |= {names.word(model): np.median(seconds)}
            row |= {f"{names.word(model)} n": len(seconds)}
    return frames.of_rows(rows, "method")


def forms_table(results):
    """Milliseconds of a beat in every runtime (task "inference").

    Returns
    -------
    DataFrame
        A row a network, a column a runtime; empty if there is none.
    """
    found = [r.metrics["networks"] for r in results if r.config["task"] == "inference"]
    rows = {name: row for networks in found for name, row in networks.items()}
    return frames.of_rows(rows, "network")
