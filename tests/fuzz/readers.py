"""Every reader of the project: its valid files, how it reads them, and what must hold then."""

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ecglib import results
from ecglib.commands.report import is_current
from ecglib.compress import load_compressed, symbols
from ecglib.compress.codec import MAGIC, PREFIX
from ecglib.data.beats import Beats
from ecglib.data.find import cache
from ecglib.data.find.pack import read_info
from ecglib.data.sets import load
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.detector import score_record
from ecglib.deploy import integers, shipped
from ecglib.deploy.bundle import measured
from ecglib.holter.classify import classify, detected, write
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.studies.plan import Plan
from tests.compress.conftest import build

from . import valid
from .mutate import in_zip, member_of_zip, mutated


@dataclass(frozen=True)
class Reader:
    """One way in which files get into the project; `make` and `read` take their folder."""

    make: Callable  # writes valid files
    read: Callable  # reads them, and asserts what holds of any result
    targets: str  # pattern of the files to change
    inner: Callable | None = None  # (rng, bytes) -> bytes: changes what a checksum covers


def check_signals(found):
    """What holds of any beats or recordings."""
    assert len(found.signal) == len(found.label)
    assert found.signal.ndim == 2
    assert np.isfinite(found.signal).all()
    assert found.label.size == 0 or 0 <= found.label.min() <= found.label.max() < 9


def read_mitdb(root):
    beats = load_beats(root, [100], fusion="keep")
    check_signals(beats)
    assert np.isfinite(beats.rr).all()
    assert np.all(np.diff(beats.sample) >= 0)


def read_predicted(name, lead=None, annotations=None):
    recording = open_recording(name)
    lead = read_lead(recording, lead)
    sample = recording.annotations(annotations, lead.fs)[0] if annotations else detected(lead)
    found = classify(lead, sample, integers.read().program())
    table = found.beats
    assert np.isfinite(table[["N", "S", "V"]].to_numpy()).all()
    assert np.all(np.diff(table["sample"]) >= 0)
    assert 0 <= table["sample"].min() <= table["sample"].max() < len(lead.signal)
    write(found, name.parent / "out.csv")
    write(found, name.parent / "out.ann")


def read_odd(folder):
    read_predicted(folder / "odd")
    read_predicted(folder / "odd", lead="V1", annotations="atr")


def reads(name):
    """Reader of a data set of recordings."""
    return lambda folder: check_signals(load(name, folder, lead="II", length=80))


def read_packed_mitdb(folder):
    read_info(folder / "p.npz", "mitdb")
    read_mitdb(folder / "p.npz")
    score_record(folder / "p.npz", 100)


def read_packed_cinc(folder):
    read_info(folder / "p.npz", "cinc2017")
    check_signals(load("cinc2017", folder / "p.npz", length=80))


def read_device(folder):
    kept = folder / "out"
    for name in ("device.json", "online.json"):
        for path in kept.glob("*"):
            path.unlink()
        assert measured.import_device(folder / name, kept).parent == kept
        found = measured.load_devices(kept)
        assert len(found) == 1
        measured.device_table(found)
        measured.learning_table(found)


def resealed(rng, content):
    """A compressed network with another header or streams, and the checksum of these."""
    end = PREFIX + int.from_bytes(content[PREFIX - 4 : PREFIX], "little")
    header, body = symbols.inflate_up_to(content[PREFIX:end], 10**6), content[end:]
    if rng.random() < 0.7:
        header = mutated(rng, header)
    else:
        body = mutated(rng, body)
    header = symbols.deflate(header)
    payload = len(header).to_bytes(4, "little") + header + body
    return MAGIC + hashlib.sha256(payload).digest() + payload


def read_compressed(folder):
    net = build(1)
    load_compressed(folder / "net.ecgc", net).load_into(net)


