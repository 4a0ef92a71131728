"""Conversion of an fp32 network to a fake-quantized one: fold, replace, calibrate, freeze.

If the converted network is trained further, this is quantization-aware training (QAT). If it is
only calibrated, this is post-training quantization (PTQ). The training loop is the same as for
other networks.
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
    """Merge every BatchNorm into the convolution before it; the outputs do not change.

    Parameters
    ----------
    model : Module
        Network in evaluation mode, changed in place. A BatchNorm must be called `norm` and
        stand beside a `conv`.
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
        Trained network in evaluation mode; it is not changed.
    scope : {"none", "head_int8", "shallow_int8", "all_int8"}
        Layers that are quantized.
    bits : int
        Bits of activations, and of the weights unless `weight_bits` is given.
    weight_bits : dict of str to int, optional
        Layer -> bits of its weights, for all layers in scope.
    step : {"minmax", "learned"}
        See `WeightQuantizer`.

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
    """Quantizers of the inputs of all quantized layers, by the layers' names."""
    return {
        name.rpartition(".")[0]: module
        for name, module in model.named_modules()
        if isinstance(module, ActivationQuantizer)
    }


@torch.no_grad()
def calibrate(model, *inputs, batch_size=256):
    """Set the ranges of all activations from beats, in place; nothing is rounded meanwhile.

    Parameters
    ----------
    model : Module
        Network from `quantize`, in evaluation mode.
    *inputs : Tensor, shape (n_beats, ...)
        Arguments of the network.
    batch_size : int
        Beats of a batch; the minimum and maximum of each batch update the range.

    Raises
    ------
    UserError
        If there are no beats, or a layer's input is constant or not finite.
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
    """Keep the ranges of all activations fixed in further training."""
    for quantizer in activation_quantizers(model).values():
        quantizer.frozen = True
