"""Masked prediction: clusters, cosine logits, masks and schedule against formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from ecglib.system.errors import UserError
from ecglib.training import masked
from ecglib.training.masked import Codebook, MaskedConfig, cluster, pretrain
from tests.models.test_hubert import mini


def periodic_windows(n=96):
    """Sines of four frequencies; from its neighbours a masked shard's can be told."""
    kind = torch.arange(n) % 4
    phase = torch.rand(n, 1, generator=torch.Generator().manual_seed(0)) * 6.28
    time = torch.arange(1024) / 100
    x = torch.sin(2 * torch.pi * (1.5 * 2 ** kind[:, None]) * time + phase)
    return x, kind[:, None].expand(n, 15).contiguous()


def test_k_means_finds_well_separated_clusters():
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=(60, 15))
    features = (10 * np.eye(5, 16)[truth] + rng.normal(size=(60, 15, 16))).astype(np.float32)
    found = cluster(features, 5, seed=3)
    assert found.dtype == np.int64
    assert found.shape == (60, 15)
    assert adjusted_rand_score(truth.ravel(), found.ravel()) == 1


def test_every_shard_gets_the_nearest_centre_also_where_k_means_saw_only_a_part(monkeypatch):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, 15, 3)).astype(np.float32)
    monkeypatch.setattr(masked, "FITTED", 100)
    found = cluster(features, 6, seed=0)
    assert np.unique(found).tolist() == list(range(6))
    means = np.stack([features[found == k].mean(axis=0) for k in range(6)])
    own = np.linalg.norm(features - means[found], axis=-1)
    any_ = np.linalg.norm(features[:, :, None] - means, axis=-1).min(axis=-1)
    assert np.mean(own <= any_ + 0.3) > 0.9


def test_clusters_depend_on_the_seed_only():
    features = np.random.default_rng(2).normal(size=(40, 15, 3)).astype(np.float32)
    assert np.array_equal(cluster(features, 8, seed=1), cluster(features, 8, seed=1))
    assert not np.array_equal(cluster(features, 8, seed=1), cluster(features, 8, seed=2))


def test_too_few_shards_for_the_clusters_is_one_clear_sentence():
    with pytest.raises(UserError, match="30 shards cannot form 100 clusters"):
        cluster(np.zeros((2, 15, 16), dtype=np.float32), 100, seed=0)


@given(seed=st.integers(0, 2**16))
def test_logits_are_cosines_over_the_temperature(seed):
    torch.manual_seed(seed)
    codebook, tokens = Codebook(6, 4, 5, temperature=0.1), torch.randn(3, 6)
    logits = codebook(tokens)
    projected = codebook.project(tokens)
    for i in range(3):
        for c in range(5):
            a, b = projected[i], codebook.codes[c]
            cosine = (a @ b) / (a.norm() * b.norm())
            torch.testing.assert_close(logits[i, c], cosine / 0.1, rtol=1e-4, atol=1e-4)


def test_it_learns_to_predict_the_masked_shards():
    model, (x, target) = mini(), periodic_windows()
    config = MaskedConfig(epochs=12, batch_size=16, learning_rate=2e-3)
    history = pretrain(model, x, target, config)
    assert len(history["loss"]) == len(history["accuracy"]) == 12
    assert history["accuracy"][0] < 0.6
    assert history["accuracy"][-1] > 0.9
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert not model.training


def test_the_seed_alone_decides():
    x, target = periodic_windows(32)

    def trained(seed):
        model = mini()
        pretrain(model, x, target, MaskedConfig(epochs=1, batch_size=8, seed=seed))
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_only_hubert_learns_and_also_its_mask():
    model, (x, target) = mini(), periodic_windows(32)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pretrain(model, x, target, MaskedConfig(epochs=1, batch_size=8))
    changed = {n for n, p in model.state_dict().items() if not torch.equal(p, before[n])}
    assert changed == {name for name in before if name.startswith("hubert.")}


def seen_by(monkeypatch, config, n=64):
    """Masks of all steps, learning rates, and the logits and targets of each loss."""
    model, (x, target) = mini(), periodic_windows(n)
    masks, losses = [], []
    tokens, cross_entropy = model.tokens, F.cross_entropy
    monkeypatch.setattr(model, "tokens", lambda x, m: masks.append(m) or tokens(x, m))
    monkeypatch.setattr(
        F, "cross_entropy", lambda z, y: losses.append((z.detach(), y)) or cross_entropy(z, y)
    )
    history = pretrain(model, x, target, config)
    return masks, losses, history


def test_a_third_of_the_tokens_is_masked_and_they_alone_count(monkeypatch):
    masks, losses, history = seen_by(monkeypatch, MaskedConfig(epochs=4, batch_size=16))
    assert len(masks) == 4 * 64 / 16
    share = torch.cat(masks).float().mean()  # of 3,840 tokens: one standard error is 0.008
    assert share == pytest.approx(0.33, abs=0.03)
    assert torch.cat(masks).float().mean(dim=0).min() > 0.2  # any token, not always the same
    for mask, (logits, target) in zip(masks, losses, strict=True):
        assert len(logits) == len(target) == mask.sum()
    logits, target = (torch.cat(list(side)) for side in zip(*losses[:4], strict=True))
    n = len(target)
    right = sum(int(z.argmax()) == int(y) for z, y in zip(logits, target, strict=True))
    loss = -sum(float(torch.log_softmax(z, 0)[y]) for z, y in zip(logits, target, strict=True))
    assert history["accuracy"][0] == pytest.approx(right / n)
    assert history["loss"][0] == pytest.approx(loss / n, rel=1e-5)


def test_of_every_window_one_token_at_least_is_masked(monkeypatch):
    config = MaskedConfig(epochs=1, batch_size=1, mask=0.001)
    masks, _, history = seen_by(monkeypatch, config, n=32)
    assert [int(mask.sum()) for mask in masks].count(1) >= 30
    assert all(mask.any() for mask in masks)
    assert np.isfinite(history["loss"][0])


def test_the_learning_rate_rises_over_the_warm_up_then_falls_to_zero(monkeypatch):
    rates, step = [], torch.optim.AdamW.step

    def noted(self, *args, **kwargs):
        rates.append((self.param_groups[0]["lr"], self.param_groups[0]["betas"]))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    config = MaskedConfig(epochs=5, batch_size=8, learning_rate=1e-3, warm_up=0.2)
    pretrain(mini(), *periodic_windows(40), config)  # 25 steps, of which 5 warm up
    assert {betas for _, betas in rates} == {(0.9, 0.98)}
    rising = [1e-3 * (k + 1) / 5 for k in range(5)]
    falling = [1e-3 * (25 - k) / 20 for k in range(5, 25)]
    np.testing.assert_allclose([rate for rate, _ in rates], rising + falling)


@pytest.mark.parametrize("mask", [0, 1, -0.1])
def test_a_mask_of_nothing_or_everything_is_refused(mask):
    with pytest.raises(UserError, match="mask is"):
        MaskedConfig(epochs=1, mask=mask)


def test_targets_must_fit_the_tokens():
    x, target = periodic_windows(8)
    with pytest.raises(UserError, match=r"target has shape \(8, 14\)"):
        pretrain(mini(), x, target[:, :14], MaskedConfig(epochs=1))


def test_nan_in_a_window_is_one_clear_sentence():
    x, target = periodic_windows(8)
    x[3, 100] = float("nan")
    with pytest.raises(UserError, match="not a finite number"):
        pretrain(mini(), x, target, MaskedConfig(epochs=1))