def other_predictions(rng, content):
    """A result in which a stream of predictions is another one."""
    texts = list(re.finditer(rb'"([A-Za-z0-9+/=]{12,})"', content))  # base64
    streams = [m for m in texts if m[1].startswith(b"eN")]
    match = streams[rng.integers(len(streams))]
    stream = mutated(rng, zlib.decompress(base64.b64decode(match[1])))
    if rng.random() < 0.3:
        stream = stream * (60_000_000 // len(stream))
    coded = base64.b64encode(zlib.compress(stream))
    return content[: match.start(1)] + coded + content[match.end(1) :]


def read_result(folder):
    found = results.load(folder / "r.json")
    is_current(found, folder / "r.json")
    for record, predicted in found.predictions.items():
        if isinstance(predicted, str):
            assert found.classes(record).ndim == 1
        else:
            results.decode_recordings(predicted)


def other_meta(rng, content):
    """A network whose meta, JSON in an array of bytes, is another one."""

    def change(members):
        story = np.lib.format.read_array(io.BytesIO(members["meta.npy"])).tobytes()
        text = mutated(rng, story[: story.index(b'"config"')] + b'"n":1}')
        return members | {"meta.npy": _npy(np.frombuffer(text, np.uint8))}

    return in_zip(content, change) if rng.random() < 0.5 else member_of_zip(rng, content)


def _npy(array):
    file = io.BytesIO(b"")
    np.lib.format.write_array(file, array)
    return file.getvalue()


def read_weights(folder):
    network = shipped.load(folder / "w.npz")
    with torch.no_grad():
        n_rr = network.model.config.n_rr
        assert network.model(torch.randn(2, 2, 64), torch.randn(2, n_rr)).shape == (2, 3)
    program = integers.read(folder / "w.npz").program()
    beats = np.zeros((2, 2, 64), np.int8), np.zeros((2, program.shapes["rr"][1]), np.int8)
    assert program.run(*beats).shape == (2, 3)


def read_params(folder):
    plan = Plan.read(folder / "p.yaml")
    for study in ("baseline", "rpeaks"):
        plan.configs(study)


READERS = {
    "mitdb": Reader(valid.mitdb, read_mitdb, "100.*"),
    "detector": Reader(valid.mitdb, lambda f: score_record(f, 100), "100.[hd]*"),
    "predict": Reader(valid.odd_formats, read_odd, "odd*.*"),
    "cinc2017": Reader(valid.cinc, reads("cinc2017"), "*.*"),
    "cinc2017 zip": Reader(valid.cinc_zip, reads("cinc2017"), "*.zip", member_of_zip),
    "cpsc2018": Reader(valid.cpsc, reads("cpsc2018"), "*.*"),
    "chapman": Reader(valid.chapman, reads("chapman"), "*/*.csv"),
    "chapman table": Reader(valid.chapman, reads("chapman"), "*.csv"),
    "chapman wfdb": Reader(valid.chapman_wfdb, reads("chapman"), "*.*"),
    "spreadsheet": Reader(valid.spreadsheet, reads("chapman"), "*.xlsx", member_of_zip),
    "pack mitdb": Reader(
        valid.packed("mitdb", valid.mitdb), read_packed_mitdb, "p.npz", member_of_zip
    ),
    "pack cinc2017": Reader(
        valid.packed("cinc2017", valid.cinc), read_packed_cinc, "p.npz", member_of_zip
    ),
    "cache": Reader(valid.cache, lambda f: cache.load(f / "beats.npz", Beats), "beats.npz"),
    "device": Reader(valid.device, read_device, "*.json"),
    "compressed": Reader(valid.compressed, read_compressed, "net.ecgc", resealed),
    "result": Reader(valid.result, read_result, "r.json", other_predictions),
    "weights": Reader(valid.weights, read_weights, "w.npz", other_meta),
    "taught weights": Reader(valid.taught_weights, read_weights, "w.npz", member_of_zip),
    "params": Reader(valid.params, read_params, "p.yaml"),
}
