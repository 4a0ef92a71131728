"""Masked prediction, by which HuBERT-ECG is pretrained without labels.

Shards of the signal are clustered by their features (`ecglib.data.signal.shards`). The network
sees a window in which some tokens are masked, and predicts the clusters of the masked ones (Hsu
et al. 2021, "HuBERT", section II; equation 2 of paper 2).
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster.vq import kmeans2, vq
from torch import nn
from tqdm import tqdm

from ecglib.system.errors import UserError

FITTED = 20_000
"""Number of shards on which k-means is fitted; the others get the nearest centre."""

STARTS = 5
"""Number of random starts of k-means; the one with the smallest squared distances is used."""


@dataclass(frozen=True)
class MaskedConfig:
    """Settings of masked prediction; defaults are HuBERT-ECG's except where said.

    Attributes
    ----------
    epochs, batch_size : int
        Passes over the windows, and windows of a step.
    learning_rate, weight_decay : float
        Settings of AdamW, with betas 0.9 and 0.98. HuBERT-ECG's rate is 5e-5; a network of a
        million parameters that is trained for a few thousand steps needs a larger one.
    warm_up : float
        Share of the steps in which the learning rate rises; then it falls to zero.
    mask : float
        Probability that a token is masked; every window has at least one masked token.
    projection : int
        Length of the vectors whose angles are compared.
    temperature : float
        Divisor of the cosines.
    seed : int
        Seed of the codebook's initial vectors, the order of windows, masks and dropout.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.08
    mask: float = 0.33
    projection: int = 128
    temperature: float = 0.1
    seed: int = 7

    def __post_init__(self):
        if not 0 < self.mask < 1:
            raise UserError(f"mask is {self.mask}; it must lie between 0 and 1")


class Codebook(nn.Module):
    """Logits of a token for every cluster: cosines with learned vectors (eq. 2 of paper 2)."""

    def __init__(self, hidden, projection, n_clusters, temperature):
        super().__init__()
        self.project = nn.Linear(hidden, projection)
        self.codes = nn.Parameter(torch.randn(n_clusters, projection))
        self.temperature = temperature

    def forward(self, tokens):  # (n, hidden) -> (n, n_clusters)
        projected = F.normalize(self.project(tokens), dim=-1)
        return projected @ F.normalize(self.codes, dim=-1).T / self.temperature


def cluster(features, n_clusters, seed):
    """Cluster of every shard by k-means (k-means++, ten rounds, on a random part of them).

    Parameters
    ----------
    features : ndarray, shape (n, n_tokens, n_features), float32
        Features of the shards; they should have equal scales.
    n_clusters, seed : int
        Number of clusters, no more than shards; seed of the random part and the starts.

    Returns
    -------
    ndarray, shape (n, n_tokens), int64
        Number of the nearest centre.
    """
    shards = features.reshape(-1, features.shape[-1])
    if len(shards) < n_clusters:
        raise UserError(
            f"{len(shards)} shards cannot form {n_clusters} clusters; give more recordings or "
            "fewer clusters"
        )
    rng = np.random.default_rng(seed)
    part = shards[rng.choice(len(shards), min(FITTED, len(shards)), replace=False)]
    tried = (kmeans2(part, n_clusters, minit="++", seed=rng)[0] for _ in range(STARTS))
    centres = min(tried, key=lambda centres: np.square(vq(part, centres)[1]).sum())
    return vq(shards, centres)[0].astype(np.int64).reshape(features.shape[:-1])


def pretrain(model, windows, target, config):
    """Pretrain a network by masked prediction, in place; its last layer stays as it is.

    Parameters
    ----------
    model : HubertECG
        Left in evaluation mode.
    windows : Tensor, shape (n, n_times), float32
        Unlabelled windows, on the model's device.
    target : Tensor, shape (n, n_tokens), int64
        Cluster of every shard, from `cluster`; on the same device.
    config : MaskedConfig
        Settings.

    Returns
    -------
    dict
        `loss` and `accuracy` of the masked tokens, one value for each epoch, where accuracy is
        the share whose cluster was predicted; and `seconds`.

    Raises
    ------
    UserError
        If the targets are not those of the windows, or the loss of an epoch is not finite.
    """
    if target.shape != (len(windows), model.config.n_tokens):
        raise UserError(
            f"target has shape {tuple(target.shape)}; give one cluster for each of the "
            f"{model.config.n_tokens} shards of {len(windows)} windows"
        )
    torch.manual_seed(config.seed)  # codes and dropout
    generator = torch.Generator().manual_seed(config.seed)
    n_clusters, hidden = int(target.max()) + 1, model.config.hidden
    codebook = Codebook(hidden, config.projection, n_clusters, config.temperature)
    codebook = codebook.to(windows.device)
    optimizer, falling = _optimizer(model, codebook, len(windows), config)
    model.train()
    history, start = {"loss": [], "accuracy": []}, time.perf_counter()
    for _ in tqdm(range(config.epochs), desc="masked prediction", leave=False):
        total = torch.zeros(3, device=windows.device)  # loss, hits, masked tokens
        for index in torch.randperm(len(windows), generator=generator).split(config.batch_size):
            mask = _draw_mask((len(index), target.shape[1]), config.mask, generator)
            mask = mask.to(windows.device)
            masked_target = target[index][mask]
            logits = codebook(model.tokens(windows[index], mask)[mask])
            loss = F.cross_entropy(logits, masked_target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            falling.step()
            hits = (logits.argmax(dim=1) == masked_target).float().mean()
            n = len(masked_target)
            total += n * torch.stack([loss.detach(), hits, torch.ones_like(hits)])
        _note(history, total)
    model.eval()
    return history | {"seconds": time.perf_counter() - start}


def _draw_mask(shape, share, generator):
    """Mask of tokens, drawn independently; every window has at least one masked token."""
    drawn = torch.rand(shape, generator=generator)
    return (drawn < share) | (drawn == drawn.amin(dim=1, keepdim=True))


def _optimizer(model, codebook, n_windows, config):
    """AdamW, and the schedule of its learning rate, which rises and then falls linearly."""
    learning = [*model.hubert.parameters(), *codebook.parameters()]
    rate, decay = config.learning_rate, config.weight_decay
    optimizer = torch.optim.AdamW(learning, rate, betas=(0.9, 0.98), weight_decay=decay)
    n_steps = config.epochs * -(-n_windows // config.batch_size)
    n_warm = max(1, round(config.warm_up * n_steps))

    def share(step):
        return min((step + 1) / n_warm, (n_steps - step) / max(1, n_steps - n_warm))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def _note(history, total):
    """Add an epoch's mean loss and accuracy to a history."""
    loss, hits, n_masked = total.tolist()
    if not np.isfinite(loss):
        raise UserError(
            "the loss of masked prediction is not a finite number: look for NaN in the "
            "recordings, or lower learning_rate"
        )
    history["loss"].append(loss / n_masked)
    history["accuracy"].append(hits / n_masked)
