"""HuBERT-ECG, the transformer of paper 2 (Coppola et al. 2024; Hsu et al. 2021)."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from huggingface_hub import hf_hub_download
from safetensors.torch import load_file
from torch import nn
from transformers import HubertConfig, HubertModel

from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

KERNELS = (10, 3, 3, 2, 2)
STRIDES = (4, 2, 2, 2, 2)
"""Strides of the convolutions before the transformer; together one token for 64 samples."""

PUBLISHED = "Edoardo-BS/hubert-ecg-small"
"""Name of the published weights on the Hugging Face hub; licence CC BY-NC 4.0."""

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class HubertECGConfig:
    """Size of a HuBERT-ECG.

    Attributes
    ----------
    hidden, layers, heads, feed_forward : int
        Size of the transformer.
    filters : int
        Filters of each convolution before the transformer.
    position_span : int
        Number of tokens that the convolution for positions spans. In a span of more than twice
        the number of tokens, the outer weights see only padding.
    n_times : int
        Samples of a window.
    n_outputs : int
        Classes.
    dropout : float
        Dropout rate in the transformer and before the last layer.
    """

    hidden: int = 512
    layers: int = 8
    heads: int = 8
    feed_forward: int = 2048
    filters: int = 512
    position_span: int = 128
    n_times: int = 1024
    n_outputs: int = 4
    dropout: float = 0.1

    def __post_init__(self):
        if self.n_tokens < 1:
            raise UserError(f"n_times is {self.n_times}; HuBERT-ECG needs 82 samples or more")

    @property
    def n_tokens(self):
        """Number of tokens of a window.

        Examples
        --------
        >>> HubertECGConfig(n_times=1024).n_tokens, HubertECGConfig(n_times=5120).n_tokens
        (15, 79)
        """
        length = self.n_times
        for kernel, stride in zip(KERNELS, STRIDES, strict=True):
            length = (length - kernel) // stride + 1
        return length


SIZES = {
    "tiny": HubertECGConfig(
        hidden=128, layers=4, heads=4, feed_forward=512, filters=64, position_span=15
    ),
    "small": HubertECGConfig(),
}
"""`tiny` has 0.86 million parameters and trains on one core; `small` is the published
HuBERT-ECG-small, 30.2 million."""


class HubertECG(nn.Module):
    """Logits of a window of one lead: HuBERT, mean over its tokens, dropout, one layer.

    Parts are `hubert` and `out`. Initial weights are random, by torch's seed.
    """

    reads = "recordings"
    SIZES = SIZES

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.hubert = HubertModel(_transformers_config(config))
        # Otherwise it would mask tokens by itself in training, with NumPy's global generator.
        self.hubert.config.mask_time_prob = 0.0
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.hidden, config.n_outputs)

    def tokens(self, x, mask=None):
        """Last hidden states.

        Parameters
        ----------
        x : Tensor, shape (B, n_times), float32
            Windows at 100 Hz, scaled to [−1, 1].
        mask : Tensor, shape (B, n_tokens), bool, optional
            Tokens whose features are replaced by the learned `masked_spec_embed`.

        Returns
        -------
        Tensor, shape (B, n_tokens, hidden)
        """
        return self.hubert(x, mask_time_indices=mask).last_hidden_state

    def forward(self, x):  # (B, n_times) -> (B, n_outputs)
        return self.out(self.dropout(self.tokens(x).mean(dim=1)))


def _transformers_config(config):
    """The configuration of the same size for the package transformers."""
    return HubertConfig(
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=config.feed_forward,
        conv_dim=(config.filters,) * len(KERNELS),
        conv_kernel=KERNELS,
        conv_stride=STRIDES,
        num_conv_pos_embeddings=config.position_span,
        hidden_dropout=config.dropout,
        attention_dropout=config.dropout,
        activation_dropout=config.dropout,
        layerdrop=0.0,  # no layer is dropped, since there are few
        mask_time_prob=0.33,  # above 0, so that `masked_spec_embed` exists
        mask_time_length=1,
        attn_implementation="sdpa",
    )


def load_published(where=PUBLISHED, *, n_outputs):
    """HuBERT-ECG-small with the weights that its authors pretrained on 9.1 million ECGs, in
    evaluation mode.

    The weights are licensed CC BY-NC 4.0 (attribution, no commercial use; Coppola et al. 2024,
    medRxiv 2024.11.14.24317328). They are not a part of this project. Only the safetensors
    format is read, which cannot run code, unlike pickle.

    Parameters
    ----------
    where : path or str
        Folder with `model.safetensors`, or a name on the Hugging Face hub.
    n_outputs : int
        Classes of the last layer, which starts at random.

    Raises
    ------
    UserError
        If there are no such weights, the hub cannot be reached, or the weights belong to
        another network.
    """
    model = HubertECG(replace(SIZES["small"], n_outputs=n_outputs))
    try:
        folder = Path(where)
        file = folder / WEIGHTS if folder.is_dir() else hf_hub_download(str(where), WEIGHTS)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no weights at {where}: give a folder with {WEIGHTS}, or connect to the network "
            f"and name it as on the Hugging Face hub, such as {PUBLISHED}"
        ) from error
    again = f"fetch {PUBLISHED} again"
    if not Path(file).is_file():
        raise UserError(f"no weights at {file}: safetensors is needed, no .bin or .pt; {again}")
    with refused(f"no weights at {file}: the file is damaged; {again}"):
        state = load_file(file)
    _load_into(model.hubert, state, file)
    return model.eval()


def _load_into(hubert, state, file):
    """Load a state dict, which may also have heads of the pretraining, and older names."""
    older = {"weight_g": "original0", "weight_v": "original1"}
    for name in [name for name in state if name.rpartition(".")[2] in older]:
        stem, _, last = name.rpartition(".")
        state[f"{stem}.parametrizations.weight.{older[last]}"] = state.pop(name)
    own = hubert.state_dict()
    unfit = [f"{n} is missing" for n in own if n not in state]
    both = [n for n in own if n in state and state[n].shape != own[n].shape]
    unfit += [f"{n} has another shape" for n in both]
    unfit += [f"{n} is too many" for n in state if "encoder.layers." in n and n not in own]
    if unfit:
        raise UserError(f"{file} does not hold HuBERT-ECG-small: {unfit[0]}; give that one")
    for name in own:
        if not (state[name].is_floating_point() and state[name].isfinite().all()):
            raise UserError(f"{file} has integers or NaN in {name}; fetch {PUBLISHED} again")
    hubert.load_state_dict({name: state[name].to(torch.float32) for name in own})
