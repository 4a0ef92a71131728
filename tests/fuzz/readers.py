"""Every reader of the project: a tiny valid file, how it is read, and what must hold then."""

import base64
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
import wfdb

from ecglib import bundle, checkpoints, devices, results, shipped
from ecglib.compress import encode, load_compressed, save_compressed, symbols
from ecglib.compress.codec import MAGIC, PREFIX
from ecglib.compress.weights import coded_names
from ecglib.data import cache
from ecglib.data.mitdb import load_beats
from ecglib.data.pack import pack_mitdb, read_info
from ecglib.data.pack_cinc2017 import pack_cinc2017
from ecglib.data.pack_cinc2017 import read_info as read_cinc_info
from ecglib.data.rhythm import load
from ecglib.data.rpeaks import score_record
from ecglib.data.synthetic import write_records
from ecglib.params import list_chapters, load_params, parameters_for
from ecglib.predict import predict_record, write
from tests.compress.conftest import build
from tests.data import made
from tests.test_params import FIRST, SECOND
from tests.test_results import RESULT

from .mutate import in_zip, member_of_zip, mutated


@dataclass(frozen=True)
class Reader:
    """One way in which files get into the project.

    Attributes
    ----------
    make : callable
        (folder) -> None: writes valid files.
    read : callable
        (folder) -> None: reads them, and asserts what holds of any result.
    targets : str
        Glob pattern of the files to change.
    inner : callable, optional
        (rng, bytes) -> bytes: changes what lies behind a checksum or compression.
    """

    make: Callable
    read: Callable
    targets: str
    inner: Callable | None = None


def check_signals(found):
    """What holds of any beats or recordings."""
    assert len(found.signal) == len(found.label)
    assert found.signal.ndim == 2
    assert np.isfinite(found.signal).all()
    assert found.label.size == 0 or 0 <= found.label.min() <= found.label.max() < 9


def make_mitdb(folder):
    write_records(folder, [100], minutes=0.2)


def read_mitdb(root):
    beats = load_beats(root, [100], fusion="keep")
    check_signals(beats)
    assert np.isfinite(beats.rr).all()
    assert np.all(np.diff(beats.sample) >= 0)


def make_odd_formats(folder):
    """Leads of several formats and units, in two files."""
    write_records(folder, [100], minutes=0.2)
    signal = wfdb.rdrecord(str(folder / "100")).p_signal * [1e3, 1e-3]
    names = {"sig_name": ["II", "V1"], "fmt": ["16", "80"], "units": ["uV", "V"]}
    wfdb.wrsamp("odd", fs=360, p_signal=signal, write_dir=str(folder), **names)
    (folder / "100.atr").rename(folder / "odd.atr")


def read_predicted(name, **how):
    found = predict_record(name, shipped.load(), **how)
    table = found.beats
    assert np.isfinite(table[["N", "S", "V"]].to_numpy()).all()
    assert np.all(np.diff(table["sample"]) >= 0)
    assert 0 <= table["sample"].min() <= table["sample"].max() < found.duration * found.fs
    write(found, name.parent / "out.csv")
    write(found, name.parent / "out.ann")


def read_odd(folder):
    read_predicted(folder / "odd")
    read_predicted(folder / "odd", lead="V1", annotations="atr")


def make_cinc(folder):
    rng = np.random.default_rng(1)
    units = {f"A0000{i}": np.round(300 * rng.normal(size=400)) for i in (1, 2)}
    made.write_cinc(folder, units)


def make_cinc_zip(folder):
    make_cinc(folder)
    made.zipped(folder, folder / "training2017.zip")
    for path in [*folder.glob("*.mat"), *folder.glob("*.hea")]:
        path.unlink()


def make_cpsc(folder):
    units = np.random.default_rng(2).integers(-900, 900, (12, 60))
    made.write_challenge(folder, "A0001", units, fs=500, dx="164889003")
    (folder / "REFERENCE.csv").write_text(
        "Recording,First_label,Second_label,Third_label\nA0001,2,,\n"
    )


def make_chapman(folder):
    made.write_chapman(folder, ["SB"])


def make_chapman_wfdb(folder):
    units = np.random.default_rng(2).integers(-900, 900, (12, 60))
    made.write_challenge(folder, "JS00001", units, fs=500, dx="426177001")


def make_spreadsheet(folder):
    import pandas as pd

    make_chapman(folder)
    table = pd.read_csv(folder / "Diagnostics.csv")
    table.to_excel(folder / "Diagnostics.xlsx", index=False)
    (folder / "Diagnostics.csv").unlink()


def reads(name):
    """Reader of a data set of recordings."""
    return lambda folder: check_signals(load(name, folder, lead="II", length=80))


def packed(pack, make):
    """Maker of `p.npz` from what another maker writes."""

    def make_packed(folder):
        make(folder / "raw")
        pack(folder / "raw", folder / "p.npz")

    return make_packed


def read_packed_mitdb(folder):
    read_info(folder / "p.npz")
    read_mitdb(folder / "p.npz")
    score_record(folder / "p.npz", 100)


def read_packed_cinc(folder):
    read_cinc_info(folder / "p.npz")
    check_signals(load("cinc2017", folder / "p.npz", length=80))


def make_cache(folder):
    make_mitdb(folder)
    with np.errstate(all="ignore"):
        beats = load_beats(folder, [100])
    np.savez(folder / "beats.npz", **{k: np.array(v) for k, v in asdict(beats).items()})


