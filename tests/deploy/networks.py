"""Small networks whose answers differ from beat to beat, and their exported files computed by
NumPy in integers: what PyTorch and ONNX Runtime must agree with."""

import copy
from dataclasses import asdict
from functools import cache

import numpy as np
import onnx
import torch
from numpy.lib.stride_tricks import sliding_window_view
from onnx import numpy_helper

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.layers import weight_layers
from ecglib.models.micronet import MicroNet
from ecglib.quant import calibrate, freeze_ranges, quantize

N_TIMES = 64
CHANNELS = (4, 4, 8, 8, 8)
CONVOLUTIONS = tuple(f"conv{i}.conv" for i in range(1, 6))
LAYERS = (*CONVOLUTIONS, "fc1", "fc2", "out")
ALL_TIMING = "derivative+template+rr+rhythm+recent+spread+unrest"
"""Features of a micro network that have 13 columns of timing."""


def beats(n, n_times=N_TIMES, seed=0):
    """Smooth random beats (n, n_times), each with mean 0 and deviation 1."""
    x = np.random.default_rng(seed).normal(size=(n, n_times)).cumsum(axis=1)
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return torch.from_numpy(x.astype(np.float32))


def ratios(n, seed=1):
    """Random RR ratios (n, 5)."""
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32))


def network(**size):
    """An untrained network in evaluation mode with outputs of mean 0 and deviation 1 in every
    layer, so that its three classes are about as frequent; `size` as `made` takes it."""
    return copy.deepcopy(made(**size))


@cache
@torch.no_grad()
def made(*, channels=CHANNELS, n_times=N_TIMES, norm="none", n_rr=0, seed=0):
    """What `network` copies."""
    torch.manual_seed(seed)
    model = ECGNet(ECGNetConfig(channels, n_times=n_times, norm=norm, n_rr=n_rr)).eval()
    if norm == "batch":
        for block in (getattr(model, name.split(".")[0]) for name in CONVOLUTIONS):
            block.norm.weight.uniform_(0.5, 1.5), block.norm.bias.uniform_(-0.5, 0.5)
            block.norm.momentum = None  # running statistics are those of one batch, this one
            block.norm.train()
        model(beats(256, n_times, seed=99), ratios(256, seed=98))
        model.eval()
    return standardized(model, weight_layers(model))


@torch.no_grad()
def standardized(model, layers):
    """The network, whose outputs of these layers now have mean 0 and deviation 1."""
    inputs = beats(256, model.config.n_times, seed=99), ratios(256, seed=98)
    for layer in map(model.get_submodule, layers):
        out = output_of(layer, model, inputs).movedim(1, 0).flatten(1)
        layer.weight /= out.std(dim=1).reshape(-1, *[1] * (layer.weight.dim() - 1))
        layer.bias.sub_(out.mean(dim=1)).div_(out.std(dim=1))
    return model


def output_of(layer, model, inputs):
    """What one layer computes while the network does."""
    seen = []
    handle = layer.register_forward_hook(lambda _, __, out: seen.append(out))
    model(*inputs)
    handle.remove()
    return seen[0]


def rounded(model, scope, step="minmax"):
    """The fake-quantized, calibrated copy of a network."""
    twin = quantize(model, scope, step=step)
    if scope != "none":
        calibrate(twin, beats(512, model.config.n_times, seed=2), ratios(512, seed=3))
    return twin


@torch.no_grad()
def micronet(features, size, seed=0, bits=8):
    """A calibrated MicroNet of random weights, what is stored about it, and beats."""
    torch.manual_seed(seed)
    fp32 = MicroNet(size).eval()
    names = list(weight_layers(fp32))
    own = dict.fromkeys(names, bits) if bits else {n: 2 + i for i, n in enumerate(names)}
    read = torch.randn(300, size.n_channels, size.n_times), torch.randn(300, size.n_rr)
    fp32.out.bias -= fp32(*read).mean(dim=0)  # so that it predicts every class
    model = quantize(fp32, "all_int8", weight_bits=own)
    calibrate(model, *read)
    freeze_ranges(model)
    return model, {"features": features, "size": asdict(size), "bits": own}, read


@torch.no_grad()
def logits(model, *inputs):
    """Answers (n, 3) of a PyTorch network as an array."""
    return model(*inputs).numpy()


def agreement(one, other):
    """Share of beats with the same class; both must know all three classes."""
    one, other = one.argmax(axis=1), other.argmax(axis=1)
    assert np.bincount(one, minlength=3).min() > 0.01 * len(one)
    return np.mean(one == other)


def tensors_of(path):
    """Name -> array of everything that an ONNX file stores."""
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


class IntegerNetwork:
    """An exported all_int8 ECGNet without RR ratios, computed in integers of 64 bits; floating
    point is only in the scales, between a layer's sums and the next layer's bytes."""

    def __init__(self, path):
        nodes = [n for n in onnx.load(path).graph.node if n.op_type == "QuantizeLinear"]
        self.tensors = tensors_of(path)
        grids = [[self.tensors[name].item() for name in node.input[1:]] for node in nodes]
        self.grids = dict(zip(LAYERS, grids, strict=True))
        self.largest_sum = 0

    def __call__(self, x):
        """Logits (n, 3) of beats."""
        x = np.asarray(x, dtype=np.float64)[:, None]
        multiplier = 1.0
        for name in LAYERS:
            scale, zero = self.grids[name]
            q = np.clip(np.rint(x * multiplier / scale) + zero, 0, 255).astype(np.int64)
            sums, channel = self._sums(name, q - zero), self.tensors[f"{name}.weight_scale"]
            self.largest_sum = max(self.largest_sum, np.abs(sums).max())
            multiplier = scale * channel.reshape(-1, *[1] * (sums.ndim - 2)).astype(np.float64)
            if name in CONVOLUTIONS:
                sums = sums[..., : sums.shape[2] // 2 * 2]
                sums = sums.reshape(*sums.shape[:2], -1, 2).max(axis=3)
            x = np.maximum(sums, 0)
        return sums * multiplier

    def _sums(self, name, q):
        """Products of bytes, added up, and the bias, which is such a sum too."""
        weight = self.tensors[f"{name}.weight_int"].astype(np.int64)
        bias = self.tensors[f"{name}.bias_int"].astype(np.int64)
        if name not in CONVOLUTIONS:
            return q.reshape(len(q), -1) @ weight.T + bias
        windows = sliding_window_view(np.pad(q, [(0, 0), (0, 0), (1, 1)]), 3, axis=2)
        return np.einsum("bitk,oik->bot", windows, weight) + bias[:, None]
