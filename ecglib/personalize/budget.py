"""Human in the loop: the network learns from a few beats of a patient that somebody labels.

Training beats of other patients are replayed meanwhile (Ratcliff 1990), so that the network
does not forget what it has learned from them.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from ecglib.aami import CLASSES
from ecglib.personalize.label_free import LABEL_FREE_UPDATES
from ecglib.personalize.learner import LOGIT
from ecglib.personalize.queries import QUERIES
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.tasks import HeldTask, ReplayTask, class_weights

CORRECTING = ("kalman", "kernel")
"""Updates that correct the answers of a network in integers, which stays as it is."""

LABELLED_UPDATES = ("head", "output", "last_block", "prototypes", *CORRECTING)
"""Ways to use labels: training of the named parts, keeping labelled beats as prototypes, or
correcting the answers; "kernel" is `ecglib.personalize.learner`, which runs on the device."""

CHOSEN = {"query": "typical", "hold": 0.3, "unsupported": 0.005}
"""How to ask and learn, chosen on development patients of two databases (split `dev_cv`)."""


@dataclass(frozen=True, kw_only=True)
class AskingSettings(Settings):
    """Settings of asking for labels and of learning from them.

    Attributes
    ----------
    budget : int or "all"
        Number of labelled beats of the first `online_seconds`; with `asking: stream`, labels an
        hour.
    query : str
        Which beats to ask for, see `ecglib.personalize.queries`; "none" with budget 0. A stream
        asks for the first unsure beat and ignores the query.
    update : str
        How the labels are used, one of `LABELLED_UPDATES`; with budget 0, "none" or an update
        that needs no labels, see `ecglib.personalize.label_free`.
    asking : {"start", "stream"}
        "start" asks for beats of the first `online_seconds`, all at once. "stream" asks
        whenever the network is unsure.
    online_seconds : int
        Length of the first part of the record, from which beats are asked.
    unsure : float
        With `asking: stream`, a beat is asked for if its largest probability is below this.
    update_epochs, update_learning_rate, update_decay
        Training on the labels; an epoch is a pass over the replayed training beats.
    replay_cap : int
        Largest number of replayed beats of one class and recorded lead of the training set.
        ECGNet reads one lead of each record, the micro network both, see `leads`.
    label_weight : float
        Weight of the labelled beats' loss; that of the replayed beats is 1.
    hold : float
        Guard against harm: weight, in the loss, of the squared distance between the weights
        that learn and those of the network of all patients. 0 lets them move freely.
    unsupported : float
        Guard against harm: largest share of a patient's beats that may change their class
        without a label that speaks for it, see `guarded`; with 1 there is no such guard.
    wrong : float
        Share of the answers that are wrong: another class of N, S, V, drawn at random.
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
    hold: float = setting(0.0, low=0)
    unsupported: float = setting(1.0, low=0, high=1)
    wrong: float = setting(0.0, low=0, high=1)

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
        if self.wrong and not labels:
            raise UserError(f"wrong is {self.wrong}, but budget is 0: nobody answers")


@dataclass(frozen=True)
class Anatomy:
    """Division of a kind of network into a body that stays and a head that learns.

    Attributes
    ----------
    body : callable
        Function (model, x, rr) -> tuple of Tensors, the inputs of the head.
    head, output, last_block : tuple of str
        Names of the parts that learn in the update of the same name.
    """

    body: Callable
    head: tuple[str, ...]
    output: tuple[str, ...]
    last_block: tuple[str, ...]

    def head_inputs(self, model, inputs):
        """Inputs of the head of `model` for some beats, a tuple of Tensors (n_beats, …)."""
        chunks = [
            self.body(model, x, rr)
            for x, rr in zip(inputs.x.split(256), inputs.rr.split(256), strict=True)
        ]
        return tuple(torch.cat(parts) for parts in zip(*chunks, strict=True))


@lru_cache(maxsize=1)
@torch.no_grad()
def _replayed(model, anatomy, replay):
    """Inputs of the head for replayed beats, which are the same for all patients of a fold."""
    return anatomy.head_inputs(model, replay)


