"""Study of worse recordings: networks trained on clean records, tested on perturbed ones."""

from functools import lru_cache

import numpy as np
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.config import MicroConfig, twin_of
from ecglib.data.sets.mitdb import other_lead, read_record
from ecglib.data.signal.detector import Matching
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.signal.perturbed import resampled, with_detected_peaks, with_jitter, with_noise
from ecglib.personalize.online import Stopwatch
from ecglib.studies.micro import fold_networks
from ecglib.training.loop import predict

SEED = 0
"""Of all noise and jitter, so that every network sees the same."""

NOISES = ("wander", "muscle", "electrode")


@lru_cache(maxsize=64)
def perturbed(path, record, perturbation, level, features):
    """Beats of a perturbed record as the network reads them, and how detection went.

    Parameters
    ----------
    path : path
        Where the records are.
    record : int
        Record number.
    perturbation, level
        As in `RobustnessConfig`.
    features : str
        What the network reads.

    Returns
    -------
    tuple of (Inputs, Matching)
        Of annotated peaks, every beat is matched with itself.
    """
    lead = other_lead(path, record) if perturbation == "lead" else "MLII"
    clean = read_record(path, record, lead)
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


def run_robustness(run):
    """Every fold's network on its perturbed test records.

    Predictions are of annotated beats. A beat that the detector missed has no class of its own;
    it is written as N, the class that a device shows when it shows nothing, and counted as
    missed in `detection`.
    """
    config, watch, classes, counts = run.config, Stopwatch(), {}, {}
    for test, _, model, _ in fold_networks(run, twin_of(config, MicroConfig)):
        for record in tqdm(test, desc=config.slug, leave=False):
            how = (config.perturbation, config.level, config.features)
            with watch.stage("perturb"):
                inputs, matching = perturbed(run.source.path, record, *how)
            with watch.stage("predict"):
                found = predict(model, inputs)
            label = run.test_beats.label[run.test_beats.record == record]
            beat, detection = matching.pairs.T
            classes[record] = np.zeros(len(label), dtype=np.int8)
            classes[record][beat] = found[detection]
            counts[record] = detection_counts(label, found, matching)
    predicted = run.in_order(classes)
    per_record = {str(record): rows.tolist() for record, rows in counts.items()}
    return run.outcome(predicted, dict(watch.seconds), detection=per_record)


def detection_counts(label, found, matching):
    """Beats of each class as a detector and a classifier together find them (EC57).

    Parameters
    ----------
    label : ndarray, shape (n_beats,)
        AAMI class of every annotated beat.
    found : ndarray, shape (n_detections,)
        Class of every detection.
    matching : Matching
        Which detection is which beat.

    Returns
    -------
    ndarray, shape (3, 3), int
        For N, S, V: true positives; false negatives, missed beats included; false positives,
        false detections included. Beats of F and Q count nowhere.
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
