"""Speed as ratios: the usual way and ours, on the same work, in one run."""

import copy
import time

import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

from ecglib.config import PersonalizationConfig
from ecglib.data import sources
from ecglib.data.inputs import pick_device, to_inputs
from ecglib.data.mitdb import load_beats
from ecglib.data.windows import cut
from ecglib.models.ecgnet import PARTS
from ecglib.personalize.online import adapt, finetune, personalize
from ecglib.pretrain import build
from ecglib.tasks import SupervisedTask
from ecglib.train import Schedule, fit, predict

RECORDS = (101, 106, 118, 124, 207, 223, 100, 103, 200, 202)
"""Six training and four test records: enough work to time, little enough to wait for."""

CHANNELS = (16, 32, 64, 128, 128)


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _extraction(source):
    """Windows of one record: wfdb once a beat, against one indexing of the whole signal."""
    import wfdb

    path = str(source.path / "100")
    annotation = wfdb.rdann(path, "atr")
    sample = annotation.sample[(annotation.sample > 150) & (annotation.sample < 100_000)]

    def per_beat():
        for r in sample:
            wfdb.rdrecord(path, sampfrom=r - 150, sampto=r + 150, channels=[0])

    def vectorised():
        signal = wfdb.rdrecord(path, channels=[0]).p_signal[:, 0]
        cut(signal, sample, before=150, after=150, length=300)

    return _seconds(per_beat), _seconds(vectorised)


def _training(train, config):
    """One epoch of ECGNet: Dataset and DataLoader, against beats that stay on the device."""
    model = build(config, n_outputs=3, device=train.x.device)
    schedule = Schedule(1, config.batch_size, config.learning_rate, config.weight_decay)

    def with_loader():
        network = copy.deepcopy(model).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate)
        loader = DataLoader(TensorDataset(train.x, train.y), config.batch_size, shuffle=True)
        for x, y in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()

    def resident():
        network = copy.deepcopy(model)
        fit(network, PARTS, SupervisedTask(network, (train.x,), train.y), schedule, seed=0)

    return _seconds(with_loader), _seconds(resident)


def _online(train, patients, config):
    """Online stage of some patients: everything anew for each, against shared work once."""
    pretext = build(config, n_outputs=6, device=train.x.device)

    def plain():
        for beats, online in patients.values():
            model = adapt(pretext, beats.x[torch.from_numpy(online)], config)
            finetune(model, train, config)
            predict(model, beats)

    return _seconds(plain), _seconds(lambda: personalize(pretext, train, patients, config))


def bench(data_root=None):
    """Measure every task once.

    Parameters
    ----------
    data_root : path, optional
        Where the records are; synthetic patients stand in if there are none.

    Returns
    -------
    DataFrame
        Task -> seconds the usual way, seconds our way, ratio.
    """
    source = sources.find(data_root=data_root, records=RECORDS, allow_synthetic=True)
    config = PersonalizationConfig(
        channels=CHANNELS, records=RECORDS, strategy="head_only", epochs=2, online_epochs=2
    )
    device = pick_device("cpu")
    train_side, test_side = config.sides()
    train = to_inputs(load_beats(source.path, train_side), config, device)
    patients = {}
    for record in test_side:
        beats = load_beats(source.path, [record], fusion="keep")
        patients[record] = (to_inputs(beats, config, device), beats.before(300))
    none = PersonalizationConfig(**{**config.to_dict(), "strategy": "none"})
    times = {
        "windows of one record": _extraction(source),
        "one epoch of ECGNet": _training(train, config),
        "online stage, head_only, 4 patients": _online(train, patients, config),
        "online stage, none, 4 patients": _online(train, patients, none),
    }
    frame = pd.DataFrame(times, index=["usual, s", "ours, s"]).T
    return frame.assign(ratio=frame["usual, s"] / frame["ours, s"])
