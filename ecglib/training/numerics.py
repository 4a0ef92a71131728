"""Effects of 16-bit formats inside a network: errors by layer, exponents, margins, memory.

All formats are emulated (see `ecglib.training.precision`), so the results are the same on any
machine. Only the bytes that a training step keeps are counted under PyTorch's autocast.
"""

import numpy as np
import torch
import torch.nn.functional as F

from ecglib.models.layers import watched, weight_layers
from ecglib.training.loop import in_batches
from ecglib.training.precision import DTYPES, running

LOSS_SCALE = 2.0**16
"""First factor of gradient scaling in PyTorch."""

EXPONENTS = (-50, 20)
"""Range of the histograms; values outside are counted at its ends."""

QUANTILES = np.linspace(0, 1, 101)
CPU = torch.device("cpu")


def trace(model, x, y, precision="fp32", scale=1.0):
    """Outputs and gradients of every convolution and linear layer for one batch.

    Parameters
    ----------
    model : Module
        Network in evaluation mode, so that there is no random dropout.
    x : Tensor, shape (B, n_times)
        Beats.
    y : Tensor, shape (B,)
        Classes.
    precision : {"fp32", "fp16", "bf16"}
        Emulated format of the layers.
    scale : float
        Factor on the loss; gradients are divided by it again.

    Returns
    -------
    dict of str to dict
        Layer -> `activation` (B, ...), `gradient` of the scaled loss by this activation, and
        `weight_gradient`, from which the scale is removed.
    """
    found = {}

    def see(name, _, output):
        found[name] = {"activation": output.detach()}
        output.register_hook(lambda g: found[name].update(gradient=g.detach()))

    model.zero_grad(set_to_none=True)
    impl = "native" if precision == "fp32" else "emulated"
    try:
        with watched(model, see), running(precision, impl, CPU):
            (F.cross_entropy(model(x), y) * scale).backward()
        for name, layer in weight_layers(model).items():
            found[name]["weight_gradient"] = layer.weight.grad / scale
    finally:
        model.zero_grad(set_to_none=True)
    return found


def relative_error(exact, approximate):
    """Norm of the difference divided by the norm of the exact values; 0 if both are zero."""
    norm = float(exact.norm())
    return float((exact - approximate).norm()) / norm if norm else float(approximate.norm())


def trace_scaled(model, x, y, precision):
    """Do the same as `trace` with a scaled loss; if a gradient overflows, halve the scale."""
    scale = LOSS_SCALE
    found = trace(model, x, y, precision, scale)
    while scale > 1 and not all(
        torch.isfinite(layer["weight_gradient"]).all() for layer in found.values()
    ):
        scale /= 2
        found = trace(model, x, y, precision, scale)
    return found


def layer_errors(model, x, y, precision):
    """Relative errors of a format by layer, against fp32.

    Parameters
    ----------
    model, x, y, precision
        As in `trace`.

    Returns
    -------
    list of dict
        `name`, and the errors `activation`, `gradient` (of the weights, without scaling of the
        loss) and `scaled_gradient` (with the loss scaled as in training in fp16).
    """
    exact = trace(model, x, y)
    plain, scaled = trace(model, x, y, precision), trace_scaled(model, x, y, precision)

    def error(found, name, what):
        return relative_error(exact[name][what], found[name][what])

    return [
        {
            "name": name,
            "activation": error(plain, name, "activation"),
            "gradient": error(plain, name, "weight_gradient"),
            "scaled_gradient": error(scaled, name, "weight_gradient"),
        }
        for name in exact
    ]


def exponent_counts(tensors):
    """Number of values for each exponent `floor(log2(abs(value)))`.

    Returns a dict: `first` is the exponent of the first count, `counts` are the counts, and
    `zeros` is the number of values that are zero.

    Examples
    --------
    >>> found = exponent_counts([torch.tensor([0.0, 1.0, 1.5, -0.25])])
    >>> found["zeros"], found["counts"][-found["first"]], found["counts"][-2 - found["first"]]
    (1, 2, 1)
    """
    low, high = EXPONENTS
    counts, zeros = np.zeros(high - low + 1, dtype=np.int64), 0
    for tensor in tensors:
        values = tensor[tensor != 0]
        zeros += tensor.numel() - values.numel()
        exponents = torch.frexp(values)[1] - 1
        index = exponents.clamp(low, high).long() - low
        counts += np.bincount(index.numpy(), minlength=len(counts))
    return {"first": low, "counts": counts.tolist(), "zeros": int(zeros)}


def exponents(model, x, y):
    """`exponent_counts` in fp32 of "activations", "gradients" and "scaled gradients".

    Gradients are those of the loss by the activations; for the scaled ones the loss is
    multiplied by `LOSS_SCALE`.
    """
    plain, scaled = trace(model, x, y), trace(model, x, y, scale=LOSS_SCALE)
    return {
        "activations": exponent_counts(layer["activation"] for layer in plain.values()),
        "gradients": exponent_counts(layer["gradient"] for layer in plain.values()),
        "scaled gradients": exponent_counts(layer["gradient"] for layer in scaled.values()),
    }


def decisions(model, inputs, precision):
    """Classes in a 16-bit format, and how close the two largest logits are.

    Parameters
    ----------
    model : ECGNet
        In evaluation mode.
    inputs : Inputs
        Beats.
    precision : {"fp16", "bf16"}
        The format, emulated.

    Returns
    -------
    tuple of (ndarray of int8, dict)
        Classes (n_beats,). The dict has `flips`, the number of beats whose class differs from
        fp32, and percentiles 0 … 100 of `margin` (largest logit minus the second) and `error`
        (largest change of a logit).
    """
    exact = in_batches(model, inputs.x, inputs.rr)
    with running(precision, "emulated", CPU):
        rounded = in_batches(model, inputs.x, inputs.rr)
    best = exact.topk(2, dim=1).values
    margin, error = best[:, 0] - best[:, 1], (exact - rounded).abs().amax(dim=1)
    classes = rounded.argmax(dim=1)
    return classes.numpy().astype(np.int8), {
        "flips": int((classes != exact.argmax(dim=1)).sum()),
        "margin": np.quantile(margin.numpy(), QUANTILES).tolist(),
        "error": np.quantile(error.numpy(), QUANTILES).tolist(),
    }


def saved_bytes(model, x, y, precision):
    """Bytes that one training step under PyTorch's autocast keeps for the backward pass.

    Weights are included. Parameters are those of `trace`.
    """
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    reduced = precision != "fp32"
    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        torch.autocast("cpu", DTYPES[precision] if reduced else torch.bfloat16, reduced),
    ):
        F.cross_entropy(model(x), y)
    return sum(kept.values())
