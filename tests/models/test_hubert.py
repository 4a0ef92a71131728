"""HuBERT-ECG: its published size, its tokens, and weights read from a file."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from ecglib.models.hubert import SIZES, HubertECG, HubertECGConfig, load_published
from ecglib.system.errors import UserError

MINI = HubertECGConfig(
    hidden=32, layers=2, heads=2, feed_forward=48, filters=16, position_span=15, n_outputs=3
)


def mini(**changes):
    torch.manual_seed(0)
    return HubertECG(replace(MINI, **changes)).eval()


def windows(n=3, n_times=1024):
    return torch.rand(n, n_times, generator=torch.Generator().manual_seed(1)) * 2 - 1


def size(model):
    return sum(p.numel() for p in model.parameters())


@pytest.fixture(scope="module")
def small():
    with torch.device("meta"):  # shapes without 120 MB of numbers
        return HubertECG(SIZES["small"])


def test_small_has_the_published_size_and_paper_2s_share_of_biases(small):
    """30.2 M parameters; paper 2's compression ratios imply 1.596e-3 of them in fp32."""
    kept = sum(
        p.numel()
        for name, p in small.hubert.named_parameters()
        if name.endswith(("bias", "masked_spec_embed"))
    )
    assert size(small.hubert) == 30_209_664
    assert kept / size(small.hubert) == pytest.approx(1.596e-3, rel=3e-3)


def test_tiny_has_less_than_a_million_parameters():
    assert 5e5 < size(HubertECG(SIZES["tiny"])) < 1e6


@given(n_times=st.integers(82, 6000))
def test_a_token_stands_for_64_samples_and_sees_82(n_times):
    assert HubertECGConfig(n_times=n_times).n_tokens == (n_times - 82) // 64 + 1


@pytest.mark.parametrize("n_times", [82, 500, 1024])
def test_the_network_makes_as_many_tokens_as_the_config_says(n_times):
    model = mini(n_times=n_times)
    assert model.tokens(windows(2, n_times)).shape == (2, model.config.n_tokens, 32)


@pytest.mark.parametrize("n_times", [0, 81])
def test_a_window_without_a_token_is_refused(n_times):
    with pytest.raises(UserError, match=f"n_times is {n_times}"):
        HubertECGConfig(n_times=n_times)


def test_logits_are_the_last_layer_of_the_mean_token():
    model, x = mini(), windows()
    expected = F.linear(model.tokens(x).mean(dim=1), model.out.weight, model.out.bias)
    assert expected.shape == (3, 3)
    torch.testing.assert_close(model(x), expected)


def test_a_window_does_not_depend_on_its_neighbours_in_the_batch():
    model, x = mini(), windows()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]), rtol=1e-4, atol=1e-5)


def test_masked_tokens_lose_what_the_signal_said_there():
    """With every token masked nothing of the window is left; with none, all of it."""
    model, x = mini(), windows(2)
    everything = torch.ones(2, 15, dtype=torch.bool)
    a, b = model.tokens(x, everything)
    torch.testing.assert_close(a, b)
    torch.testing.assert_close(model.tokens(x, ~everything), model.tokens(x))


def test_training_masks_no_token_by_itself():
    """Only what is asked for is masked: without dropout, training and evaluation agree."""
    model, x = mini(dropout=0.0), windows()
    expected = model(x)
    model.train()
    torch.testing.assert_close(model(x), expected)


def test_every_parameter_learns_except_the_mask_which_learns_under_a_mask():
    model, x = mini(dropout=0.0), windows()
    model(x).square().sum().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    still = [n for n, p in model.named_parameters() if p.grad is not None and not p.grad.any()]
    assert idle == ["hubert.masked_spec_embed"]
    assert still == []
    model.tokens(x, torch.arange(15).expand(3, 15) == 4).square().sum().backward()
    assert model.hubert.masked_spec_embed.grad.any()


