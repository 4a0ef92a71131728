"""Reference figures: real recordings, drawn where they are at hand and committed as images.

Labels are those of the database, predictions those of committed runs. The records are named in
the code; the beat or strip within a record follows a rule that the caption states.
"""

import tempfile
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from ecglib.aami import AAMI_CLASSES, CLASSES, DS1, DS2, SYMBOL_TO_AAMI
from ecglib.commands.micro import predictions, saliency, timeline, usual_gain
from ecglib.data.beats import Beats
from ecglib.data.find.identity import is_complete
from ecglib.data.find.search import find
from ecglib.data.records import Record, read_rhythms
from ecglib.data.sets.mitdb import DATASET, load_beats, read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.streaming import classes_in_c, raw_samples, stream
from ecglib.deploy.c99.taught import follow
from ecglib.holter.classify import classify, detected
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.holter.report import Facts
from ecglib.plots import c99, ecg, holter, micro, style
from ecglib.plots.puzzle import six_permutations
from ecglib.puzzle import CUTS
from ecglib.system.errors import UserError
from ecglib.system.files import check_folder, written
from ecglib.tables.budget import AN_HOUR
from ecglib.tables.scores import HEAVY_RECORD

DPI, COLORS = 150, 128
"""Of an image: with few colours it takes a third of the bytes."""

EXAMPLES = {
    "N": (100, "normal"),
    "S": (209, "early, from above the ventricles"),
    "V": (119, "from the ventricles"),
    "F": (213, "fusion of N and V"),
    "Q": (217, "paced"),
}
"""Class -> a record that shows it, and what it is."""

NORMAL = 103
"""The record whose beat is cut for the puzzle."""

FEW_S_BEATS = 209
"""A patient to set beside `HEAVY_RECORD`: S beats, but far fewer than N beats."""

FIBRILLATION = 219
"""The record whose atrial fibrillation is shown."""

STREAMED = 119
"""The record that passes the C code sample by sample."""

DS1_NETWORK = shipped.WEIGHTS.with_name("ds1_ds2.npz")
"""The network that learned from the patients of DS1 alone."""

REPORTED = 233
"""The record whose report is shown; its beats are found and classified as `predict` does it."""

EARLY = 0.9
"""A beat comes early if its RR interval is less than this share of the mean of the last 80."""

LOG_RR_UNITS = 4
"""What `rhythm_features` multiplies the logarithm of an RR ratio with."""

MISTAKES = (("N", "S"), ("N", "V"), ("S", "N"), ("V", "N"))
"""What is shown of the micro network's mistakes: annotated class, class that it said."""

ONLINE_SECONDS = 300
"""Beats of these first seconds may have been asked for, so patients are compared after them."""


@dataclass(frozen=True)
class Recorded:
    """A record with all of its annotated beats, F and Q included."""

    record: Record
    beats: Beats

    @classmethod
    def of(cls, root, number):
        """The patient in the database's usual lead."""
        return cls(read_record(root, number), load_beats(root, [number], fusion="keep"))

    @cached_property
    def kinds(self):
        """Class (n_beats,) of each beat, as a letter."""
        return np.array(AAMI_CLASSES)[self.beats.label]

    def strip(self, start, seconds, *, said=(), marked=None, title=None):
        """Some seconds of the recording, as `ecglib.plots.ecg.Strip`.

        Parameters
        ----------
        start, seconds : float
            Where it begins and how long it is; moved if it would reach over an edge.
        said : tuple of ndarray, shape (n_beats,)
            Classes that networks gave to all beats, as indices.
        marked : int, optional
            Which beat of the patient is shaded.
        title : str, optional
            Instead of record, lead and time.
        """
        fs, whole = self.record.fs, len(self.record.signal)
        length = round(seconds * fs)
        first = int(np.clip(round(start * fs), 0, whole - length))
        inside = (self.beats.sample >= first) & (self.beats.sample < first + length)
        beats = [
            ecg.Beat(
                at=float(self.beats.sample[i] - first) / fs,
                kind=str(self.kinds[i]),
                rr=float(self.beats.sample[i] - self.beats.sample[i - 1]) / fs if i else None,
                said=tuple(CLASSES[labels[i]] for labels in said),
                marked=i == marked,
            )
            for i in np.flatnonzero(inside)
        ]
        usual = f"record {self.record.number}, {DATASET.lead}, from {clock(first / fs)}"
        signal = self.record.signal[first : first + length]
        return ecg.Strip(signal, fs, usual if title is None else title, beats)

    def strips(self, start, seconds, count, **how):
        """`count` strips that follow each other; only the first has a title."""
        return [
            self.strip(start + i * seconds, seconds, title="(goes on)" if i else None, **how)
            for i in range(count)
        ]


