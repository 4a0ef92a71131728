"""What the benchmark says, as tables: study "speed", and seconds of compressing."""

import numpy as np
import pandas as pd

from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies.speed import TASKS

_TASKS = {
    "windows": "windows of a record's beats",
    "pretraining": "puzzle",
    "training": "supervised",
}


def _work(config):
    """What a run of study "speed" did, in words."""
    if config["task"] != "online":
        words = [_TASKS[config["task"]]]
    else:
        learns = {"head": "the head", "all": "everything"}[config["finetune"]]
        words = [f"online: {config['strategy']}, then {learns}"]
    if config["task"] != "windows":
        words += ["1 epoch" if config["epochs"] == 1 else f"{config['epochs']} epochs"]
    words += [config["precision"]] * (config["precision"] != "fp32")
    words += [f"{config['threads']} threads"] * (config["threads"] > 1)
    return ", ".join(words)


def _order(result):
    """The simple before the composed, the narrow before the wide, few patients before many."""
    config = result.config
    place = (
        list(TASKS).index(config["task"]),
        config["finetune"] == "all",
        config["precision"],
    )
    place += (config["threads"], config["channels"], list(STRATEGIES).index(config["strategy"]))
    return (*place, config["patients"], config["train_share"])


def speed_table(results):
    """Seconds the usual way and ours, and their ratio, for each piece of work.

    Parameters
    ----------
    results : list of RunResult
        Of study "speed"; runs without a usual way are left out.

    Returns
    -------
    DataFrame
        `filters`: of the first and the widest block. `of peak`: operations a second of the
        (fine-)tuning our way, over those of a product of large matrices.
    """
    rows = {}
    for result in sorted(results, key=_order):
        if "usual" not in result.runtime_s:
            continue
        config, m = result.config, result.metrics
        online, trains = config["task"] == "online", config["task"] != "windows"
        filters = f"{config['channels'][0]}–{max(config['channels'])}" if trains else "–"
        place = (_work(config), filters, m["n_beats"], config["patients"] if online else "–")
        scaled = online and config["usual_patients"] < config["patients"]
        rows[place] = {
            "usual, s": f"{result.runtime_s['usual']:.3g}" + "*" * scaled,
            "ours, s": f"{result.runtime_s['ours']:.3g}",
            "ratio": f"{m['ratio']:.1f}",
            "of peak": f"{100 * m['share_of_peak']:.2g} %" if trains else "–",
        }
    return pd.DataFrame(rows).T.rename_axis(["work", "filters", "beats", "patients"])


def compression_table(results):
    """Seconds that compressing took, by network and method, without training the network.

    Parameters
    ----------
    results : list of RunResult
        Of study "compression", any data set; folds of `cinc2017` are counted.

    Returns
    -------
    DataFrame
        Median and number of runs.
    """
    found = {}
    for result in results:
        config = result.config
        if config["dataset"] == "cinc2017" and config["fold"] != "all":
            seconds = found.setdefault(config["method"], {}).setdefault(config["model"], [])
            seconds.append(result.runtime_s["compress"])
    rows = {
        method: {
            model: f"{np.median(seconds):.1f} ({len(seconds)})"
            for model, seconds in by_model.items()
        }
        for method, by_model in sorted(found.items())
    }
    return pd.DataFrame(rows).T.fillna("–").rename_axis("method")


def forms_table(results):
    """Milliseconds of a beat in every runtime.

    Parameters
    ----------
    results : list of RunResult
        Of study "speed"; those of task "inference" are shown.

    Returns
    -------
    DataFrame
        Empty if there is none.
    """
    found = [r.metrics["networks"] for r in results if r.config["task"] == "inference"]
    rows = {name: row for networks in found for name, row in networks.items()}
    return pd.DataFrame(rows).T.map(lambda value: f"{value:.3g}").rename_axis("network")
