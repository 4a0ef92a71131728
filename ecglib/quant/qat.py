"""From an fp32 network to a fake-quantized one: fold, replace, calibrate, freeze.

Training it further is quantization-aware training (QAT); leaving it at the calibration is
quantization after training (PTQ). Either needs no code of its own in the training loop.
"""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ecglib.quant.coverage import require_coverage
from ecglib.quant.modules import ActivationQuantizer, quantized_twin
from ecglib.quant.scopes import layers_in_scope
from ecglib.system.errors import UserError


def fold_batchnorm(model):
    """Merge every BatchNorm into the convolution before it; the function stays the same.

    Parameters
    ----------
    model : Module
        In evaluation mode, changed in place. A BatchNorm is found as `norm` beside a `conv`.
    """
    for name, norm in list(model.named_modules()):
        if name.endswith("norm") and isinstance(norm, nn.BatchNorm1d):
            block = model.get_submodule(name.rpartition(".")[0])
            block.conv = fuse_conv_bn_eval(block.conv, norm)
            block.norm = nn.Identity()


def quantize(model, scope, *, bits=8, weight_bits=None, step="minmax"):
    """A fake-quantized copy of a network, not calibrated yet; BatchNorm is folded.

    Parameters
    ----------
    model : Module
        Trained, in evaluation mode; not changed.
    scope : {"none", "head_int8", "shallow_int8", "all_int8"}
        Which layers.
    bits : int
        Of activations, and of the weights unless the next says otherwise.
    weight_bits : dict of str to int, optional
        Layer -> bits of its weights, for all layers in scope.
    step : {"minmax", "learned"}
        As `WeightQuantizer` takes it.

    Raises
    ------
    UserError
        If the scope names no layer of the model, a layer in scope is not quantized, or the
        model has been quantized before.
    """
    if activation_quantizers(model):
        raise UserError("the network is quantized already; start from the fp32 one")
    model = copy.deepcopy(model).eval()
    fold_batchnorm(model)
    for name in layers_in_scope(model, scope):
        parent, _, child = name.rpartition(".")
        own = weight_bits[name] if weight_bits else bits
        layer = model.get_submodule(name)
        twin = quantized_twin(layer, bits=bits, weight_bits=own, step=step)
        setattr(model.get_submodule(parent), child, twin)
    require_coverage(model, scope)
    return model


def activation_quantizers(model):
    """Name of a layer -> quantizer of its input."""
    return {
        name.rpartition(".")[0]: module
        for name, module in model.named_modules()
        if isinstance(module, ActivationQuantizer)
    }


@torch.no_grad()
def calibrate(model, *inputs, batch_size=256):
    """Set the ranges of all activations from beats, in place; none is rounded meanwhile.

    Parameters
    ----------
    model : Module
        From `quantize`; in evaluation mode.
    *inputs : Tensor, shape (n_beats, ...)
        Arguments of the network.
    batch_size : int
        Beats of which one minimum and maximum enter the running range.

    Raises
    ------
    UserError
        If there are no beats, or a layer's input is the same number for all of them, or not
        finite.
    """
    if len(inputs[0]) == 0:
        raise UserError("calibration got no beats; give it some of the training set")
    quantizers = activation_quantizers(model)
    for quantizer in quantizers.values():
        quantizer.forget()
        quantizer.observing = True
    try:
        for chunk in zip(*(tensor.split(batch_size) for tensor in inputs), strict=True):
            model(*chunk)
    finally:
        for quantizer in quantizers.values():
            quantizer.observing = False
    for name, quantizer in quantizers.items():
        if quantizer.low >= quantizer.high:
            raise UserError(
                f"calibration saw one constant value at the input of layer {name}; give it "
                "beats that differ, or look for a dead layer"
            )


def freeze_ranges(model):
    """Stop the ranges of all activations from moving in training."""
    for quantizer in activation_quantizers(model).values():
        quantizer.frozen = True