def clock(seconds):
    """A time of the recording.

    Examples
    --------
    >>> clock(65.4)
    '1:05'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def typical(signal):
    """Which of some beats `signal` (n_beats, length) is nearest to their median, an int."""
    return int(np.abs(signal - np.median(signal, axis=0)).sum(axis=1).argmin())


def typical_start(beats, properties, seconds, among):
    """Where a part of the recording begins that is most like the whole.

    Parameters
    ----------
    beats : Beats
        Of one record.
    properties : ndarray, shape (n_properties, n_beats)
        What should have the same mean in the part as in all beats of `among`.
    seconds : float
        Length of the part.
    among : ndarray of bool, shape (n_beats,)
        Beats that count, and with one of which the part begins.

    Returns
    -------
    float
        Half a second before a beat.
    """
    time = beats.sample / beats.fs
    mean = properties[:, among].mean(axis=1, keepdims=True)
    first = np.flatnonzero(among & (time + seconds < time[-1]))
    last = np.searchsorted(time, time[first] - 0.5 + seconds)
    total = np.concatenate([np.zeros((len(properties), 1)), properties.cumsum(axis=1)], axis=1)
    found = (total[:, last] - total[:, first]) / (last - first)
    return float(time[first[np.abs(found - mean).sum(axis=0).argmin()]]) - 0.5


def classes(root):
    """A beat of each class, with its neighbours."""
    strips = []
    for kind, (number, meaning) in EXAMPLES.items():
        patient = Recorded.of(root, number)
        fits = patient.kinds == kind
        if not fits.any():
            raise UserError(f"record {number} of {root} has no {kind} beat to show")
        is_n = patient.kinds == "N"
        among_n = fits & np.roll(is_n, 1) & np.roll(is_n, -1)
        chosen = np.flatnonzero(fits if kind == "Q" or not among_n.any() else among_n)
        beat = chosen[typical(patient.beats.signal[chosen])]
        at = patient.beats.sample[beat] / patient.beats.fs
        title = f"{kind}, {meaning}: record {number}, {DATASET.lead}, {clock(at)}"
        strips.append(patient.strip(at - 1.6, 3.6, marked=beat, title=title))
    return ecg.page(strips)


def record_232(root, folder):
    """The patient most of whose beats are S, and what the template makes of that."""
    run, sides = predictions(folder, 0), {}
    for number in (HEAVY_RECORD, FEW_S_BEATS):
        patient = Recorded.of(root, number)
        kinds, said = patient.kinds, said_of(run, number, patient.beats)
        n, s = (np.sum(kinds == kind) for kind in "NS")
        missed = np.sum((kinds == "S") & (said == CLASSES.index("N")))
        title = f"record {number}: {s / (s + n):.0%} S;\n{missed:,} of {s:,} called N"
        inputs = micro_inputs(patient.record, "derivative+template+rhythm")
        sides[title] = inputs, np.exp(inputs.rr[:, 0].numpy() / LOG_RR_UNITS)
        if number == HEAVY_RECORD:
            every = np.ones(len(kinds), bool)
            start = typical_start(patient.beats, np.stack([kinds == "N"]), 8, every)
            strips = patient.strips(start, 4, 2)
    return ecg.against_template(strips, sides)


def fibrillation(root):
    """Atrial fibrillation, and how early beats come in it and in sinus rhythm."""
    pairs = {"N": {"N": [], "S": []}, "AFIB": {"N": [], "S": []}}
    for number in sorted(DS1 + DS2):
        beats = load_beats(root, [number], fusion="keep")
        rhythm = _rhythm_of(root, number, beats)
        ratio = np.stack([np.roll(beats.rr[:, 0], 1), beats.rr[:, 0]], axis=1)
        for name, kinds in pairs.items():
            for kind, found in kinds.items():
                chosen = (rhythm == name) & (beats.label == CLASSES.index(kind))
                found.append(ratio[1:][chosen[1:]])
    shown = {
        title: {kind: np.concatenate(found) for kind, found in pairs[name].items()}
        for name, title in (("N", "sinus rhythm"), ("AFIB", "atrial fibrillation"))
    }
    patient = Recorded.of(root, FIBRILLATION)
    strips = patient.strips(_usual_fibrillation(root, patient.beats), 4, 2)
    return ecg.irregular(strips, shown, EARLY)


def _usual_fibrillation(root, beats):
    """Where 8 s of fibrillation begin that are as irregular as all of it in this record."""
    fibrillates = _rhythm_of(root, FIBRILLATION, beats) == "AFIB"
    change = np.abs(np.diff(np.log(np.diff(beats.sample)), prepend=[0, 0]))
    return typical_start(beats, np.stack([change, fibrillates]), 8, fibrillates)


def _rhythm_of(root, number, beats):
    """Rhythm (n_beats,) in which each beat of a record comes."""
    sample, name = read_rhythms(root, number)
    place = np.searchsorted(sample, beats.sample, side="right") - 1
    return np.where(place >= 0, name[place.clip(0)], "")


def said_of(result, number, beats):
    """Classes (n_beats,) of a committed run for a record, which must have as many beats."""
    said = result.classes(number)
    if len(said) != len(beats):
        raise UserError(
            f"record {number} has {len(beats):,} beats, the committed run {len(said):,}: "
            "they are not of the same recording"
        )
    return said


def five_answers(root, folder):
    """The patient whom five answers help most, before and after them."""
    runs = [predictions(folder, budget) for budget in (0, 5)]
    before, after = (run.matrix(after_5min=True) for run in runs)
    gain = {r: np.trace(after[r] - before[r]) / max(before[r].sum(), 1) for r in before}
    number = int(max(gain, key=gain.get))
    patient = Recorded.of(root, number)
    said = [said_of(run, number, patient.beats) for run in runs]
    right = np.stack([labels == patient.beats.label for labels in said])
    properties = np.concatenate([right, [patient.kinds == "N"]])
    start = typical_start(patient.beats, properties, 12, ~patient.beats.before(ONLINE_SECONDS))
    strips = patient.strips(start, 4, 3, said=said)
    share = [np.trace(m[str(number)]) / m[str(number)].sum() for m in (before, after)]
    names = [
        f"{what}, {value:.0%}"
        for what, value in zip(("0 labels", "5 labels"), share, strict=True)
    ]
    return ecg.page(strips, rows=("annotated", *names))


def mistakes(root, folder):
    """Typical mistakes of the micro network that knows no label of the patient, three a row."""
    run = predictions(folder, 0)
    known = {r: Recorded.of(root, r) for r in sorted(DS1 + DS2)}
    said = {r: said_of(run, r, p.beats) for r, p in known.items()}
    rows = {}
    for kind, answer in MISTAKES:
        wrong = {
            r: np.flatnonzero((p.kinds == kind) & (said[r] == CLASSES.index(answer)))
            for r, p in known.items()
        }
        total = sum(np.sum(p.kinds == kind) for p in known.values())
        count = sum(map(len, wrong.values()))
        some = [r for r in wrong if len(wrong[r])]
        name = f"{kind} called {answer}: {count:,} of {total:,} beats, in {len(some)} records"
        most = sorted(some, key=lambda r: -len(wrong[r]))[:3]
        if most:
            rows[name] = [_mistake(known[r], said[r], wrong[r]) for r in most]
    return ecg.gallery(rows)


def _mistake(patient, said, wrong):
    """1.6 s around the mistake nearest to the median of a patient's mistakes of one kind."""
    beat = wrong[typical(patient.beats.signal[wrong])]
    at = patient.beats.sample[beat] / patient.beats.fs
    title = f"{patient.record.number}, {clock(at)} ({len(wrong):,}×)"
    return patient.strip(at - 0.88, 1.6, said=[said], marked=beat, title=title)


