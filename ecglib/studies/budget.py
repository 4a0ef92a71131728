"""Study of the human in the loop: labels are asked for every patient, and the network
learns."""

from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from tqdm import tqdm

from ecglib.data.inputs import Inputs
from ecglib.data.signal.micro_input import parts_of
from ecglib.deploy.c99.learning import known_of, units_of
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.taught import own_logits
from ecglib.models import micronet
from ecglib.models.cost import layer_macs
from ecglib.personalize import kalman, label_free, learner, stream
from ecglib.personalize.budget import (
    CORRECTING,
    Anatomy,
    AskingSettings,
    Corrected,
    Retrained,
    View,
    answered,
    with_prototypes,
)
from ecglib.personalize.online import Stopwatch
from ecglib.personalize.queries import ask
from ecglib.studies.micro import MicroRunSettings, fold_networks, inputs_of
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.training.loop import predict
from ecglib.training.tasks import Draws, ReplayTask

MICRONET = Anatomy(
    body=lambda model, x, rr: (model.features(x, rr),),
    head=micronet.HEAD,
    output=("out",),
    last_block=("conv3", "rr", *micronet.HEAD),
)


@dataclass(frozen=True, kw_only=True)
class BudgetConfig(RunConfig, MicroRunSettings, AskingSettings):
    """The micro network, personalized with few labels or with none."""

    arm_keys = ("budget", "query", "update", "asking", "scope", "split")

    def check(self):
        super().check()
        if self.scope != "none" and self.update in ("adabn", "entropy"):
            raise UserError(
                f"update is {self.update}, which moves BatchNorm; integers have none left, use "
                "scope none"
            )
        if self.scope == "none" and self.update in CORRECTING:
            raise UserError(
                f"update is {self.update}, which corrects a network in integers; use scope "
                "all_int8"
            )
        if self.update == "own_rr" and "rr" not in parts_of(self.features):
            raise UserError(f"update is own_rr, but features is {self.features}; add +rr")


@dataclass(frozen=True)
class Patient:
    """One test record: its number, all its beats, and their times in seconds (n_beats,)."""

    record: int
    inputs: Inputs
    seconds: np.ndarray


@study("budget", BudgetConfig)
def run_budget(run):
    """Personalize the micro network of every fold, with its test records as new patients."""
    config = run.config
    folds = (
        (model, replay_of(beats.inputs, beats.lead_of, config), test)
        for test, beats, model, _ in fold_networks(run, config)
    )
    patients = {
        record: patient_of(run, record, inputs_of(run, record)) for record in config.sides()[1]
    }
    return loop(run, MICRONET, folds, patients)


def patient_of(run, record, inputs):
    """One test record as a `Patient`, with the inputs of the network."""
    beats = run.beats_of(record)
    return Patient(record, inputs, beats.sample / beats.fs)


def replay_of(inputs, lead_of, config):
    """Training beats to replay, at most `replay_cap` of each lead (or record) and class."""
    draws = Draws.balanced(lead_of, inputs.y.cpu().numpy(), config.replay_cap)
    generator = torch.Generator().manual_seed(config.seed)
    return inputs.select(draws.beats(torch.arange(len(draws.first)), generator))


def loop(run, anatomy, folds, patients):
    """Personalize every patient with the network of their fold.

    Parameters
    ----------
    run : Run
        Its configuration is an `AskingConfig`.
    anatomy : Anatomy
        Parts of the networks.
    folds : iterable of (Module, Inputs, tuple of int)
        Network, beats to replay, and test records of each fold.
    patients : dict of int to Patient
        All test records.

    Returns
    -------
    dict
        Fields of a result; `metrics` also has the labels of each patient by class, and the
        multiplications of the online stage.
    """
    config, watch, key = run.config, Stopwatch(), run.dataset.key
    predicted, asked, macs = {}, {}, {}
    for model, replay, test in folds:
        for record in tqdm(test, desc=config.slug, leave=False):
            patient = patients[record]
            found = personalize(model, anatomy, config, replay, patient, watch)
            predicted[record], rows = found
            asked[key(record)] = np.bincount(patient.inputs.y[rows], minlength=5).tolist()
            cost = online_macs(model, anatomy, config, replay, patient, len(rows))
            macs[key(record)] = cost
    predicted = run.in_order(predicted)
    more = {"ec57": run.ec57(predicted), "asked": asked, "online_macs": macs}
    return run.outcome(predicted, dict(watch.seconds), **more)


