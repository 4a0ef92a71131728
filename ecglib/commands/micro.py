"""Reference figures of the micro network: a patient it learns from, and what it looks at."""

from dataclasses import dataclass

import numpy as np
import torch

from ecglib import results
from ecglib.aami import CLASSES, DS1, DS2
from ecglib.data.find.search import find
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.micro_input import micro_inputs, windows
from ecglib.deploy import shipped
from ecglib.models.occlusion import hidden_columns, hidden_pieces
from ecglib.personalize.online import Stopwatch
from ecglib.plots import micro
from ecglib.studies.budget import MICRONET, patient_of, personalize, replay_of
from ecglib.studies.micro import fold_networks, inputs_of
from ecglib.studies.registry import make_config
from ecglib.studies.run import Run
from ecglib.system.errors import UserError
from ecglib.system.paths import RUNS
from ecglib.tables import arms, evidence
from ecglib.tables.budget import AN_HOUR

SEED = 7
"""Of the networks whose predictions are shown."""

BADLY_READ = 0.9
"""A patient needs help if a smaller share of the beats is answered rightly without a label."""

BEATS_A_RECORD, FIRST_BEAT = 50, 300
"""Of what the network looks at: most beats of a class and record, spread evenly, and the first
one that counts, since the template has to form."""

PIECE = 4
"""Samples (of 1/128 s) that are hidden together."""


def predictions(folder, budget, asking="start"):
    """The committed run of the micro network in integers, every patient left out once.

    A `RunResult`. Only its records of MIT-BIH are kept.

    Parameters
    ----------
    folder : Path
        Results by study.
    budget : int
        Labelled beats of each patient, or labels an hour.
    asking : {"start", "stream"}
        When they are asked for.
    """
    found = results.load_study(folder, "budget")
    start, doubt = evidence.left_out([r for r in found if r.config["seed"] == SEED])
    try:
        arm = (start if asking == "start" else doubt)[budget]
        return arms.on(arm, "mitdb").results[0]
    except LookupError as error:
        raise UserError(
            f"{folder}/budget lacks the run with {budget} labels, every patient left out once, "
            f"seed {SEED}: run `python -m ecglib study budget`"
        ) from error


def right_shares(result):
    """Share of right answers after 5:00 by record, of records that have beats then."""
    found = result.matrix(after_5min=True)
    return {r: np.trace(m) / m.sum() for r, m in found.items() if m.sum()}


def usual_gain(before, after):
    """The patient whose gain is the median of those who need help.

    Parameters
    ----------
    before, after : dict of str to float
        Record -> share of right answers without labels and with them.

    Returns
    -------
    str
        Of an even number of patients, the one with the smaller of the two middle gains.

    Examples
    --------
    >>> usual_gain({"1": 0.5, "2": 0.8, "3": 0.6}, {"1": 1, "2": 0.9, "3": 0.9})
    '3'
    """
    gain = {r: after[r] - before[r] for r in before if before[r] < BADLY_READ}
    if not gain:
        raise UserError("every patient is read well without labels; nobody is left to show")
    return sorted(gain, key=gain.get)[(len(gain) - 1) // 2]


def timeline(root, folder):
    """When a stream asked one patient, what the answers were, and how its own answers went.

    Raises
    ------
    UserError
        If the stream, computed anew, does not give the classes of the committed run.
    """
    plain, streamed = predictions(folder, 0), predictions(folder, AN_HOUR, "stream")
    number = int(usual_gain(right_shares(plain), right_shares(streamed)))
    config = make_config("budget", **streamed.config)
    run = Run(config, {"both": find("both", root)}, torch.device("cpu"), RUNS)
    _, beats, model, _ = next(fold_networks(run, config, number))
    patient = patient_of(run, number, inputs_of(run, number))
    replay = replay_of(beats.inputs, beats.lead_of, config)
    said, asked = personalize(model, MICRONET, config, replay, patient, Stopwatch())
    if not np.array_equal(said, streamed.classes(number)):
        raise UserError(
            f"the stream of record {number}, computed anew, is not that of the committed run: "
            "draw this figure on a machine like the one that made the run"
        )
    label = patient.inputs.y.numpy()
    both = {"no label": plain.classes(number), "asked in doubt": said}
    return micro.timeline(f"record {number}", patient.seconds, label, both, asked)


@dataclass(frozen=True)
class Looks:
    """What the network looks at in beats of one class; means over records.

    Attributes
    ----------
    beat : ndarray, shape (64,)
        mV.
    pieces : ndarray, shape (n_pieces,)
        Drop of the probability of the class while a piece is hidden.
    timing : ndarray, shape (n_columns + 1,)
        The same for each number about the timing, and for all of them together.
    """

    beat: np.ndarray
    pieces: np.ndarray
    timing: np.ndarray


def looks(root, records):
    """What the shipped network looks at.

    Parameters
    ----------
    root : path
        Folder with the WFDB files of MIT-BIH.
    records : sequence of int
        Each weighs the same in the means.

    Returns
    -------
    dict of str to Looks
        By class; a class that no record has is left out.
    """
    network = shipped.load()
    found = {name: [] for name in CLASSES}
    for number in records:
        record = read_record(root, number)
        inputs = micro_inputs(record, network.features)
        signal = windows(record, record.sample[record.is_beat], "raw")
        for index, name in enumerate(CLASSES):
            beats = np.flatnonzero(inputs.y.numpy()[FIRST_BEAT:] == index) + FIRST_BEAT
            if len(beats):
                found[name].append(_looks_of(network.model, inputs, signal, beats))
    return {
        name: Looks(*(np.mean(part, axis=0) for part in zip(*rows, strict=True)))
        for name, rows in found.items()
        if rows
    }


def _looks_of(model, inputs, signal, beats):
    """Means over some beats of a record: signal, drops by piece, drops by timing."""
    evenly = np.linspace(0, len(beats) - 1, min(len(beats), BEATS_A_RECORD)).astype(int)
    chosen = beats[evenly]
    some = inputs.select(torch.from_numpy(chosen))
    every = list(range(some.rr.shape[1]))
    columns = [[column] for column in every] + [every]
    pieces = hidden_pieces(model, some.x, some.rr, some.y, PIECE)
    timing = hidden_columns(model, some.x, some.rr, some.y, columns)
    return signal[chosen].mean(axis=0), pieces.numpy().mean(axis=0), timing.numpy().mean(axis=0)


def saliency(root):
    """What the shipped network looks at in N, S and V beats."""
    return micro.saliency(looks(root, DS1 + DS2))
