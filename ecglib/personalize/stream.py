"""The loop as a stream: a label is asked for when a beat is uncertain, at any time of the day.

Arrhythmia need not show in the first five minutes. Labels are released at a steady rate, so
that at no time more have been asked than the rate allows.
"""

import numpy as np
import torch

from ecglib.personalize.budget import View, updated
from ecglib.personalize.queries import confidence

HOUR = 3600


def allowed(budget, seconds):
    """Labels that may have been asked for when so many seconds have passed.

    Examples
    --------
    >>> allowed(12, 0.5), allowed(12, 301), allowed(12, 3600)
    (1, 2, 12)
    """
    return int(np.ceil(budget * seconds / HOUR))


def follow(model, anatomy, config, replay, patient, watch):
    """A patient beat by beat, the network learning from every answer.

    A beat is classified before its own label is known, by a network that has learnt from all
    earlier ones.

    Parameters
    ----------
    model : Module
        Of all patients; not changed.
    anatomy : Anatomy
        Its parts.
    config : AskingConfig
        `budget` is a number of labels an hour, `unsure` the probability under which to ask.
    replay : Inputs
        Training beats.
    patient : Patient
        All beats, in order of time.
    watch : Stopwatch
        Adds up the seconds of the stages.

    Returns
    -------
    tuple of (ndarray of int8, shape (n_beats,), ndarray of int64)
        Classes, and the beats that were asked for.
    """
    predicted = np.empty(len(patient.inputs), dtype=np.int8)
    permitted = np.array([allowed(config.budget, second) for second in patient.seconds])
    asked, start, current = [], 0, model
    while start < len(predicted):
        with watch.stage("predict"):
            logits = View.of(current, anatomy, patient.inputs.select(slice(start, None))).logits
        predicted[start:] = logits.argmax(dim=1)
        sure = confidence(torch.softmax(logits, dim=1).numpy())
        questions = (sure < config.unsure) & (permitted[start:] > len(asked))
        if not questions.any():
            break
        asked.append(start + int(questions.argmax()))
        start = asked[-1] + 1
        with watch.stage("update"):
            labelled = patient.inputs.select(torch.tensor(asked))
            current = updated(model, anatomy, config, replay, labelled)
    return predicted, np.array(asked, dtype=np.int64)
