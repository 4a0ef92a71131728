"""Choice of the bits of each layer for a given number of bytes, by an integer program.

The method is that of HAWQ-V3 (Yao et al. 2021). The cost of a number of bits is measured: it is
the increase of a loss if only this layer is coded with it. The costs of several layers are
assumed to add up.
"""

import copy

import numpy as np
import torch.nn.functional as F
from scipy.optimize import Bounds, LinearConstraint, milp

from ecglib.compress.coded import encode_array, uncoded
from ecglib.compress.weights import arrays_of
from ecglib.models.layers import weight_layers
from ecglib.quant import calibrate, quantize
from ecglib.system.errors import UserError
from ecglib.training.loop import in_batches

BITS = (2, 3, 4, 5, 6, 8)


def sensitivity(model, names, loss, bits=BITS, **how):
    """Increase of the loss if only one layer is coded, for each layer and number of bits.

    Parameters
    ----------
    model : Module
        Network, which is not changed.
    names : list of str
        Layers, see `coded_names` and `matrix_names`.
    loss : callable
        Function Module -> loss on validation recordings, a float. It is called with a copy of
        the network, once for each pair of layer and bits and once for the uncoded network.
    bits : sequence of int
        Numbers of bits, 1 to 16.
    **how
        `axis`, `scale_rule` and `half_scales` of `encode_array`.

    Returns
    -------
    dict of str to dict of int to float
        Name -> bits -> increase, which may be negative.
    """
    start, trial = uncoded(model), copy.deepcopy(model)
    baseline = loss(trial)

    def increase(name, w, width):
        start.replaced({name: encode_array(w, width, **how)}).load_into(trial)
        return loss(trial) - baseline

    return {
        name: {width: increase(name, w, width) for width in bits}
        for name, w in arrays_of(model, names).items()
    }


def allocate_bits(n_weights, cost, budget_bytes):
    """Bits of each layer with the least total cost within a number of bytes.

    Parameters
    ----------
    n_weights : dict of str to int
        Weights of each layer.
    cost : dict of str to dict of int to float
        Name -> bits -> cost, see `sensitivity`; layers may have different numbers of bits.
    budget_bytes : float
        Bytes of all weights.

    Returns
    -------
    dict of str to int
        Bits of each layer, in order of `n_weights`.

    Raises
    ------
    UserError
        If the fewest bits need more than the budget, or a layer has no costs.
    """
    for name in n_weights:
        if not cost.get(name):
            raise UserError(f"{name} has no costs to choose from; measure them first")
    choices = [(name, bits) for name in n_weights for bits in cost[name]]
    size = np.array([n_weights[name] * bits for name, bits in choices], np.float64)
    price = np.array([cost[name][bits] for name, bits in choices])
    if not np.isfinite(price).all():
        raise UserError("a cost is NaN or infinite; look for NaN in the validation loss")
    available = np.floor(8 * budget_bytes)
    fewest = sum(n_weights[name] * min(cost[name]) for name in n_weights)
    if available < fewest:
        least = int(np.ceil(fewest / 8))
        raise UserError(
            f"a budget of {budget_bytes} bytes is too low: the fewest bits of every layer need "
            f"{least} bytes; raise it or offer fewer bits"
        )
    return _solved(choices, size, price, list(n_weights), available)


def _solved(choices, size, price, names, available):
    """One choice for each layer, from the integer program."""
    of_layer = np.array([[float(owner == name) for owner, _ in choices] for name in names])
    spread = np.abs(price).max() or 1.0  # the solver's gap is absolute: losses may be tiny
    found = milp(
        1e4 * price / spread,
        constraints=[
            LinearConstraint(of_layer, 1, 1),
            LinearConstraint(size[None], ub=available),
        ],
        integrality=1,
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    if not found.success:
        raise UserError(f"no allocation of bits was found: {found.message}")
    return dict(pair for pair, x in zip(choices, found.x, strict=True) if x > 0.5)


def rounded(model, config, beats):
    """The network from `ecglib.quant.quantize`, with calibrated ranges and not trained further.

    Parameters
    ----------
    model : MicroNet
        Trained network in fp32, which is not changed.
    config : MicroConfig
        Scope, bits and their allocation.
    beats : TrainingBeats
        The training set.
    """
    typical = beats.typical(config)
    quantized = quantize(model, config.scope, weight_bits=bits_of(model, config, typical))
    calibrate(quantized, typical.x, typical.rr)
    return quantized


def bits_of(model, config, typical):
    """Bits of the weights of each layer of a MicroNet in fp32, from a `MicroConfig`.

    With the allocation "milp" their mean over all weights is `config.bits`. They are chosen by
    `allocate_bits` for the least loss on `typical` beats of the training set (`Inputs`).
    """
    sizes = {name: layer.weight.numel() for name, layer in weight_layers(model).items()}
    if config.allocation == "uniform":
        return dict.fromkeys(sizes, config.bits)

    def loss(trial):
        return float(F.cross_entropy(in_batches(trial, typical.x, typical.rr), typical.y))

    weights = {f"{name}.weight": n for name, n in sizes.items()}
    cost = sensitivity(model, list(weights), loss, axis=0, scale_rule="mse")
    bits = allocate_bits(weights, cost, sum(weights.values()) * config.bits / 8)
    return {name.removesuffix(".weight"): width for name, width in bits.items()}
