"""Small files of the rhythm data sets, written without the library."""

import io
import zipfile

import numpy as np
from scipy.io import savemat

MARKS = {"cinc2017": "training2017.zip", "chapman": "Diagnostics.csv", "cpsc2018": "A0001.hea"}
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CSV_LEADS = ("I", "II", "V1")


def write_challenge(folder, name, units, *, fs, leads=LEADS, dx=None, gain="1000/mV"):
    """`<name>.mat` and `.hea` of samples (n_leads, n_samples) in ADC units."""
    folder.mkdir(parents=True, exist_ok=True)
    units = np.asarray(units, dtype=np.int16)
    savemat(folder / f"{name}.mat", {"val": units}, format="4")
    lines = [f"{name} {len(leads)} {fs} {units.shape[1]} 12-May-2020 12:33:59"]
    lines += [f"{name}.mat 16+24 {gain} 16 0 {0} 0 0 {lead}" for lead in leads]
    lines += ["#Age: 74", f"#Dx: {dx}"] if dx else []
    (folder / f"{name}.hea").write_text("\n".join(lines) + "\n")


def write_cinc(folder, units_of, labels=None, reference="REFERENCE-v3.csv"):
    """Folder in the form of CinC 2017 from name -> samples, and name -> label."""
    for name, units in units_of.items():
        write_challenge(folder, name, [units], fs=300, leads=("ECG",))
    labels = dict.fromkeys(units_of, "N") if labels is None else labels
    rows = "".join(f"{name},{label}\n" for name, label in labels.items())
    (folder / reference).write_text(rows)
    return folder


def zipped(folder, path, prefix="training2017/"):
    """Zip of a folder's files, without its tables of labels."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            if file.suffix in (".mat", ".hea") or file.name.startswith("MUSE"):
                archive.write(file, prefix + file.name)
    return path


def csv_of(microvolts, leads=CSV_LEADS):
    """Bytes of a recording (n_samples, n_leads) as figshare has it."""
    file = io.StringIO()
    np.savetxt(file, microvolts, fmt="%.2f", delimiter=",", header=",".join(leads), comments="")
    return ("\ufeff" + file.getvalue()).encode()


def write_chapman(folder, rhythms, *, n_samples=5000, leads=CSV_LEADS):
    """Folder in the authors' form from one rhythm for each recording; names and µV."""
    (folder / "ECGData").mkdir(parents=True)
    rng = np.random.default_rng(3)
    signals = {}
    for number, _ in enumerate(rhythms):
        name = f"MUSE_20180111_1555{number:02}_19000"
        signals[name] = np.round(rng.normal(0, 200, (n_samples, len(leads))), 2)
        (folder / "ECGData" / f"{name}.csv").write_bytes(csv_of(signals[name], leads))
    rows = [f"{name},{rhythm},NONE" for name, rhythm in zip(signals, rhythms, strict=True)]
    (folder / "Diagnostics.csv").write_text("\n".join(["FileName,Rhythm,Beat", *rows]) + "\n")
    return signals