def puzzle(root):
    """The six orders of a normal beat's pieces."""
    patient = Recorded.of(root, NORMAL)
    signal = patient.beats.signal[patient.kinds == "N"]
    figure = six_permutations(signal[typical(signal)], patient.beats.fs, CUTS["qrs"])
    figure.set_size_inches(style.WIDTH, 5)
    return figure


def streamed(root):
    """Ten seconds of a record as the C code, with the shipped network, answers them.

    They begin four seconds before the first beat after 1:00 that is not called N.
    """
    record, network = read_record(root, STREAMED), shipped.load()
    samples, fs = raw_samples(record), round(record.fs)
    with tempfile.TemporaryDirectory() as made:
        source, _ = write_c(network.program(), Path(made), "micronet")
        found = stream(harness.library(source), samples, fs, round(record.gain))
    unusual = found.sample[(found.label > 0) & (found.sample > 60 * fs)]
    start = (unusual[0] if len(unusual) else found.sample[-1]) / fs - 4
    return c99.strip(samples, fs, record.gain, found, start)


def learning(root):
    """When the C code asked one patient, and how right it was with and without answers.

    The network knows no patient of DS2. C code and NumPy agree, so the questions are those of
    NumPy.
    """
    network, said = shipped.load(DS1_NETWORK), {}
    program = network.program()
    prior = replay.prior_of(network, DS1_NETWORK)
    with tempfile.TemporaryDirectory() as folder:
        source, _ = write_c(program, Path(folder), "learning", prior)
        code = harness.library(source)
        for number in DS2:
            lead = read_record(root, number)
            symbols = lead.symbol[lead.is_beat]
            label = np.array([AAMI_CLASSES.index(SYMBOL_TO_AAMI[s]) for s in symbols])
            answers = (None, label)
            said[number] = label, *(classes_in_c(code, lead, a, AN_HOUR)[0] for a in answers)
    before, after = (
        {str(n): np.mean((row[0] == row[k])[row[0] < 3]) for n, row in said.items()}
        for k in (1, 2)
    )
    number = int(usual_gain(before, after))
    label, plain, taught = said[number]
    lead = read_record(root, number)
    sample, fs = lead.sample[lead.is_beat], round(lead.fs)
    read = network_inputs(program, raw_samples(lead), sample, fs, round(lead.gain))
    found, asked = follow(program, prior, program.units(*read), sample, fs, label, AN_HOUR)
    if not np.array_equal(found, taught):
        raise UserError(f"record {number}: C code and NumPy differ; report this, please")
    both = {"no label": plain, "asked in doubt, in C": taught}
    return micro.timeline(f"record {number}", sample / fs, label, both, np.array(asked))


