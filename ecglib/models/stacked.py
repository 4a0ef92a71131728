"""Many ECGNets of one shape as one network whose layers are batched matrix products.

The networks of 22 patients see the same beats in the same order. If they are trained one by
one, each step consists of a few dozen small kernels, and a large GPU finishes each of them
before the next can be launched. Here the networks are trained side by side, and every layer is
one product of a stack of matrices. For a convolution the three samples under a filter are
written beside each other as columns. HFTA (Wang et al. 2021) fuses trainings in the same way.
"""

import torch
import torch.nn.functional as F
from torch import nn

from ecglib.models.ecgnet import ADAPTERS, BLOCKS, HEAD


def _stacked(layers, name):
    """Parameter or buffer `name` of P layers as one tensor (P, …)."""
    return torch.stack([getattr(layer, name).detach() for layer in layers])


class StackedLayer(nn.Module):
    """The same layer of P networks; weights and biases have the shape (P, …)."""

    def __init__(self, layers):
        super().__init__()
        self.weight = nn.Parameter(_stacked(layers, "weight"))
        self.bias = nn.Parameter(_stacked(layers, "bias"))

    def write_back(self, layers):
        """Copy the weights into single layers."""
        for layer, weight, bias in zip(layers, self.weight, self.bias, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)


class StackedParts(nn.Module):
    """The same module of P networks; its stacked parts have the names of the single ones."""

    def write_back(self, modules):
        """Copy the weights into single modules."""
        for name, part in self.named_children():
            if isinstance(part, StackedLayer | StackedParts):
                part.write_back([getattr(module, name) for module in modules])


class StackedLinear(StackedLayer):
    """Linear layers of P networks: (B, P, n_in), or one (B, n_in) for all -> (B, P, n_out)."""

    def forward(self, x):
        if x.ndim == 2:  # one wide product
            wide = F.linear(x, self.weight.flatten(0, 1), self.bias.flatten())
            return wide.unflatten(1, self.bias.shape)
        product = torch.baddbmm(
            self.bias.unsqueeze(1), x.transpose(0, 1), self.weight.transpose(1, 2)
        )
        return product.transpose(0, 1)


class StackedConv(StackedLayer):
    """Convolutions of P networks that keep the length: (P, B, T, n_in) -> (P, B, T, n_out)."""

    def __init__(self, layers):
        super().__init__(layers)
        taps = self.weight.detach().permute(0, 3, 2, 1)
        self.weight = nn.Parameter(taps.flatten(1, 2))  # (P, kernel · n_in, n_out)
        (self.kernel,) = layers[0].kernel_size

    def forward(self, x):
        edge = self.kernel // 2
        padded = F.pad(x, (0, 0, edge, edge))
        taps = [padded[:, :, k : k + x.shape[2]] for k in range(self.kernel)]
        columns = torch.cat(taps, dim=-1).flatten(1, 2)  # (P, B · T, kernel · n_in)
        product = torch.baddbmm(self.bias.unsqueeze(1), columns, self.weight)
        return product.unflatten(1, x.shape[1:3])

    def write_back(self, layers):
        """Copy the weights into single layers."""
        for layer, weight, bias in zip(layers, self.weight, self.bias, strict=True):
            layer.weight.copy_(weight.unflatten(0, (self.kernel, -1)).permute(2, 1, 0))
            layer.bias.copy_(bias)


class StackedNorm(StackedLayer):
    """BatchNorm of P networks with their own statistics: (P, B, T, C) -> (P, B, T, C)."""

    def __init__(self, layers):
        super().__init__(layers)
        self.register_buffer("mean", _stacked(layers, "running_mean"))
        self.register_buffer("var", _stacked(layers, "running_var"))
        self.eps, self.momentum = layers[0].eps, layers[0].momentum

    def forward(self, x):
        mean, var = self.mean, self.var
        if self.training:
            var, mean = torch.var_mean(x.float(), dim=(1, 2), correction=0)  # (P, C)
            n_values = x.shape[1] * x.shape[2]
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.var.lerp_(var * (n_values / (n_values - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(var + self.eps)
        shift = self.bias - mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def write_back(self, layers):
        """Copy weights and statistics into single layers."""
        super().write_back(layers)
        for layer, mean, var in zip(layers, self.mean, self.var, strict=True):
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(var)


class StackedBlock(StackedParts):
    """Blocks of P networks: (P, B, T, n_in) -> (P, B, T // 2, n_out)."""

    def __init__(self, blocks):
        super().__init__()
        self.conv = StackedConv([block.conv for block in blocks])
        normed = isinstance(blocks[0].norm, nn.BatchNorm1d)
        self.norm = StackedNorm([b.norm for b in blocks]) if normed else nn.Identity()

    def forward(self, x):
        x = self.norm(self.conv(x))
        pairs = x[:, :, : x.shape[2] // 2 * 2].unflatten(2, (-1, 2))
        return F.relu(torch.maximum(*pairs.unbind(3)))  # pooling first halves the ReLU's work


class StackedAdapter(StackedParts):
    """Residual bottlenecks of P networks: (P, B, T, C) -> (P, B, T, C)."""

    def __init__(self, adapters):
        super().__init__()
        self.down = StackedConv([adapter.down for adapter in adapters])
        self.up = StackedConv([adapter.up for adapter in adapters])

    def forward(self, x):
        return x + self.up(F.relu(self.down(x)))


class Stacked(StackedParts):
    """ECGNets of one shape, side by side; the parts have the same names as in ECGNet.

    Dropout leaves out the same units in all networks, as if each were trained alone with the
    same seed.

    Parameters
    ----------
    networks : list of ECGNet
        Networks for isolated beats, without RR ratios. Their weights are copied.
    """

    def __init__(self, networks):
        super().__init__()
        self.n_networks = len(networks)
        for name in BLOCKS:
            self.add_module(name, StackedBlock([getattr(net, name) for net in networks]))
        for name in ADAPTERS:
            absent = isinstance(getattr(networks[0], name), nn.Identity)
            parts = [getattr(net, name) for net in networks]
            self.add_module(name, nn.Identity() if absent else StackedAdapter(parts))
        for name in HEAD:
            self.add_module(name, StackedLinear([getattr(net, name) for net in networks]))
        self.rr = nn.Identity()
        self.dropout = nn.Dropout(networks[0].dropout.p)

    def features(self, x):  # (B, n_times) -> (B, P, n_features)
        """Flattened feature maps of beats `x` from each network."""
        x = x[None, :, :, None].expand(self.n_networks, -1, -1, -1)  # (P, B, T, 1)
        for name, adapter in zip(BLOCKS, ADAPTERS, strict=True):
            x = getattr(self, adapter)(getattr(self, name)(x))
        return x.transpose(2, 3).flatten(2).transpose(0, 1)

    def classify(self, features):  # (B, F) read by all, or (B, P, F) -> (B, P, n_outputs)
        """Logits of each network from features."""
        hidden = F.relu(self.fc1(features))
        kept = self.dropout(torch.ones_like(hidden[:, 0]))  # (B, 512), one draw for all
        return self.out(F.relu(self.fc2(hidden * kept.unsqueeze(1))))

    def forward(self, x):  # (B, n_times) -> (B, P, n_outputs)
        return self.classify(self.features(x))

    @torch.no_grad()
    def write_back(self, networks):
        """Copy the weights into single ECGNets of the same shape, in their first order."""
        super().write_back(networks)