def row(network, batch):
    return {
        **{"network": network, "precision": "fp32", "max_difference": 0.0, "batch": batch},
        **{"p50_ms": 1.0, "p95_ms": 1.5, "p99_ms": 2.0, "beats_per_s": 900.5, "calls": 9},
    }


def make_device(folder):
    content = {
        **{"format": bundle.FORMAT, "bundle": bundle.identity(), "machine": {"cpu": "a"}},
        **{"runtime": "onnxruntime 1.32.0", "created": "2026-11-26", "power": {}},
        "measured": [row("ecgnet", 1), row("micronet", 64)],
        "unsupported": [{"network": "ecgnet", "precision": "fp16", "reason": "no"}],
    }
    (folder / "device.json").write_text(json.dumps(content))
    names = ("paper_adapt_s", "paper_finetune_step_s", "ours_features_s", "ours_update_s")
    content = {
        **{"format": bundle.FORMAT, "bundle": bundle.identity(), "machine": {"cpu": "a"}},
        **{"torch": "2.13.0", "device": "cpu", "measured": dict.fromkeys(names, 0.5)},
        "estimated": {"paper_stage_22_patients_s": 9.5},
    }
    (folder / "online.json").write_text(json.dumps(content))


def read_device(folder):
    kept = folder / "out"
    for name in ("device.json", "online.json"):
        for path in kept.glob("*"):
            path.unlink()
        assert devices.import_device(folder / name, kept).parent == kept
        found = devices.load_devices(kept)
        assert len(found) == 1
        devices.device_table(found)
        devices.learning_table(found)


def make_compressed(folder):
    net = build()
    save_compressed(folder / "net.ecgc", encode(net, 5, names=coded_names(net)))


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


def make_result(folder):
    coded = results.encode_recordings(np.array(["A1", "A2"]), np.array([0, 2]))
    results.save(replace(RESULT, predictions={"100": RESULT.predictions["100"], "0": coded}),
                 folder / "r.json")  # fmt: skip


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
    results.is_current(found, folder / "r.json")
    for record, predicted in found.predictions.items():
        if isinstance(predicted, str):
            assert found.classes(record).ndim == 1
        else:
            results.decode_recordings(predicted)


def make_weights(folder):
    network = shipped.load()
    checkpoints.save(folder / "w.npz", network.model.state_dict(), network.meta)


def other_meta(rng, content):
    """A checkpoint whose story, JSON in an array of text, is another one."""

    def change(members):
        state = {name.removesuffix(".npy"): data for name, data in members.items()}
        story = str(np.lib.format.read_array(io.BytesIO(state["__meta__"])))
        text = mutated(rng, story[: story.index('"config"')].encode() + b'"n":1}')
        array = np.array(text.decode("utf-8", "replace"))
        return members | {"__meta__.npy": _npy(array)}

    return in_zip(content, change) if rng.random() < 0.5 else member_of_zip(rng, content)


def _npy(array):
    file = io.BytesIO(b"")
    np.lib.format.write_array(file, array)
    return file.getvalue()


def read_weights(folder):
    network = shipped.load(folder / "w.npz")
    with torch.no_grad():
        assert network.model(torch.randn(2, 2, 64), torch.randn(2, 8)).shape == (2, 3)


def make_params(folder):
    (folder / "chapters").mkdir()
    (folder / "chapters" / "01_first.py").write_text(FIRST)
    (folder / "chapters" / "02_second.py").write_text(SECOND)
    (folder / "p.yaml").write_text(
        "common:\n  lr: 1e-3\n01_first:\n  seeds: [7, 21]  # two\n02_second: {lr: 2}\n"
    )


def read_params(folder):
    params = load_params(folder / "p.yaml", folder / "chapters")
    for chapter in list_chapters(folder / "chapters"):
        str(parameters_for(params, chapter))


READERS = {
    "mitdb": Reader(make_mitdb, read_mitdb, "100.*"),
    "detector": Reader(make_mitdb, lambda f: score_record(f, 100), "100.[hd]*"),
    "predict": Reader(make_odd_formats, read_odd, "odd*.*"),
    "cinc2017": Reader(make_cinc, reads("cinc2017"), "*.*"),
    "cinc2017 zip": Reader(make_cinc_zip, reads("cinc2017"), "*.zip", member_of_zip),
    "cpsc2018": Reader(make_cpsc, reads("cpsc2018"), "*.*"),
    "chapman": Reader(make_chapman, reads("chapman"), "*/*.csv"),
    "chapman table": Reader(make_chapman, reads("chapman"), "*.csv"),
    "chapman wfdb": Reader(make_chapman_wfdb, reads("chapman"), "*.*"),
    "spreadsheet": Reader(make_spreadsheet, reads("chapman"), "*.xlsx", member_of_zip),
    "pack mitdb": Reader(
        packed(pack_mitdb, make_mitdb), read_packed_mitdb, "p.npz", member_of_zip
    ),
    "pack cinc2017": Reader(
        packed(pack_cinc2017, make_cinc), read_packed_cinc, "p.npz", member_of_zip
    ),
    "cache": Reader(make_cache, lambda f: cache.load(f / "beats.npz"), "beats.npz"),
    "device": Reader(make_device, read_device, "*.json"),
    "compressed": Reader(make_compressed, read_compressed, "net.ecgc", resealed),
    "result": Reader(make_result, read_result, "r.json", other_predictions),
    "weights": Reader(make_weights, read_weights, "w.npz", other_meta),
    "params": Reader(make_params, read_params, "p.yaml"),
}
