"""Human in the loop: a few labelled beats of a patient, and a network that learns from them.

Training beats are replayed while it does (Ratcliff 1990), so that it does not forget what other
patients taught it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ecglib.aami import CLASSES
from ecglib.personalize.label_free import LABEL_FREE_UPDATES
from ecglib.personalize.queries import QUERIES
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.tasks import ReplayTask, class_weights

LABELLED_UPDATES = ("head", "output", "last_block", "prototypes")
"""What can be made of labels: training of these parts, or labels kept as prototypes."""


@dataclass(frozen=True, kw_only=True)
class AskingSettings(Settings):
    """What a patient's expert is asked, and what the network makes of the answers.

    Attributes
    ----------
    budget : int or "all"
        Labelled beats of the first `online_seconds`; under `asking: stream`, labels an hour.
    query : str
        Which beats to ask for, see `ecglib.personalize.queries`; "none" with budget 0. A stream
        asks for the first beat that is unsure, whatever the query.
    update : str
        What to do with the labels, one of `LABELLED_UPDATES`; with budget 0, "none" or a way
        that needs no labels, see `ecglib.personalize.label_free`.
    asking : {"start", "stream"}
        Beats of the first `online_seconds`, all at once; or whenever the network is unsure.
    online_seconds : int
        Length of the patient's first part, from which beats are asked.
    unsure : float
        Under `asking: stream`, the largest probability below which a beat is asked for.
    update_epochs, update_learning_rate, update_decay
        Training on the labels, in passes over the replayed training beats.
    replay_cap : int
        Most replayed beats of one class of one recorded lead of the training set; ECGNet reads
        one lead of each record, the micro network both, see `leads`.
    label_weight : float
        Weight of the labelled beats' loss, that of the replayed ones being 1.
    """

    budget: int | str = 0
    query: str = setting("none", one_of=("none", *QUERIES))
    update: str = "none"
    asking: str = setting("start", one_of=("start", "stream"))
    online_seconds: int = setting(300, above=0)
    unsure: float = setting(0.9, above=0, high=1)
    update_epochs: int = setting(3, above=0)
    update_learning_rate: float = setting(0.01, above=0)
    update_decay: float = setting(0.5, above=0)
    replay_cap: int = setting(40, above=0)
    label_weight: float = setting(10.0, above=0)

    def check(self):
        super().check()
        budget, labels = self.budget, self.budget != 0
        whole = isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0
        if budget != "all" and not whole:
            raise UserError(f"budget is {budget!r}; give a number of beats from 0 up, or all")
        known = LABELLED_UPDATES if labels else LABEL_FREE_UPDATES
        if self.update not in known:
            raise UserError(
                f"update is {self.update!r}; with budget {budget} it must be one of: "
                f"{', '.join(known)}"
            )
        if self.asking == "stream" and budget in (0, "all"):
            raise UserError(f"budget is {budget}; a stream has a number of labels an hour")
        if self.asking == "stream" and self.update == "prototypes":
            raise UserError(
                "update is prototypes, but a stream learns by training; use head, output or "
                "last_block"
            )
        if (self.query == "none") == labels:
            raise UserError(f"query is {self.query!r}, but budget is {budget}")


@dataclass(frozen=True)
class Anatomy:
    """How a kind of network falls into a body that stays and a head that learns.

    Attributes
    ----------
    body : callable
        (model, x, rr) -> tuple of Tensors, what the head reads.
    head, output, last_block : tuple of str
        Names of the parts that each update frees.
    """

    body: Callable
    head: tuple[str, ...]
    output: tuple[str, ...]
    last_block: tuple[str, ...]

    def head_inputs(self, model, inputs):
        """What the head of `model` reads of beats, a tuple of Tensors (n_beats, …)."""
        chunks = [
            self.body(model, x, rr)
            for x, rr in zip(inputs.x.split(256), inputs.rr.split(256), strict=True)
        ]
        return tuple(torch.cat(parts) for parts in zip(*chunks, strict=True))


@dataclass(frozen=True)
class View:
    """A patient's beats as a network sees them.

    Attributes
    ----------
    head_inputs : tuple of Tensor, shape (n_beats, …)
        What the head reads.
    logits : Tensor, shape (n_beats, 3)
    embedding : Tensor, shape (n_beats, n_units)
        The last hidden layer.
    """

    head_inputs: tuple[torch.Tensor, ...]
    logits: torch.Tensor
    embedding: torch.Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, model, anatomy, inputs):
        """How `model` sees beats."""
        read = anatomy.head_inputs(model, inputs)
        return cls(read, in_batches(model.classify, *read), in_batches(model.embed, *read))


def updated(model, anatomy, config, replay, labelled):
    """A network that has learnt from a patient's labelled beats, in evaluation mode.

    Parameters
    ----------
    model : Module
        Of all patients; not changed, and returned if no label is N, S or V. If rounded, its
        ranges are frozen, and what learns stays in integers.
    anatomy : Anatomy
        Its parts.
    config : AskingConfig
        `update` is "head", "output" or "last_block"; schedule and weights.
    replay : Inputs
        Training beats, all N, S or V.
    labelled : Inputs
        The patient's; those labelled F or Q teach nothing.
    """
    labelled = labelled.select(labelled.y < len(CLASSES))
    if len(labelled) == 0:
        return model
    new = copy.deepcopy(model)
    parts = getattr(anatomy, config.update)
    if config.update == "last_block":
        forward, (old, own) = new, [(beats.x, beats.rr) for beats in (replay, labelled)]
    else:
        with torch.no_grad():
            old, own = (anatomy.head_inputs(model, beats) for beats in (replay, labelled))
        forward = new.classify
    weight = class_weights(labelled.y, "sqrt")
    task = ReplayTask(forward, old, replay.y, own, labelled.y, weight, config.label_weight)
    schedule = Schedule.of(
        config,
        epochs=config.update_epochs,
        learning_rate=config.update_learning_rate,
        decay=config.update_decay,
    )
    fit(new, parts, task, schedule, seed=config.seed, desc="labels")
    return new


PROTOTYPE_REACH = 0.2
"""Squared distance at which a label counts 1/e, over the mean squared one from the centre."""

PROTOTYPE_GAIN = 6.0
"""Logits that a label adds where it stands."""


def with_prototypes(view, labelled, label, online):
    """Logits (n_beats, 3), moved near each labelled beat by as much as they were wrong there.

    Nothing is trained: a device stores the labelled beats' last hidden layer.

    Parameters
    ----------
    view : View
        All beats of the patient.
    labelled : Tensor of int, shape (n_labelled,)
        Which beats have a label.
    label : Tensor of int, shape (n_labelled,)
        Their classes; F and Q teach nothing.
    online : Tensor of int
        Beats that set the unit of distance.
    """
    kept = label < len(CLASSES)
    labelled, label = labelled[kept], label[kept]
    seen = view.embedding[online]
    unit = ((seen - seen.mean(dim=0)) ** 2).sum(dim=1).mean().clamp(min=1e-6)
    distance = torch.cdist(view.embedding, view.embedding[labelled]) ** 2 / unit
    wrong = F.one_hot(label, len(CLASSES)) - torch.softmax(view.logits[labelled], dim=1)
    return view.logits + PROTOTYPE_GAIN * torch.exp(-distance / PROTOTYPE_REACH) @ wrong
