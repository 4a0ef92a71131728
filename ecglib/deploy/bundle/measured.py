"""Measurements that devices made with a bundle: checked, stored with the results, as tables.

`devices` are measurements from `load_devices`.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd

from ecglib.deploy.bundle.write import FORMAT, TOLERANCE, identity
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.paths import RESULTS
from ecglib.system.untrusted import read_json, refused

FOLDER = RESULTS / "latency" / "devices"

LONGEST_CALL_MS = 600_000
"""Longest time of one call in milliseconds; a longer one is taken for a mistake."""

NETWORKS = {"ecgnet": "ECGNet", "micronet": "MicroNet"}
_COMMON = {"format": int, "bundle": str, "machine": dict}
_FIELDS = _COMMON | {"runtime": str, "created": str, "power": dict}
_FIELDS |= {"measured": list, "unsupported": list}
_LEARNING_FIELDS = _COMMON | {"torch": str, "device": str, "measured": dict, "estimated": dict}
_SECONDS = {
    "paper_adapt_s": "puzzle, one patient",
    "paper_finetune_step_s": "fine-tuning, one step",
    "ours_features_s": "ours: features",
    "ours_update_s": "ours: five labels",
}
ESTIMATED = "estimated: both stages, 22 patients"
"""Column of what the measured seconds of paper 1's stages come to."""

_TIMES = ("p50_ms", "p95_ms", "p99_ms")


def import_device(path, folder=FOLDER):
    """Check a file that `nano_bench.py` or `nano_online.py` wrote on a device, and store it.

    Parameters
    ----------
    path, folder : Path
        The file from the device, and the folder in which it is stored. It replaces an earlier
        measurement of the same device and runtime.

    Returns
    -------
    Path
        The stored file.

    Raises
    ------
    UserError
        If the file is damaged or incomplete, has impossible numbers, or is from another bundle.
    """
    content = _read(path)
    learning = isinstance(content.get("measured"), dict)
    if learning and "runtime" in content:
        raise UserError(f"{path} is both of a runtime and of learning; measure again")
    for name, kind in (_LEARNING_FIELDS if learning else _FIELDS).items():
        if not isinstance(content.get(name), kind):
            raise UserError(f"{path}: {name} is missing or of another kind; measure again")
    if content["format"] != FORMAT or content["bundle"] != identity():
        raise UserError(
            f"{path} is of bundle {content['bundle']}, this version exports {identity()}; "
            "export the bundle again and measure with that"
        )
    if not content["measured"]:
        raise UserError(f"{path} holds no measurement")
    if learning:
        _check_seconds(content, path)
    else:
        for number, row in enumerate(content["measured"]):
            _check_row(row, f"{path}: measurement {number}")
        for number, row in enumerate(content["unsupported"]):
            _check_network(row, f"{path}: unsupported network {number}")
    target = Path(folder) / f"{_slug(content)}.json"
    with written(target) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    return target


def _read(path):
    with refused(f"{path} is missing or no JSON; nano_bench.py writes it"):
        content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} is no file of nano_bench.py")
    return content


def _check_network(row, where):
    """Raise a `UserError` if a row names a network that the bundle does not have."""
    if not isinstance(row, dict) or row.get("network") not in list(NETWORKS):
        raise UserError(f"{where} is of no network of the bundle")
    if row.get("precision") not in list(TOLERANCE):
        raise UserError(f"{where}: precision is {row.get('precision')!r}")


def _check_row(row, where):
    """Raise a `UserError` if a measurement is impossible."""
    _check_network(row, where)
    for name in (*_TIMES, "beats_per_s", "batch", "calls"):
        value = row.get(name)
        if not _is_positive(value):
            raise UserError(f"{where}: {name} is {value!r}; it must be above zero")
    times = [row[name] for name in _TIMES]
    if times != sorted(times) or times[-1] > LONGEST_CALL_MS:
        raise UserError(f"{where}: p50, p95, p99 are {times} ms, which cannot be")
    difference = row.get("max_difference")
    if not (difference == 0 or _is_positive(difference)) or (
        difference > TOLERANCE[row["precision"]]
    ):
        raise UserError(f"{where}: max_difference is {difference!r}, more than is tolerated")