def personalize(model, anatomy, config, replay, patient, watch):
    """Ask, learn and predict for one patient; only the asked labels are used.

    Parameters and result are those of `ecglib.personalize.stream.follow`.
    """
    online = np.flatnonzero(patient.seconds < config.online_seconds)
    nobody = np.array([], dtype=np.int64)
    if config.wrong:
        said = answered(patient.inputs, config.wrong, [config.seed, patient.record, 1])
        patient = replace(patient, inputs=said)
    pupil = pupil_of(model, anatomy, config, replay, patient.inputs)
    if config.asking == "stream":
        return stream.follow(pupil, config, patient, watch)
    if config.budget == 0 or len(online) == 0:
        return _unlabelled(model, config, patient, online, watch), nobody
    with watch.stage("predict"):
        view = View.of(model, anatomy, patient.inputs)
    with watch.stage("ask"):
        probability = torch.softmax(view.logits[online], dim=1).numpy()
        rng = np.random.default_rng([config.seed, patient.record])
        embedding = view.embedding[online].numpy()
        asked = online[ask(config.query, config.budget, probability, embedding, rng)]
    rows = torch.from_numpy(asked)
    with watch.stage("update"):
        if config.update == "prototypes":
            label, seen = patient.inputs.y[rows], torch.from_numpy(online)
            predicted = with_prototypes(view, rows, label, seen).argmax(dim=1).numpy()
            return predicted, asked
        pupil.learn(asked, torch.from_numpy(online))
    with watch.stage("predict"):
        return pupil.logits(slice(None)).argmax(dim=1).numpy().astype(np.int8), asked


def pupil_of(model, anatomy, config, replay, inputs):
    """Who learns from one patient's labels, `Retrained` or `Corrected`; arguments of both."""
    if config.update not in CORRECTING:
        return Retrained(model, anatomy, config, replay, inputs)
    program, make = _lowered(model), _learner(model, anatomy, config.update, replay)
    unit = units_of(model, anatomy.head_inputs(model, inputs)[0])
    return Corrected(make(), unit, own_logits(program, unit), inputs.y.numpy())


@lru_cache(maxsize=1)
def _lowered(model):
    """The integers of a fold's network, which all its patients share."""
    return lower(model)


@lru_cache(maxsize=1)
def _learner(model, anatomy, update, replay):
    """Maker of a learner that knows a fold's training beats and no label yet."""
    known = known_before(model, anatomy, replay)
    if update == "kalman":
        return partial(kalman.Kalman, *known)
    return partial(learner.Learner, learner.Prior.of(*known))


def known_before(model, anatomy, replay):
    """What a learner knows of training beats, whole `Inputs`: arguments of `Prior.of`."""
    return known_of(model, replace(replay, x=anatomy.head_inputs(model, replay)[0]))


def _unlabelled(model, config, patient, online, watch):
    """Classes (n_beats,) of a patient without labels."""
    inputs, seen = patient.inputs, patient.inputs.select(torch.from_numpy(online))
    with watch.stage("update"):
        if config.update == "adabn" and len(seen):
            model = label_free.shrunk_adabn(model, seen)
        if config.update == "entropy" and len(seen):
            model, _ = label_free.minimised_entropy(model, seen)
        if config.update == "own_rr" and len(seen) > 1:
            inputs = label_free.own_ratios(inputs, patient.seconds, len(seen))
    with watch.stage("predict"):
        return predict(model, inputs)


@torch.no_grad()
def online_macs(model, anatomy, config, replay, patient, n_asked):
    """Number of multiply–accumulate operations of one patient's questions and learning.

    It counts a forward pass over the beats that may be asked for. For every replayed and
    labelled beat of every step, it counts one forward pass and two backward passes through the
    parts that learn; features of the replayed beats are stored on the device. In a stream,
    beats are classified anyway, and the network learns anew after every answer. Predictions are
    not counted.
    """
    if n_asked == 0 or config.update == "prototypes":
        return 0
    layers = layer_macs(model, patient.inputs.x[:1], patient.inputs.rr[:1])
    online = int((patient.seconds < config.online_seconds).sum())
    asking = 0 if config.asking == "stream" else online * sum(layers.values())
    if config.update in CORRECTING:
        count = {"kernel": learner, "kalman": kalman}[config.update].multiplications
        return asking + sum(count(model.out.in_features, n) for n in range(1, n_asked + 1))
    learning = getattr(anatomy, config.update)
    learns = sum(n for name, n in layers.items() if name.split(".")[0] in learning)
    steps = -(-len(replay) // config.batch_size)

    def update(n_labelled):
        per_epoch = len(replay) + steps * min(n_labelled, ReplayTask.MOST_LABELLED)
        return 3 * config.update_epochs * per_epoch * learns

    if config.asking == "stream":
        return sum(update(n) for n in range(1, n_asked + 1))
    return asking + update(n_asked)
