"""Study of worse recordings: networks are trained on clean and tested on perturbed records."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.data import sets
from ecglib.data.inputs import Inputs
from ecglib.data.sets import nstdb
from ecglib.data.signal.detector import Matching
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.signal.noise import NOISES
from ecglib.data.signal.perturbed import resampled, with_detected_peaks, with_jitter, with_noise
from ecglib.data.signal.stress import is_noisy
from ecglib.holter import quality
from ecglib.holter.classify import unreadable
from ecglib.holter.lead import Lead
from ecglib.metrics import confusion_matrix
from ecglib.personalize.online import Stopwatch
from ecglib.studies.micro import MicroRunSettings, fold_networks
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training.loop import predict

SEED = 0
"""Seed of all generated noise and jitter, so that every network sees the same."""

RECORDED = {f"recorded_{name}": name for name in nstdb.DATASET.names}
"""Perturbation -> recording of the noise stress test database."""

PERTURBATIONS = {
    "none": None,
    "lead": None,
    "jitter": "ms",
    **dict.fromkeys((*NOISES, *RECORDED), "dB"),
    "resampled": "Hz",
}
"""Perturbation -> unit of its level, or None if it has no levels; see `perturbed`."""

NOTHING = len(CLASSES)
"""Fourth class of the confusions in noise: no beat, or no answer."""


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(RunConfig, MicroRunSettings):
    """A micro network that is trained on clean records and tested on worse ones.

    Attributes
    ----------
    perturbation : str
        "none" changes nothing. "jitter" moves the annotated R-peaks at random. "lead" reads the
        record's other lead. "wander", "muscle" and "electrode" add generated noise to the whole
        record. "recorded_bw", "recorded_em" and "recorded_ma" add wander, electrode motion and
        muscle noise of the noise stress test database in its own way, see
        `ecglib.data.sets.nstdb.stressed`. "resampled" changes the sampling frequency.
    level : float
        Largest move in ms, signal-to-noise ratio in dB, or sampling frequency in Hz; 0 if the
        perturbation has no levels.
    beats : {"annotated", "detected"}
        Whose R-peaks the network gets.
    """

    arm_keys = ("perturbation", "level", "beats", "scope", "split")
    protocol = 2  # since then detected R-peaks are those of the library's own detector

    perturbation: str = setting("none", one_of=PERTURBATIONS)
    level: float = 0.0
    beats: str = setting("annotated", one_of=("annotated", "detected"))

    def check(self):
        super().check()
        if PERTURBATIONS[self.perturbation] is None and self.level != 0:
            raise UserError(f"level is {self.level}; perturbation {self.perturbation} has none")
        if self.perturbation == "jitter" and self.beats == "detected":
            raise UserError("beats is detected, but jitter moves annotated R-peaks")

    @property
    def data_sets(self):
        noise = {"nstdb": ()} if self.perturbation in RECORDED else {}
        return {self.dataset: self.records} | noise


@dataclass(frozen=True)
class Perturbed:
    """The beats of a perturbed record that a network gets, annotated or detected.

    Attributes
    ----------
    inputs : Inputs or None
        None if nothing was detected.
    matching : Matching
        Of all annotated beats with these.
    in_noise : tuple of ndarray of bool
        Which annotated beats, and which of these, lie in the minutes of recorded noise.
    unreadable : ndarray of bool, shape (n_beats,)
        To which of them `predict` would give no class.
    """

    inputs: Inputs | None
    matching: Matching
    in_noise: tuple[np.ndarray, np.ndarray]
    unreadable: np.ndarray


@lru_cache(maxsize=64)  # more than dev_test has: seeds share what one perturbation gives
def perturbed(dataset, path, noise_path, record, perturbation, level, beats, features):
    """Beats of a record, perturbed as in `RobustnessConfig`, as `Perturbed`."""
    data = sets.get(dataset)
    lead = data.other_lead(path, record) if perturbation == "lead" else None
    clean = data.read_record(path, record, lead)
    worse = clean
    if perturbation == "jitter":
        worse = with_jitter(clean, level, SEED)
    if perturbation in NOISES:
        worse = with_noise(clean, perturbation, level, SEED)
    if perturbation in RECORDED:
        worse = nstdb.stressed(clean, noise_path, RECORDED[perturbation], level)
    if perturbation == "resampled":
        worse = resampled(clean, level)
    annotated = worse.sample[worse.is_beat]
    everyone = np.arange(len(annotated))
    matching = Matching(len(everyone), 0, 0, np.stack([everyone, everyone], axis=1))
    if beats == "detected":
        worse, matching = with_detected_peaks(worse)
    sample = worse.sample[worse.is_beat]
    seconds = quality.kinds(worse.signal, round(worse.fs)) > 0
    seen = Lead(str(record), "", worse.fs, worse.signal, seconds)
    return Perturbed(
        micro_inputs(worse, features) if len(sample) else None,
        matching,
        (is_noisy(annotated, worse.fs), is_noisy(sample, worse.fs)),
        unreadable(seen, sample),
    )


@study("robustness", RobustnessConfig)
def run_robustness(run):
    """Score every fold's network on its perturbed test records.

    Predictions are those of annotated beats. A beat that the detector missed has no prediction.
    It is written as N, since a device then reports nothing, and `detection` counts it as
    missed.

    `in_noise` has the `confusion` of each record in the minutes in which recorded noise is on,
    of clean records too: of `all` beats, and if beats are only `answered` where the lead can be
    read.
    """
    config, watch, classes, counts = run.config, Stopwatch(), {}, {}
    in_noise = {"all": {}, "answered": {}}
    noise_path = run.sources["nstdb"].path if config.perturbation in RECORDED else None
    how = (config.perturbation, config.level, config.beats, config.features)
    for test, _, model, _ in fold_networks(run, config):
        for record in tqdm(test, desc=config.slug, leave=False):
            with watch.stage("perturb"):
                worse = perturbed(config.dataset, run.source.path, noise_path, record, *how)
            with watch.stage("predict"):
                found = predict(model, worse.inputs) if worse.inputs else np.zeros(0, np.int8)
            label, (beat, detection) = run.beats_of(record).label, worse.matching.pairs.T
            classes[record] = np.zeros(len(label), dtype=np.int8)
            classes[record][beat] = found[detection]
            key = run.dataset.key(record)
            counts[key] = detection_counts(label, found, worse.matching).tolist()
            answers = {"all": found, "answered": np.where(worse.unreadable, NOTHING, found)}
            for name, said in answers.items():
                found_in_noise = confusion(label, said, worse.matching, worse.in_noise)
                in_noise[name][key] = found_in_noise.tolist()
    predicted = run.in_order(classes)
    return run.outcome(predicted, dict(watch.seconds), detection=counts, in_noise=in_noise)


def confusion(label, said, matching, kept=None):
    """Confusion of N, S, V and nothing.

    Parameters
    ----------
    label : ndarray, shape (n_annotated,)
        AAMI class of every annotated beat; those of F and Q are not counted.
    said : ndarray, shape (n_beats,)
        Class of every beat that the network got, or `NOTHING` where it gives no answer.
    matching : Matching
        Of annotated beats with these.
    kept : tuple of two masks, optional
        Which annotated beats, and which of these, count.

    Returns
    -------
    ndarray, shape (4, 4), int
        Rows: annotated N, S, V, and false detections; columns: answers N, S, V, and none, since
        the beat was missed or refused.
    """
    beat, detection = matching.pairs.T
    answer, false = np.full(len(label), NOTHING), np.ones(len(said), dtype=bool)
    answer[beat], false[detection] = said[detection], False
    scored = label < NOTHING
    if kept is not None:
        scored, false = scored & kept[0], false & kept[1]
    truth = np.concatenate([label[scored], np.full(false.sum(), NOTHING)])
    return confusion_matrix(truth, np.concatenate([answer[scored], said[false]]), NOTHING + 1)


def detection_counts(label, found, matching):
    """Beats of each class that a detector and a classifier find together (EC57).

    Arguments are those of `confusion`. The result (3, 3) has a row for each of N, S, V: true
    positives, false negatives with missed beats, and false positives with false detections.
    """
    counted = confusion(label, found, matching)
    right = np.diagonal(counted)[:NOTHING]
    there, called = counted.sum(axis=1)[:NOTHING], counted.sum(axis=0)[:NOTHING]
    return np.stack([right, there - right, called - right], axis=1)
