"""A tiny valid file, or a few, for every reader of the project."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import wfdb

from ecglib import results
from ecglib.compress import encode, save_compressed
from ecglib.compress.weights import coded_names
from ecglib.data.sets import get
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.synthetic import write_records
from ecglib.deploy import replay, shipped
from ecglib.deploy.bundle import write as bundle
from ecglib.deploy.c99.taught import Labels
from tests.compress.conftest import build
from tests.data import made
from tests.test_results import RESULT


def mitdb(folder):
    write_records(folder, [100], minutes=0.2)


def odd_formats(folder):
    """Leads of several formats and units, in two files."""
    write_records(folder, [100], minutes=0.2)
    signal = wfdb.rdrecord(str(folder / "100")).p_signal * [1e3, 1e-3]
    names = {"sig_name": ["II", "V1"], "fmt": ["16", "80"], "units": ["uV", "V"]}
    wfdb.wrsamp("odd", fs=360, p_signal=signal, write_dir=str(folder), **names)
    (folder / "100.atr").rename(folder / "odd.atr")


def cinc(folder):
    rng = np.random.default_rng(1)
    units = {f"A0000{i}": np.round(300 * rng.normal(size=400)) for i in (1, 2)}
    made.write_cinc(folder, units)


def cinc_zip(folder):
    cinc(folder)
    made.zipped(folder, folder / "training2017.zip")
    for path in [*folder.glob("*.mat"), *folder.glob("*.hea")]:
        path.unlink()


def cpsc(folder):
    units = np.random.default_rng(2).integers(-900, 900, (12, 60))
    made.write_challenge(folder, "A0001", units, fs=500, dx="164889003")
    table = "Recording,First_label,Second_label,Third_label\nA0001,2,,\n"
    (folder / "REFERENCE.csv").write_text(table)


def chapman(folder):
    made.write_chapman(folder, ["SB"])


def chapman_wfdb(folder):
    units = np.random.default_rng(2).integers(-900, 900, (12, 60))
    made.write_challenge(folder, "JS00001", units, fs=500, dx="426177001")


def spreadsheet(folder):
    chapman(folder)
    table = pd.read_csv(folder / "Diagnostics.csv")
    table.to_excel(folder / "Diagnostics.xlsx", index=False)
    (folder / "Diagnostics.csv").unlink()


def packed(name, make):
    """Maker of `p.npz` from what another maker writes."""

    def make_packed(folder):
        make(folder / "raw")
        get(name).pack(folder / "raw", folder / "p.npz")

    return make_packed


def cache(folder):
    mitdb(folder)
    with np.errstate(all="ignore"):
        beats = load_beats(folder, [100])
    np.savez(folder / "beats.npz", **{k: np.array(v) for k, v in asdict(beats).items()})


def row(network, batch):
    return {
        **{"network": network, "precision": "fp32", "max_difference": 0.0, "batch": batch},
        **{"p50_ms": 1.0, "p95_ms": 1.5, "p99_ms": 2.0, "beats_per_s": 900.5, "calls": 9},
    }


def device(folder):
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


def compressed(folder):
    net = build()
    save_compressed(folder / "net.ecgc", encode(net, 5, names=coded_names(net)))


def result(folder):
    coded = results.encode_recordings(np.array(["A1", "A2"]), np.array([0, 2]))
    results.save(replace(RESULT, predictions={"100": RESULT.predictions["100"], "0": coded}),
                 folder / "r.json")  # fmt: skip


def weights(folder):
    network = shipped.load()
    shipped.save(folder / "w.npz", network.model, network.meta)


def taught_weights(folder):
    network, rng = shipped.load(), np.random.default_rng(3)
    unit, label = rng.integers(0, 256, (6, 16)), rng.integers(0, 3, 6)
    prior = replay.prior_of(network, shipped.WEIGHTS)
    labels = Labels(prior, unit.astype(np.uint8), label.astype(np.uint8))
    shipped.save(folder / "w.npz", network.model, network.meta, labels)


def params(folder):
    (folder / "p.yaml").write_text(
        "common:\n  seeds: [7, 21]  # two\nbaseline:\n  - {learning_rate: 1e-3}\nrpeaks: [{}]\n"
    )
