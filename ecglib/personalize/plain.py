"""The online stage the usual way: every patient by itself, every beat through a DataLoader.

Nothing is shared between patients and nothing is cached. It is what a first script does, and
what `ecglib.personalize.online` is held against, in answers (a test) and in seconds (the
benchmark). Both draw batches, permutations and dropout from the same seeds.
"""

import copy

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from ecglib import puzzle
from ecglib.models.ecgnet import EVERYTHING, HEAD, replace_output
from ecglib.personalize.strategies import (
    ADAPTED_PARTS,
    add_adapters,
    set_batchnorm_statistics,
)
from ecglib.tasks import class_weights
from ecglib.train import predict, train_only


def fit_plainly(model, parts, tensors, loss, *, epochs, learning_rate, decay, config):
    """Train parts of a network over a Dataset, in place; left in evaluation mode.

    Parameters
    ----------
    model : ECGNet
        The whole of it runs forwards in every step.
    parts : tuple of str
        What learns.
    tensors : tuple of Tensor, shape (n_beats, ...)
        The Dataset.
    loss : callable
        Batch of each tensor, then the generator -> scalar.
    epochs, learning_rate, decay
        Schedule.
    config : TrainingConfig
        `batch_size`, `weight_decay` and `seed` are read.
    """
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    learning = train_only(model, parts)
    optimizer = torch.optim.AdamW(learning, learning_rate, weight_decay=config.weight_decay)
    dataset = TensorDataset(*tensors)
    for _ in range(epochs):
        order = torch.randperm(len(dataset), generator=generator).tolist()
        # a generator of its own: else the loader would draw from the one of the dropout
        loader = DataLoader(
            dataset, config.batch_size, sampler=order, generator=torch.Generator()
        )
        for batch in loader:
            optimizer.zero_grad()
            loss(*batch, generator).backward()
            optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= decay
    model.eval()


def solve_puzzle_plainly(model, parts, x, config):
    """Train parts of a network on the puzzle of beats x (n_beats, length), in place.

    Parameters
    ----------
    model : ECGNet
        With six outputs.
    parts : tuple of str
        What may change.
    x : Tensor, shape (n_beats, length)
        A patient's beats, normalised.
    config : PersonalizationConfig
        Online schedule and cuts.
    """

    def loss(beats, generator):
        label = torch.randint(len(puzzle.PERMUTATIONS), (len(beats),), generator=generator)
        label = label.to(beats.device)
        permuted = puzzle.permute(beats, label, puzzle.CUTS[config.cuts])
        return F.cross_entropy(model(permuted), label)

    settings = {"epochs": config.online_epochs, "learning_rate": config.online_learning_rate}
    fit_plainly(model, parts, (x,), loss, **settings, decay=1.0, config=config)


def finetune_plainly(model, train, config):
    """Replace the output layer and learn N, S, V on the training side, in place.

    Parameters
    ----------
    model : ECGNet
        Adapted network.
    train : Inputs
        Labelled beats of the training side.
    config : PersonalizationConfig
        Schedule, and which parts learn.
    """
    replace_output(model, n_outputs=3, seed=config.seed)
    weight = class_weights(train.y, config.imbalance)

    def loss(x, y, _):
        return F.cross_entropy(model(x), y, weight)

    parts = EVERYTHING if config.finetune == "all" else HEAD
    settings = {"epochs": config.epochs, "learning_rate": config.learning_rate}
    tensors = (train.x, train.y)
    fit_plainly(model, parts, tensors, loss, **settings, decay=config.decay, config=config)


def personalize_plainly(pretext, train, patients, config):
    """Run the online stage for one patient after another.

    Parameters and predictions are those of `ecglib.personalize.online.personalize`.

    Returns
    -------
    dict of int to ndarray
        Record -> predicted classes of all its beats.
    """
    predicted = {}
    for record, (beats, online) in tqdm(patients.items(), desc="plainly", leave=False):
        own = beats.x[torch.from_numpy(online).to(beats.x.device)]
        model = copy.deepcopy(pretext)
        if config.strategy == "adapters":
            add_adapters(model, config.seed)
        if ADAPTED_PARTS[config.strategy]:
            solve_puzzle_plainly(model, ADAPTED_PARTS[config.strategy], own, config)
        finetune_plainly(model, train, config)
        if config.strategy == "adabn":
            set_batchnorm_statistics(model, own)
        predicted[record] = predict(model, beats)
    return predicted
