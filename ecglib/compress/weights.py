"""Names of the tensors of a network that are weights, and of those that a method may code."""

import numpy as np

from ecglib.models.layers import weight_layers
from ecglib.system.errors import UserError

FP32 = ("bias", "masked_spec_embed")
"""Endings of the names of parameters that paper 2 leaves in fp32."""

UNCODED = 32
"""Bits of a weight that stays as it is."""

MAX_BITS = 16


def layout(model):
    """All parameters and stored buffers by name, each tensor once.

    The names are those of `state_dict`, without second names of shared tensors. Tensors are not
    copied. For a parametrized weight, the parameters from which it is computed are listed
    (`parametrizations.weight.original0`).
    """
    stored = model.state_dict(keep_vars=True)
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: tensor for name, tensor in named if name in stored}


def coded_names(model):
    """Names of the parameters that paper 2 counts as weights, in order of the network.

    Its compression ratios can be reproduced if only parameters called `bias` and
    `masked_spec_embed` stay in fp32. So gains of normalization layers and factors of weight
    norm are weights as well.

    Examples
    --------
    >>> from torch import nn
    >>> coded_names(nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)))
    ['0.weight', '1.weight']
    """
    return [n for n, _ in model.named_parameters() if n.rpartition(".")[2] not in FP32]


def matrix_names(model):
    """Names of the weights of convolutions and linear layers, in order; gains are left out.

    For a parametrized layer it is the name of the parameter with the shape of the weight: the
    direction of weight norm, not its factor.

    Examples
    --------
    >>> from torch import nn
    >>> matrix_names(nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Linear(4, 2)))
    ['0.weight', '2.weight']
    """
    matrices = {
        f"{name}.{own}" if name else own
        for name, layer in weight_layers(model).items()
        for own, parameter in layer.named_parameters()
        if parameter.shape == layer.weight.shape
    }
    return [name for name in coded_names(model) if name in matrices]


def arrays_of(model, names):
    """Some weights of a network as float32 arrays by name.

    Raises a `UserError` if a name is not one of its weights, or a weight is not finite.
    """
    check_names(names, coded_names(model))
    parameters = dict(model.named_parameters())
    arrays = {}
    for name in names:
        arrays[name] = parameters[name].detach().cpu().numpy().astype(np.float32)
        if not np.isfinite(arrays[name]).all():
            raise UserError(f"{name} has NaN or infinite values; retrain the network first")
    return arrays


def check_names(names, weights):
    """Raise UserError if one of `names` is not among the names of weights."""
    for name in names:
        if name not in weights:
            raise UserError(
                f"{name} is not a weight of the network; `coded_names` lists those that it has"
            )


def bits_by_name(bits, names):
    """Bits of each weight by name, from one number for all or a dict for some.

    Bits are 1 to 16, or 32 for a weight that is not coded. A weight that is not in the dict has
    32. Raises a `UserError` if bits are out of range or a name is not a weight.
    """
    by_name = _by_name(bits, names, UNCODED)
    for name, width in by_name.items():
        whole = isinstance(width, int | np.integer) and not isinstance(width, bool)
        if not (whole and (1 <= width <= MAX_BITS or width == UNCODED)):
            raise UserError(
                f"bits of {name} is {width!r}; it must be a whole number from 1 to {MAX_BITS}, "
                f"or {UNCODED} for a weight that stays as it is"
            )
    return {name: int(width) for name, width in by_name.items()}


def share_by_name(share, names, *, absent, what):
    """Share of each weight tensor by name, from one number for all or a dict for some.

    `absent` is the share of tensors that are not in the dict. `what` is the word for the share
    in errors. Raises a `UserError` if a share lies outside 0 to 1 or a name is not a weight.
    """
    by_name = _by_name(share, names, absent)
    for name, value in by_name.items():
        if not 0 <= value <= 1:
            raise UserError(f"{what} of {name} is {value!r}; it must lie between 0 and 1")
    return by_name


def _by_name(value, names, default):
    if not isinstance(value, dict):
        return dict.fromkeys(names, value)
    check_names(value, names)
    return {name: value.get(name, default) for name in names}