def reported(root):
    """Parts of a report: the fastest run of V (or the beginning), trend and mean beats."""
    lead = read_lead(open_recording(Path(root) / str(REPORTED)))
    facts = Facts(classify(lead, detected(lead), shipped.load().program()))
    at = facts.classified.beats["seconds"][facts.runs("V")["first"][:1]].sum()
    title = f"record {REPORTED}, {lead.name}, from {clock(at - 1)}"
    return holter.overview(facts, holter.strip(facts.classified, at - 1, 6, title=title))


def _drawn(root, folder):
    """All reference figures by the names of their files, without extension."""
    return {
        "classes": classes(root),
        "record_232": record_232(root, folder),
        "fibrillation": fibrillation(root),
        "five_answers": five_answers(root, folder),
        "mistakes": mistakes(root, folder),
        "puzzle": puzzle(root),
        "stream": streamed(root),
        "timeline": timeline(root, folder),
        "learning": learning(root),
        "saliency": saliency(root),
        "report": reported(root),
    }


def save(figure, path):
    """Write a figure as an image that appears whole or not at all, and close it.

    Raises
    ------
    UserError
        If the folder cannot be written.
    """
    try:
        with written(path) as temporary:
            drawn = BytesIO()
            figure.savefig(drawn, dpi=DPI, format="png")
            few = Image.open(drawn).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
            few.save(temporary, format="png", optimize=True)
    finally:
        plt.close(figure)


def draw(out, folder, data_root=None):
    """Draw all reference figures from the recordings of MIT-BIH; only then write them.

    Returns their paths.

    Parameters
    ----------
    out : Path
        Folder of the images.
    folder : Path
        Committed results by study.
    data_root : path, optional
        Where the records are; searched if not given.

    Raises
    ------
    UserError
        If a recording or a run is missing, or the recordings are invented.
    """
    source = find("mitdb", data_root)
    if source.path.is_file() or source.synthetic:
        kind = "a packed file" if source.path.is_file() else "invented patients"
        raise UserError(
            f"{source.path} is {kind}; reference figures need the WFDB files of MIT-BIH: run "
            "`python -m ecglib fetch mitdb`, or name their folder in ECG_DATA"
        )
    needed = sorted({*DS1, *DS2, *(number for number, _ in EXAMPLES.values())})
    if missing := [str(r) for r in needed if not is_complete(source.path, r)]:
        raise UserError(
            f"{source.path} lacks records that the figures show ({', '.join(missing)}): run "
            "`python -m ecglib fetch mitdb`"
        )
    check_folder(out)
    style.use()
    drawn = _drawn(source.path, folder)
    paths = [Path(out) / f"{name}.png" for name in drawn]
    for figure, path in zip(drawn.values(), paths, strict=True):
        save(figure, path)
    return paths
