"""Conversion of a fake-quantized network to integer layers (`ecglib.deploy.c99.program`)."""

import numpy as np
import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from ecglib.deploy.c99.program import Layer, Program
from ecglib.deploy.c99.stored import stored_integers
from ecglib.quant.modules import QuantConv1d, QuantLayer, QuantLinear
from ecglib.system.errors import UserError

_PASSING = (nn.Identity, nn.Dropout)
_RESHAPING = ("flatten", "unsqueeze")


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module, name):
        return isinstance(module, QuantLayer) or super().is_leaf_module(module, name)


def lower(model, features=""):
    """Turn a fake-quantized network into integer layers.

    Parameters
    ----------
    model : Module
        Network from `ecglib.quant.quantize` with scope all_int8, calibrated and in evaluation
        mode. It may have Conv1d (stride 1), ReLU, max-pooling and linear layers; timing is
        joined by `cat`.
    features : str
        Name of its input, if it is a micro network whose input is to be computed, too.

    Returns
    -------
    Program

    Raises
    ------
    UserError
        If a layer has no integer form; the text names the first such layer.
    """
    graph = _Tracer().trace(model)
    traced = fx.GraphModule(model, graph)
    given = model.config.input_shapes
    inputs = [torch.zeros(1, *given[n]) if n in given else None for n in ("beat", "rr")]
    n_inputs = sum(node.op == "placeholder" for node in graph.nodes)
    with torch.no_grad():
        ShapeProp(traced).propagate(*inputs[:n_inputs])
    _require_known(traced)
    layers, shapes = [], {}
    for node in graph.nodes:
        if _module(traced, node, QuantLayer):
            shapes.setdefault(*_shape_read(traced, node))
            layers.append(_layer(traced, node))
    scales = {
        layer.source: float(model.get_submodule(layer.name).input_quantizer.scale)
        for layer in layers
        if layer.source in ("beat", "rr")
    }
    return Program(tuple(layers), shapes, scales, features)


def _module(traced, node, kinds):
    """The module that a node calls, if it is of one of these kinds; otherwise None."""
    if node.op == "call_module":
        module = traced.get_submodule(node.target)
        return module if isinstance(module, kinds) else None
    return None


def _name(node):
    return str(getattr(node.target, "__name__", node.target))


def _require_known(traced):
    """Raise a `UserError` if an operation of the network has no integer form."""
    for node in traced.graph.nodes:
        if node.op not in ("placeholder", "output") and not _is_known(traced, node):
            module = _module(traced, node, nn.Module)
            kind = type(module).__name__ if module else node.op.replace("call_", "")
            raise UserError(
                f"layer {_name(node)} ({kind}) has no integer form; quantize "
                "with scope all_int8, and use Conv1d, ReLU, MaxPool1d and Linear alone"
            )


def _is_known(traced, node):
    return (
        _module(traced, node, (*_PASSING, QuantLayer, nn.ReLU, nn.MaxPool1d)) is not None
        or (node.op == "call_method" and node.target in _RESHAPING)
        or node.target is torch.cat
    )


def _shape_read(traced, node):
    """Name and shape (samples, channels) of a layer's input."""
    shape = node.args[0].meta["tensor_meta"].shape
    linear = _module(traced, node, QuantLinear)
    return _source(traced, node), ((1, shape[1]) if linear else (shape[2], shape[1]))


def _source(traced, node):
    """Name of a layer's input: an input of the network, or the layer's own buffer."""
    origin = node.args[0]
    while origin.op == "call_method" or _module(traced, origin, _PASSING):
        origin = origin.args[0]
    if origin.op == "placeholder":
        return "rr" if _module(traced, node, QuantLinear) else "beat"
    return node.target


def _layer(traced, node):
    """A `Layer`, which includes the ReLU and pooling that follow it."""
    module = _module(traced, node, QuantLayer)
    chain, reader, place = _until_next(traced, node)
    pooling = [m for m in chain if isinstance(m, nn.MaxPool1d)]
    following = _module(traced, reader, QuantLayer) if reader else None
    if reader and not any(isinstance(passed, nn.ReLU) for passed in chain):
        raise UserError(f"layer {node.target} has no ReLU behind it, which integers need here")
    _check_form(node, module, pooling)
    stored = stored_integers(module)
    return Layer.of(
        node.target,
        _channels_last(traced, node, stored.weight),
        stored,
        stored_integers(following) if following else None,
        source=_source(traced, node),
        target=reader.target if reader else "logits",
        place=place,
        pad=module.padding[0] if isinstance(module, QuantConv1d) else 0,
        pool=int(np.prod([p.kernel_size for p in pooling], dtype=int)),
    )


def _until_next(traced, node):
    """Modules after a layer, the next layer, and the first channel of their output there."""
    chain, place, current = [], 0, node
    while True:
        users = list(current.users)
        if len(users) != 1:
            raise UserError(f"layer {_name(node)} has {len(users)} readers; it must have one")
        following = users[0]
        if following.op == "output":
            return chain, None, 0
        if _module(traced, following, QuantLayer):
            return chain, following, place
        if following.target is torch.cat:
            before = following.args[0][: following.args[0].index(current)]
            place += sum(part.meta["tensor_meta"].shape[1] for part in before)
        chain.append(_module(traced, following, nn.Module))
        current = following


def _check_form(node, module, pooling):
    """Raise a `UserError` if the integer arithmetic does not cover a layer."""
    plain = not isinstance(module, QuantConv1d) or (
        (module.stride, module.dilation, module.groups) == ((1,), (1,), 1)
    )
    if not plain or any(p.stride != p.kernel_size or p.padding for p in pooling):
        raise UserError(
            f"layer {node.target}: strides, dilation, groups and overlapping pooling have no "
            "integer form here; use stride 1 and plain max-pooling"
        )
    if module.input_quantizer.bits != 8:
        raise UserError(f"layer {node.target} reads {module.input_quantizer.bits} bits; use 8")


def _channels_last(traced, node, weight):
    """Weights (n_out, n_taps, n_in) in the order of the input's bytes."""
    if _module(traced, node, QuantConv1d):
        return weight.transpose(0, 2, 1)
    parts = _parts_read(node.args[0])
    ordered, start = [], 0
    for part in parts:
        shape = part.meta["tensor_meta"].shape
        size = int(np.prod(shape[1:]))
        rows = weight[:, start : start + size].reshape(len(weight), *shape[1:])
        ordered.append((rows.transpose(0, 2, 1) if rows.ndim == 3 else rows).reshape(-1, size))
        start += size
    return np.concatenate([rows.reshape(len(weight), -1) for rows in ordered], axis=1)[:, None]


def _parts_read(origin):
    """Inputs of a linear layer before they are flattened and joined."""
    if origin.target is torch.cat:
        return [part for joined in origin.args[0] for part in _parts_read(joined)]
    if origin.op == "call_method" and origin.target == "flatten":
        return [origin.args[0]]
    return [origin]
