"""The online stage in the usual way: one patient after another, with a DataLoader.

Nothing is shared between patients and nothing is cached, as in a first script.
`ecglib.personalize.online` is compared with it: a test compares the answers, the study "speed"
the seconds. Both draw batches, permutations and dropout from the same seeds.
"""

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from ecglib import puzzle
from ecglib.models.ecgnet import EVERYTHING, HEAD, replace_output
from ecglib.personalize.online import online_schedule
from ecglib.personalize.strategies import STRATEGIES, prepared
from ecglib.training.loop import Schedule, predict, train_only
from ecglib.training.tasks import class_weights


def fit_plainly(model, parts, tensors, loss, schedule, *, seed):
    """Train parts of a network over a Dataset, in place; left in evaluation mode.

    Parameters
    ----------
    model, parts, schedule, seed
        See `ecglib.training.loop.fit`; the whole network is computed in every step.
    tensors : tuple of Tensor, shape (n_beats, ...)
        Content of the Dataset.
    loss : callable
        Function of a batch of each tensor and the generator, which returns a scalar.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    learning = train_only(model, parts)
    optimizer = torch.optim.AdamW(
        learning, schedule.learning_rate, weight_decay=schedule.weight_decay
    )
    falling = torch.optim.lr_scheduler.ExponentialLR(optimizer, schedule.decay)
    dataset = TensorDataset(*tensors)
    for _ in range(schedule.epochs):
        order = torch.randperm(len(dataset), generator=generator).tolist()
        # the loader gets its own generator, otherwise it would draw from that of the dropout
        loader = DataLoader(
            dataset, schedule.batch_size, sampler=order, generator=torch.Generator()
        )
        for batch in loader:
            optimizer.zero_grad()
            loss(*batch, generator).backward()
            optimizer.step()
        falling.step()
    model.eval()


def puzzle_loss(model, config):
    """Loss of the puzzle for `fit_plainly`, with the cuts of a configuration."""

    def loss(beats, generator):
        label = torch.randint(len(puzzle.PERMUTATIONS), (len(beats),), generator=generator)
        label = label.to(beats.device)
        permuted = puzzle.permute(beats, label, puzzle.CUTS[config.cuts])
        return F.cross_entropy(model(permuted), label)

    return loss


def supervised_loss(model, weight):
    """Loss of labelled beats for `fit_plainly`, with weights of the classes."""
    return lambda x, y, _: F.cross_entropy(model(x), y, weight)


def adapt_plainly(pretext, x, config):
    """Do the same as `ecglib.personalize.online.adapt`, in the usual way."""
    model, strategy = prepared(pretext, config), STRATEGIES[config.strategy]
    if strategy.parts:
        loss, schedule = puzzle_loss(model, config), online_schedule(config)
        fit_plainly(model, strategy.parts, (x,), loss, schedule, seed=config.seed)
    return model


def finetune_plainly(model, train, config):
    """Do the same as `ecglib.personalize.online.finetune`, in the usual way."""
    replace_output(model, n_outputs=3, seed=config.seed)
    loss = supervised_loss(model, class_weights(train.y, config.imbalance))
    parts = EVERYTHING if config.finetune == "all" else HEAD
    schedule = Schedule.of(config)
    fit_plainly(model, parts, (train.x, train.y), loss, schedule, seed=config.seed)


def personalize_plainly(pretext, train, patients, config):
    """Predictions of `ecglib.personalize.online.personalize`, one patient after another."""
    predicted = {}
    for record, (beats, online) in tqdm(patients.items(), desc="plainly", leave=False):
        own = beats.x[torch.from_numpy(online).to(beats.x.device)]
        model = adapt_plainly(pretext, own, config)
        finetune_plainly(model, train, config)
        if after := STRATEGIES[config.strategy].after:
            after(model, own)
        predicted[record] = predict(model, beats)
    return predicted