def test_outer_taps_of_a_long_position_span_only_meet_padding():
    """Of 128 taps, 15 tokens reach 29; changing the other 99 changes nothing."""
    model, x = mini(position_span=128), windows()
    before = model.tokens(x)
    weight = model.hubert.encoder.pos_conv_embed.conv.parametrizations.weight
    with torch.no_grad():
        weight.original1[:, :, : 64 - 14] *= -1
        weight.original1[:, :, 64 + 15 :] *= -1
    torch.testing.assert_close(model.tokens(x), before)
    with torch.no_grad():
        weight.original1[:, :, 64] *= -1
    assert not torch.allclose(model.tokens(x), before)


@pytest.fixture
def one_small_network(monkeypatch):
    """A network of 24 thousand parameters in the place of `small`."""
    monkeypatch.setitem(SIZES, "small", MINI)


def older_names(state):
    """As torch named the two factors of a normalised weight before version 2."""
    new = "parametrizations.weight.original"
    return {
        k.replace(new + "0", "weight_g").replace(new + "1", "weight_v"): v.clone()
        for k, v in state.items()
    }


@pytest.mark.parametrize("rename", [dict, older_names])
@pytest.mark.usefixtures("one_small_network")
def test_published_weights_are_read_from_a_folder(tmp_path, rename):
    written = mini()
    state = {k: v + 0.01 for k, v in written.hubert.state_dict().items()}
    written.hubert.load_state_dict(state)
    heads = {"final_proj.0.weight": torch.ones(4, 4)}
    save_file(rename(state) | heads, tmp_path / "model.safetensors")
    read = load_published(tmp_path, n_outputs=5)
    assert not read.training
    assert read(windows()).shape == (3, 5)
    torch.testing.assert_close(read.tokens(windows()), written.tokens(windows()))


@pytest.mark.parametrize("fault", ["missing", "shape", "deeper"])
@pytest.mark.usefixtures("one_small_network")
def test_weights_of_another_network_are_refused(tmp_path, fault):
    n_layers = {"missing": 1, "shape": 2, "deeper": 3}[fault]
    state = mini(layers=n_layers).hubert.state_dict()
    if fault == "shape":
        state["masked_spec_embed"] = torch.zeros(7)
    save_file(state, tmp_path / "model.safetensors")
    what = {"missing": "is missing", "shape": "has another shape", "deeper": "is too many"}
    with pytest.raises(UserError, match=f"does not hold HuBERT-ECG-small: .* {what[fault]};"):
        load_published(tmp_path, n_outputs=4)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), torch.int8])
@pytest.mark.usefixtures("one_small_network")
def test_weights_that_are_no_fractions_are_refused(tmp_path, number):
    state = mini().hubert.state_dict()
    name = "encoder.layers.1.attention.k_proj.bias"
    wrong = {"dtype": number} if isinstance(number, torch.dtype) else {"fill_value": number}
    state[name] = torch.full_like(state[name], **{"fill_value": 1} | wrong)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=rf"model\.safetensors has .* NaN in {name}; fetch"):
        load_published(tmp_path, n_outputs=4)


@pytest.mark.parametrize("fault", ["empty folder", "damaged", "pickle", "no name of the hub"])
@pytest.mark.usefixtures("one_small_network")
def test_what_holds_no_weights_is_one_clear_sentence(tmp_path, fault):
    where = tmp_path
    if fault == "damaged":
        (tmp_path / "model.safetensors").write_bytes(b"\x10" + b"\0" * 7 + b"not a header")
    if fault == "pickle":
        torch.save(mini().hubert.state_dict(), tmp_path / "pytorch_model.bin")
    if fault == "no name of the hub":
        where = "no such folder/at all/here"
    said = {"damaged": "the file is damaged", "pickle": r"safetensors is needed, no \.bin"}
    said = said.get(fault, "safetensors")
    with pytest.raises(UserError, match=f"no weights at .*{said}"):
        load_published(where, n_outputs=4)


def test_an_unreachable_hub_is_the_same_sentence(monkeypatch):
    monkeypatch.setitem(SIZES, "small", MINI)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="connect to the network"):
        load_published(n_outputs=4)