def _check_seconds(content, path):
    """Raise a `UserError` if the seconds of learning are impossible."""
    for name in _SECONDS:
        if not _is_positive(content["measured"].get(name)):
            raise UserError(
                f"{path}: {name} is {content['measured'].get(name)!r}; not above zero"
            )
    if not _is_positive(content["estimated"].get("paper_stage_22_patients_s")):
        raise UserError(f"{path}: paper_stage_22_patients_s is missing or not above zero")


def _is_positive(value):
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value <= sys.float_info.max  # not infinite, nor a larger integer


def _slug(content):
    """Name of the file, from device and runtime, in letters and digits."""
    runtime = content.get("runtime") or f"learning torch {content['torch']} {content['device']}"
    name = f"{_machine(content)} {runtime}".lower()
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:80] or "device"


def _machine(content):
    """Name of the board, or of the processor if there is none."""
    machine = content["machine"]
    name = str(machine.get("model") or machine.get("cpu") or "device")
    return name.replace("(R)", "").replace(" Processor", "")


def load_devices(folder=FOLDER):
    """All stored measurements, sorted by the names of the devices."""
    return [_read(path) for path in sorted(Path(folder).glob("*.json"))]


def device_table(devices):
    """Median milliseconds of one beat and beats a second in batches of 64, by device.

    Returns
    -------
    DataFrame
        A row for each device, network and format; if it was not measured, it has a word instead
        of a number.
    """
    rows = {}
    for device in devices:
        if "runtime" not in device:
            continue
        name = f"{_machine(device)}, {device['runtime'].split('+')[0]}"
        name += " on cuda" * ("cuda" in device["runtime"])
        for row in device["measured"]:
            cell = rows.setdefault(_key(name, row), {})
            if row["batch"] == 1:
                cell["one beat, ms"] = row["p50_ms"]
            if row["batch"] == 64:
                cell["beats/s, 64 at once"] = row["beats_per_s"]
        for row in device["unsupported"]:
            rows[_key(name, row)] = {"one beat, ms": "not supported"}
    for jetson in ("Jetson Nano", "Jetson Orin"):
        if not any(jetson in key[0] for key in rows):
            rows[jetson, "", ""] = {"one beat, ms": "not measured"}
    return pd.DataFrame(rows).T.rename_axis(["device", "network", "format"])


def _key(name, row):
    return name, NETWORKS[row["network"]], row["precision"]


def one_beat_table(devices):
    """Median milliseconds of one beat by device and network, a column a format.

    Returns
    -------
    DataFrame
        Words for numbers as in `device_table`.
    """
    table = device_table(devices)["one beat, ms"].unstack("format")
    formats = table.reindex(columns=list(TOLERANCE))
    if "" not in table:  # every device was measured
        return formats
    return formats.apply(lambda column: column.fillna(table[""]))


def learning_table(devices):
    """Seconds of learning on devices: the measured parts, and an estimate for paper 1's stage.

    Returns
    -------
    DataFrame
        A row a device; the last column, `ESTIMATED`, follows from the first two.
    """
    rows = {}
    for device in devices:
        if "runtime" not in device:
            seconds = {text: device["measured"][name] for name, text in _SECONDS.items()}
            seconds[ESTIMATED] = device["estimated"]["paper_stage_22_patients_s"]
            rows[f"{_machine(device)}, {device['device']}"] = seconds
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("device")


def estimated_seconds(devices, kind):
    """What paper 1's adaptation and fine-tuning of all patients come to on a device.

    Parameters
    ----------
    kind : {"cpu", "cuda"}
        Of the device.

    Returns
    -------
    float
        Seconds, estimated from measured steps.

    Raises
    ------
    LookupError
        If no such device was measured.
    """
    found = [d for d in devices if "runtime" not in d and d["device"] == kind]
    if not found:
        raise LookupError(f"nobody timed learning on {kind}")
    return found[0]["estimated"]["paper_stage_22_patients_s"]
