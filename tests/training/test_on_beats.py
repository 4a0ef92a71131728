"""The puzzle before any patient is seen: which beats it shows, how often, in which order."""

import numpy as np
import pytest
import torch

from ecglib import puzzle
from ecglib.data.inputs import Inputs
from ecglib.studies.registry import make_config
from ecglib.training.on_beats import train_pretext

SETTINGS = {"channels": (4,) * 5, "epochs": 5, "online_epochs": 4}
SETTINGS |= {"pretext_epochs": 2, "batch_size": 8}
N_BEATS = 40
LABEL = np.arange(N_BEATS) % 3


def numbered_beats():
    """Beats of N, S, V in turn; the samples of a beat are equal and say which one it is."""
    x = torch.arange(N_BEATS, dtype=torch.float32)[:, None].expand(-1, 300).contiguous()
    return Inputs(x, torch.zeros(N_BEATS, 5), torch.from_numpy(LABEL))


def solved(**settings):
    """Beats that the puzzle showed and their labels, step by step, and how it trained."""
    steps, plain = [], puzzle.permute

    def recorded(signal, label, cuts):
        steps.append((signal[:, 0].int().tolist(), label.tolist()))
        return plain(signal, label, cuts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(puzzle, "permute", recorded)
        config = make_config("personalization", **SETTINGS | settings)
        _, history = train_pretext(config, numbered_beats(), torch.device("cpu"))
    return steps, history


@pytest.mark.parametrize("pretext_epochs", [1, 3])
def test_every_normal_beat_and_no_other_is_shown_once_an_epoch(pretext_epochs):
    steps, history = solved(pretext_epochs=pretext_epochs)
    shown = np.bincount([beat for beats, _ in steps for beat in beats], minlength=N_BEATS)
    np.testing.assert_array_equal(shown, np.where(LABEL == 0, pretext_epochs, 0))
    assert len(history.loss) == pretext_epochs
    assert history.steps == len(steps) == 2 * pretext_epochs  # 14 beats in batches of 8


def test_labels_of_the_puzzle_depend_on_the_seed_alone():
    steps = [solved(seed=seed)[0] for seed in (7, 7, 21)]
    labels = [[own for _, own in each] for each in steps]
    assert labels[0] == labels[1]
    assert labels[0] != labels[2]


def test_labels_of_the_puzzle_are_drawn_anew_in_every_epoch():
    steps, _ = solved()
    one, other = (
        {b: y for beats, labels in epoch for b, y in zip(beats, labels, strict=True)}
        for epoch in (steps[:2], steps[2:])
    )
    assert one.keys() == other.keys()
    assert one != other
