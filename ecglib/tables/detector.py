"""How well detectors of R-peaks find beats, on clean and on noisy recordings."""

from ecglib.studies.detector import DETECTORS
from ecglib.tables import frames

NAMES = {
    "ours": "ours",
    "xqrs": "XQRS, the record's rate",
    "xqrs_200hz": "XQRS at 200 Hz",
    "sleepecg": "sleepecg",
    "neurokit2": "NeuroKit2",
}
"""Detector -> what a page calls it."""

_SCORES = {"se": "Se", "ppv": "+P", "se_v": "Se of V", "se_s": "Se of S"}


def clean(results, side):
    """Scores of every detector on the clean records of one side, such as "DS2".

    Parameters
    ----------
    results : list of RunResult
        Of study `detector`.
    side : str
        A key of `metrics["sides"]`.

    Returns
    -------
    DataFrame
        A row a detector; columns Se, +P, Se of V and of S, and the seconds that all records of
        the data set took, those of other sides included.
    """
    found = [r for r in results if r.config["noise"] == "none" and side in r.metrics["sides"]]
    rows = {}
    for result in _in_order(found):
        name = NAMES[result.config["detector"]]
        rows[name] = _scores(result, side) | {"seconds": result.metrics["seconds"]}
    return frames.of_rows(rows, "detector")


def noisy(results):
    """Scores of every detector with every noise, on DS2.

    Returns
    -------
    DataFrame
        Index: noise, detector, SNR in dB, descending; columns as of `clean` without seconds,
        and `Se + +P`.
    """
    found = [r for r in results if r.config["noise"] != "none" and "DS2" in r.metrics["sides"]]
    found.sort(key=lambda r: (r.config["noise"], -r.config["snr_db"]))
    rows = {}
    for result in _in_order(found):
        row = _scores(result, "DS2")
        row["Se + +P"] = row["Se"] + row["+P"]
        config = result.config
        rows[config["noise"], NAMES[config["detector"]], config["snr_db"]] = row
    names, missing = ["noise", "detector", "dB"], "no detector has runs with noise"
    return frames.of_rows(rows, names, missing=missing)


def _scores(result, side):
    return {label: result.metrics["sides"][side][name] for name, label in _SCORES.items()}


def _in_order(results):
    """By detector, in the order of `DETECTORS`."""
    names = list(DETECTORS)
    return sorted(results, key=lambda result: names.index(result.config["detector"]))