def answered(inputs, wrong, seed):
    """Beats (`Inputs`) with the classes that an expert says, a share `wrong` of them mistaken.

    A mistake turns N, S or V into one of the other two; F and Q stay. For the same `seed`, a
    larger share has all mistakes of a smaller one.
    """
    rng = np.random.default_rng(seed)
    mistaken = rng.random(len(inputs)) < wrong
    shift = torch.from_numpy(mistaken * rng.integers(1, len(CLASSES), len(inputs)))
    other = (inputs.y + shift) % len(CLASSES)
    return replace(inputs, y=torch.where(inputs.y < len(CLASSES), other, inputs.y))


@dataclass(frozen=True)
class View:
    """Outputs of a network's layers for a patient's beats.

    Attributes
    ----------
    head_inputs : tuple of Tensor, shape (n_beats, …)
        Inputs of the head.
    logits : Tensor, shape (n_beats, 3)
    embedding : Tensor, shape (n_beats, n_units)
        Output of the last hidden layer.
    """

    head_inputs: tuple[torch.Tensor, ...]
    logits: torch.Tensor
    embedding: torch.Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, model, anatomy, inputs):
        """Compute the outputs of `model` for some beats."""
        read = anatomy.head_inputs(model, inputs)
        return cls(read, in_batches(model.classify, *read), in_batches(model.embed, *read))


def updated(model, anatomy, config, replay, labelled, seen=None):
    """A network that has learned from a patient's labelled beats, in evaluation mode.

    Parameters
    ----------
    model : Module
        Network of all patients. It is not changed, and it is returned if no label is N, S or V.
        If it is rounded, its ranges are frozen, and the parts that learn stay rounded.
    anatomy : Anatomy
        Parts of the network.
    config : AskingConfig
        `update` ("head", "output" or "last_block"), schedule and weights are read.
    replay : Inputs
        Training beats, all N, S or V.
    labelled : Inputs
        The patient's labelled beats; beats labelled F or Q are ignored.
    seen : Inputs
        All beats of the patient so far, without labels; the guard `unsupported` needs them.
    """
    labelled = labelled.select(labelled.y < len(CLASSES))
    if len(labelled) == 0:
        return model
    new = copy.deepcopy(model)
    parts = getattr(anatomy, config.update)
    if config.update == "last_block":
        forward, (old, own) = new, [(beats.x, beats.rr) for beats in (replay, labelled)]
    else:
        old = _replayed(model, anatomy, replay)
        with torch.no_grad():
            own = anatomy.head_inputs(model, labelled)
        forward = new.classify
    weight = class_weights(labelled.y, "sqrt")
    task = ReplayTask(forward, old, replay.y, own, labelled.y, weight, config.label_weight)
    if config.hold:
        learning = [p for name in parts for p in getattr(new, name).parameters()]
        task = HeldTask.of(task, learning, config.hold)
    schedule = Schedule.of(
        config,
        epochs=config.update_epochs,
        learning_rate=config.update_learning_rate,
        decay=config.update_decay,
    )
    fit(new, parts, task, schedule, seed=config.seed, desc="labels")
    if config.unsupported < 1:
        return guarded(model, new, anatomy, config.unsupported, labelled, seen)
    return new


class Retrained:
    """A pupil whose network is trained anew, after each question, on all labels so far.

    Parameters
    ----------
    model, anatomy, config, replay
        Those of `updated`.
    inputs : Inputs
        All beats of the patient, of which only the labels of asked beats are read.
    """

    def __init__(self, model, anatomy, config, replay, inputs):
        self.model, self.anatomy, self.config, self.replay = model, anatomy, config, replay
        self.inputs, self.current = inputs, model

    def logits(self, rows):
        """Logits (n_beats, 3) of the beats `rows`, a slice; Tensor."""
        return View.of(self.current, self.anatomy, self.inputs.select(rows)).logits

    def learn(self, asked, seen):
        """Learn from the labels of the beats `asked` (list of int), having `seen` others."""
        labelled = self.inputs.select(torch.as_tensor(asked))
        seen = self.inputs.select(seen)
        self.current = updated(
            self.model, self.anatomy, self.config, self.replay, labelled, seen
        )


