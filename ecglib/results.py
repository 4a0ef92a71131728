"""Results of runs as small JSON files, written atomically and checked when they are read."""

import base64
import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from ecglib.aami import CLASSES
from ecglib.metrics import confusion_matrix
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import read_json, refused

REQUIRED = ("study", "config", "data", "metrics", "runtime_s", "environment", "created")
"""Fields that a file must have; the other fields have defaults."""

_DAMAGED = "predictions in a result file are damaged; delete the file and rerun"

MAX_PREDICTIONS = 10_000_000
"""Largest number of bytes of unpacked predictions; a record has about 3,000 beats."""


@dataclass(frozen=True)
class RunResult:
    """Result of one run: its settings, data, scores, times and machine.

    Attributes
    ----------
    study : str
        Name of the study.
    config : dict
        The run's configuration, as `RunConfig.to_dict` gives it.
    data : dict
        `name`, `sha256` and `profile` of the data; `synthetic` is True if it is invented, and
        missing if it is recorded.
    metrics : dict
        `accuracy`, `macro_f1`, `sensitivity`, `per_class`, and metrics that the study adds.
    per_record, per_record_after_5min : dict
        Record (str) -> 3×3 list: rows reference, columns predicted.
    predictions : dict
        Record (str) -> classes of all annotated beats, see `encode_classes`; of studies on
        recordings, fold (str) -> `encode_recordings`.
    runtime_s : dict
        Stage -> seconds.
    environment : dict
        Machine and versions, see `ecglib.system.machine`.
    selected : bool
        True for the one arm of a study that a headline quotes.
    created : str
        UTC time, ISO 8601.
    """

    study: str
    config: dict
    data: dict
    metrics: dict
    runtime_s: dict
    environment: dict
    per_record: dict = field(default_factory=dict)
    per_record_after_5min: dict = field(default_factory=dict)
    predictions: dict = field(default_factory=dict)
    selected: bool = False
    created: str = field(
        default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds")
    )

    @property
    def synthetic(self):
        """Whether the data is invented."""
        return bool(self.data.get("synthetic", False))

    def matrix(self, *, after_5min=False):
        """Confusion matrices: record (str) -> ndarray (3, 3)."""
        chosen = self.per_record_after_5min if after_5min else self.per_record
        return {record: np.array(rows) for record, rows in chosen.items()}

    def classes(self, record):
        """Predicted classes (n_beats,) of all annotated beats of a record, in time order."""
        return decode_classes(self.predictions[str(record)])


def encode_classes(predicted):
    """Classes as base64 of their zlib-compressed int8 bytes.

    Examples
    --------
    >>> decode_classes(encode_classes(np.array([0, 2, 1]))).tolist()
    [0, 2, 1]
    """
    return _deflated(predicted.astype(np.int8).tobytes())


def decode_classes(text):
    """Classes (n_beats,) int8 from what `encode_classes` wrote.

    Raises
    ------
    UserError
        If it is damaged, or larger than any result.
    """
    return np.frombuffer(_inflated(text), dtype=np.int8)


def _deflated(data):
    """Base64 text of bytes as a zlib stream."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _inflated(text):
    """Bytes of a base64 text of a zlib stream; a stream that is cut short is refused."""
    with refused(_DAMAGED):
        decoder = zlib.decompressobj()
        data = decoder.decompress(base64.b64decode(text, validate=True), MAX_PREDICTIONS)
        if not decoder.eof:
            raise ValueError("cut short or too long")
    return data


def encode_recordings(names, predicted):
    """`recordings` (names, joined by spaces) and their `classes`, both compressed, in base64.

    Parameters
    ----------
    names : ndarray of str, shape (n,)
        Recordings; none has a space in its name.
    predicted : ndarray of int, shape (n,)
        Class of each recording.
    """
    joined = _deflated(" ".join(names).encode())
    return {"recordings": joined, "classes": encode_classes(predicted)}


def decode_recordings(encoded):
    """Recording -> predicted class, from what `encode_recordings` wrote.

    Raises
    ------
    UserError
        If it is damaged, or larger than any result.

    Examples
    --------
    >>> decode_recordings(encode_recordings(np.array(["A01", "A02"]), np.array([0, 2])))
    {'A01': 0, 'A02': 2}
    """
    with refused(_DAMAGED):
        names = _inflated(encoded["recordings"]).decode().split(" ")
        return dict(zip(names, decode_classes(encoded["classes"]).tolist(), strict=True))


def decode_folds(predictions):
    """Recording -> predicted class of all folds, each as `encode_recordings` wrote it."""
    return {k: v for fold in predictions.values() for k, v in decode_recordings(fold).items()}


def score_beats(beats, predicted, key=str):
    """Confusions and predictions per record, for a result file.

    Parameters
    ----------
    beats : Beats
        All annotated beats of the test records, F and Q included, in order of time.
    predicted : ndarray, shape (n_beats,)
        Index into CLASSES for every one of them.
    key : callable
        Function from a record's number to its name in the file: "100" for MIT-BIH, "svdb/800"
        for other data sets.

    Returns
    -------
    dict
        `per_record`, `per_record_after_5min`, `predictions`, as `RunResult` has them.
    """
    scored, late = beats.label < len(CLASSES), ~beats.before(300)
    out = {"per_record": {}, "per_record_after_5min": {}, "predictions": {}}
    for record in np.unique(beats.record):
        rows = beats.record == record
        for name, mask in (("per_record", rows), ("per_record_after_5min", rows & late)):
            mask = mask & scored
            matrix = confusion_matrix(beats.label[mask], predicted[mask])
            out[name][key(record)] = matrix.tolist()
        out["predictions"][key(record)] = encode_classes(predicted[rows])
    return out


def save(result, path):
    """Write a result; a reader sees the whole file or none.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    with written(path) as temporary:
        temporary.write_text(json.dumps(asdict(result), indent=1) + "\n")


def load(path):
    """Read one result file; a `UserError` if it is not JSON or not a result."""
    with refused(f"{path} is no readable JSON result; delete it and rerun"):
        content = read_json(path)
    found = content if isinstance(content, dict) else {}
    kinds = {field.name: field.type for field in fields(RunResult)}
    missing = [name for name in REQUIRED if not isinstance(found.get(name), kinds[name])]
    if missing:
        raise UserError(f"{path} is no result, lacks {', '.join(missing)}; delete it and rerun")
    wrong = [k for k, v in content.items() if not isinstance(v, kinds.get(k, ()))]
    if wrong:
        raise UserError(
            f"{path} is no result file of this version: {', '.join(wrong)} is unknown or of "
            "another kind; delete it and rerun"
        )
    return RunResult(**content)


def load_study(folder, study):
    """All results of a study under `folder`, sorted by the arm's name, then the settings."""
    found = [(path, load(path)) for path in sorted((Path(folder) / study).glob("*.json"))]

    def order(each):
        path, result = each
        arm, _, _ = path.stem.rpartition("-")  # the part before the hash
        return arm, json.dumps(result.config, sort_keys=True)

    return [result for _, result in sorted(found, key=order)]
