"""The benchmark: study "speed" measured anew, and its results as tables."""

import pandas as pd

from ecglib.plans import run_from_params

_TASKS = {
    "windows": "windows of a record's beats",
    "pretraining": "puzzle, an epoch",
    "training": "supervised, an epoch",
}


def bench(params, profile, *, overrides):
    """Measure every arm of study "speed" that a params file names, whatever is on the disk.

    Parameters
    ----------
    params : dict
        From `ecglib.params.load_params`.
    profile : str
        Name of the params file.
    overrides : dict
        Parameters set on the command line.

    Returns
    -------
    list of RunResult
    """
    return run_from_params("speed", params, profile, overrides=overrides, again=True)


def _work(config):
    """What a run of study "speed" did, in words."""
    if config["task"] != "online":
        return _TASKS[config["task"]]
    learns = {"head": "head", "all": "all of it"}[config["finetune"]]
    return f"online stage, {config['strategy']}, fine-tuning {learns}"


def _size(config):
    return f"{config['channels'][0]} to {max(config['channels'])}"


def speed_table(results):
    """Seconds the usual way and ours, and their ratio, for each piece of work.

    Parameters
    ----------
    results : list of RunResult
        Of study "speed"; runs without a usual way are left out.

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        config, seconds, m = result.config, result.runtime_s, result.metrics
        if "usual" not in seconds:
            continue
        online = config["task"] == "online"
        windows = config["task"] == "windows"
        scaled = online and config["usual_patients"] < config["patients"]
        key = (_work(config), "–" if windows else _size(config), config["precision"])
        rows[(*key, config["patients"] if online else "–", m["n_beats"], config["threads"])] = {
            "usual, s": f"{seconds['usual']:.3g}" + (" (scaled)" if scaled else ""),
            "ours, s": f"{seconds['ours']:.3g}",
            "ratio": f"{m['ratio']:.1f}",
            "of peak, %": "–" if windows else f"{100 * m['share_of_peak']:.0f}",
        }
    names = ["work", "filters", "format", "patients", "beats", "threads"]
    return pd.DataFrame(rows).T.rename_axis(names)


def forms_table(results):
    """Milliseconds of a beat in every runtime.

    Parameters
    ----------
    results : list of RunResult
        Of study "speed"; those of task "inference" are shown.

    Returns
    -------
    DataFrame
    """
    found = [r.metrics["networks"] for r in results if r.config["task"] == "inference"]
    rows = {name: row for networks in found for name, row in networks.items()}
    return pd.DataFrame(rows).T.map(lambda value: f"{value:.3g}").rename_axis("network")