class Corrected:
    """A pupil whose network stays, while a learner corrects its answers.

    Parameters
    ----------
    learner : Learner or Kalman
        Which learns.
    unit, logits : ndarray, shape (n_beats, …)
        What it reads of all beats of the patient.
    label : ndarray of int, shape (n_beats,)
        Classes, of which only those of asked beats are read.
    """

    def __init__(self, learner, unit, logits, label):
        self.learner, self.unit, self.own, self.label = learner, unit, logits, label
        self.n_learned = 0

    def logits(self, rows):
        """See `Retrained.logits`."""
        corrected = self.learner.corrected(self.unit[rows], self.own[rows])
        return torch.from_numpy(corrected / LOGIT)

    def learn(self, asked, seen):
        """See `Retrained.learn`; earlier labels are known already, `seen` is not needed."""
        for beat in asked[self.n_learned :]:
            if self.label[beat] < len(CLASSES):
                self.learner.learn(self.unit[beat], self.own[beat], int(self.label[beat]))
        self.n_learned = len(asked)


STEPS = (1.0, 0.75, 0.5, 0.25)
"""Lengths of an update that `guarded` tries, as shares of the whole."""


@torch.no_grad()
def guarded(model, new, anatomy, limit, labelled, seen):
    """The longest part of an update that changes few beats without a label that supports it.

    A change of class is supported if the nearest labelled beat, in the last hidden layer of
    `model`, has the new class.

    Parameters
    ----------
    model, new : Module
        Network before and after the update.
    anatomy : Anatomy
        Parts of the networks.
    limit : float
        Largest share of `seen` that may change without support.
    labelled, seen : Inputs
        Labelled beats, all N, S or V, and all beats of the patient so far.

    Returns
    -------
    Module
        A network whose weights lie between those of both networks; `model` if even the shortest
        part changes too much.
    """
    known, before = (View.of(model, anatomy, beats) for beats in (labelled, seen))
    supported = labelled.y[torch.cdist(before.embedding, known.embedding).argmin(dim=1)]
    old, part = before.logits.argmax(dim=1), copy.deepcopy(new)
    for step in STEPS:
        ends = zip(part.parameters(), model.parameters(), new.parameters(), strict=True)
        for weight, start, end in ends:
            weight.copy_(torch.lerp(start, end, step))
        now = View.of(part, anatomy, seen).logits.argmax(dim=1)
        if ((now != old) & (now != supported)).float().mean() <= limit:
            return part
    return model


PROTOTYPE_REACH = 0.2
"""Squared distance at which the effect of a label falls to 1/e; its unit is the mean squared
distance of beats from their centre."""

PROTOTYPE_GAIN = 6.0
"""Change of the logits by a label at the place of its own beat."""


def with_prototypes(view, labelled, label, online):
    """Logits (n_beats, 3), corrected near each labelled beat by the error that they had there.

    Nothing is trained; a device stores the last hidden layer of the labelled beats.

    Parameters
    ----------
    view : View
        All beats of the patient.
    labelled : Tensor of int, shape (n_labelled,)
        Indices of the beats that have a label.
    label : Tensor of int, shape (n_labelled,)
        Classes of these beats; F and Q are ignored.
    online : Tensor of int
        Indices of the beats that define the unit of distance.
    """
    kept = label < len(CLASSES)
    labelled, label = labelled[kept], label[kept]
    seen = view.embedding[online]
    unit = ((seen - seen.mean(dim=0)) ** 2).sum(dim=1).mean().clamp(min=1e-6)
    distance = torch.cdist(view.embedding, view.embedding[labelled]) ** 2 / unit
    wrong = F.one_hot(label, len(CLASSES)) - torch.softmax(view.logits[labelled], dim=1)
    return view.logits + PROTOTYPE_GAIN * torch.exp(-distance / PROTOTYPE_REACH) @ wrong
