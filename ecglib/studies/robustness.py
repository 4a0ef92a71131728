"""Study of worse recordings: networks are trained on clean and tested on perturbed records."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.data import sets
from ecglib.data.signal.detector import Matching
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.signal.perturbed import resampled, with_detected_peaks, with_jitter, with_noise
from ecglib.personalize.online import Stopwatch
from ecglib.studies.micro import MicroRunSettings, fold_networks
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training.loop import predict

SEED = 0
"""Seed of all noise and jitter, so that every network sees the same."""

NOISES = ("wander", "muscle", "electrode")

PERTURBATIONS = {
    "none": None,
    "detected": None,
    "lead": None,
    "jitter": "ms",
    **dict.fromkeys(NOISES, "dB"),
    "resampled": "Hz",
}
"""Perturbation -> unit of its level, or None if it has no levels; see `perturbed`."""


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(RunConfig, MicroRunSettings):
    """A micro network that is trained on clean records and tested on worse ones.

    Attributes
    ----------
    perturbation : str
        "none" changes nothing. "detected" uses detected R-peaks instead of annotated ones,
        "jitter" moves the annotated ones at random. "lead" reads the record's other lead.
        "wander", "muscle" and "electrode" add generated noise. "resampled" changes the sampling
        frequency.
    level : float
        Largest move in ms, signal-to-noise ratio in dB, or sampling frequency in Hz; 0 if the
        perturbation has no levels.
    """

    arm_keys = ("perturbation", "level", "scope", "split")
    protocol = 2  # since then "detected" means the library's own detector

    perturbation: str = setting("none", one_of=PERTURBATIONS)
    level: float = 0.0

    def check(self):
        super().check()
        if PERTURBATIONS[self.perturbation] is None and self.level != 0:
            raise UserError(f"level is {self.level}; perturbation {self.perturbation} has none")


@lru_cache(maxsize=64)
def perturbed(dataset, path, record, perturbation, level, features):
    """Inputs of the network for the beats of a record, perturbed as in `RobustnessConfig`.

    Returns
    -------
    tuple of (Inputs, Matching)
        The inputs, and the matching of detected and annotated R-peaks. If the annotated R-peaks
        are used, every beat is matched with itself.
    """
    data = sets.get(dataset)
    lead = data.other_lead(path, record) if perturbation == "lead" else None
    clean = data.read_record(path, record, lead)
    if perturbation == "detected":
        worse, matching = with_detected_peaks(clean)
        return micro_inputs(worse, features), matching
    worse = clean
    if perturbation == "jitter":
        worse = with_jitter(clean, level, SEED)
    if perturbation in NOISES:
        worse = with_noise(clean, perturbation, level, SEED)
    if perturbation == "resampled":
        worse = resampled(clean, level)
    inputs = micro_inputs(worse, features)
    everyone = np.arange(len(inputs))
    return inputs, Matching(len(inputs), 0, 0, np.stack([everyone, everyone], axis=1))


@study("robustness", RobustnessConfig)
def run_robustness(run):
    """Score every fold's network on its perturbed test records.

    Predictions are those of annotated beats. A beat that the detector missed has no prediction.
    It is written as N, since a device then reports nothing, and `detection` counts it as
    missed.
    """
    config, watch, classes, counts = run.config, Stopwatch(), {}, {}
    for test, _, model, _ in fold_networks(run, config):
        for record in tqdm(test, desc=config.slug, leave=False):
            how = (config.perturbation, config.level, config.features)
            with watch.stage("perturb"):
                inputs, matching = perturbed(config.dataset, run.source.path, record, *how)
            with watch.stage("predict"):
                found = predict(model, inputs)
            label = run.beats_of(record).label
            beat, detection = matching.pairs.T
            classes[record] = np.zeros(len(label), dtype=np.int8)
            classes[record][beat] = found[detection]
            counts[record] = detection_counts(label, found, matching)
    predicted = run.in_order(classes)
    per_record = {run.dataset.key(record): rows.tolist() for record, rows in counts.items()}
    return run.outcome(predicted, dict(watch.seconds), detection=per_record)


def detection_counts(label, found, matching):
    """Beats of each class that a detector and a classifier find together (EC57).

    Parameters
    ----------
    label : ndarray, shape (n_beats,)
        AAMI class of every annotated beat.
    found : ndarray, shape (n_detections,)
        Class of every detection.
    matching : Matching
        Pairs of annotated beats and detections.

    Returns
    -------
    ndarray, shape (3, 3), int
        A row for each of N, S, V with true positives, false negatives (including missed beats)
        and false positives (including false detections). Beats of F and Q are not counted.
    """
    beat, detection = matching.pairs.T
    seen, said = np.zeros(len(label), dtype=bool), np.zeros(len(label), dtype=np.int8)
    seen[beat], said[beat] = True, found[detection]
    false = np.delete(found, detection)
    rows = []
    for index in range(len(CLASSES)):
        is_class, is_said = label == index, seen & (said == index)
        other = (label < len(CLASSES)) & ~is_class
        n_false = np.sum(other & is_said) + np.sum(false == index)
        rows.append([np.sum(is_class & is_said), np.sum(is_class & ~is_said), n_false])
    return np.array(rows)
