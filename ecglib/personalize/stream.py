"""The human in the loop at any time: a label is asked for whenever a beat is uncertain.

Arrhythmia may be absent from the first five minutes. The number of labels that may be asked
grows at a constant rate, so never more are asked than the rate allows.
"""

import numpy as np
import torch

from ecglib.personalize.queries import confidence

HOUR = 3600


def allowed(budget, seconds):
    """Number of labels that may be asked for within the first `seconds`.

    Examples
    --------
    >>> allowed(12, 0.5), allowed(12, 301), allowed(12, 3600)
    (1, 2, 12)
    """
    return int(np.ceil(budget * seconds / HOUR))


def follow(pupil, config, patient, watch):
    """Classify a patient beat by beat; the pupil learns from every answer.

    A beat is classified before its own label is known, by a network that has learned from all
    earlier labels.

    Parameters
    ----------
    pupil : Retrained or Corrected
        Who learns, see `ecglib.personalize.budget`.
    config : AskingConfig
        `budget` is a number of labels an hour, `unsure` the probability below which to ask.
    patient : Patient
        All beats, in order of time.
    watch : Stopwatch
        Adds up the seconds of the stages.

    Returns
    -------
    tuple of (ndarray of int8, shape (n_beats,), ndarray of int64)
        Classes, and the indices of the beats that were asked for.
    """
    predicted = np.empty(len(patient.inputs), dtype=np.int8)
    permitted = np.array([allowed(config.budget, second) for second in patient.seconds])
    asked, start = [], 0
    while start < len(predicted):
        with watch.stage("predict"):
            logits = pupil.logits(slice(start, None))
        predicted[start:] = logits.argmax(dim=1)
        sure = confidence(torch.softmax(logits, dim=1).numpy())
        questions = (sure < config.unsure) & (permitted[start:] > len(asked))
        if not questions.any():
            break
        asked.append(start + int(questions.argmax()))
        start = asked[-1] + 1
        with watch.stage("update"):
            pupil.learn(asked, slice(0, start))
    return predicted, np.array(asked, dtype=np.int64)
