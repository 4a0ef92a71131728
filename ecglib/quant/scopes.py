"""Scopes of paper 1 (section 3.2): which layers are quantized."""

from ecglib.models.ecgnet import HEAD, SHALLOW
from ecglib.models.layers import weight_layers
from ecglib.system.errors import UserError

SCOPES = ("none", "head_int8", "shallow_int8", "all_int8")
"""Names of the scopes, from no layer to all; paper 1 has the two in the middle."""

PARTS = {"head_int8": HEAD, "shallow_int8": (*SHALLOW, *HEAD)}
"""Scope -> parts of the network whose layers it quantizes; `all_int8` takes every layer."""


def layers_in_scope(model, scope):
    """Names of the layers that a scope quantizes, a list of str; it is empty for "none" only.

    Raises
    ------
    UserError
        If the scope is unknown or names no layer of this model, which needs the named parts of
        ECGNet unless the scope is "all_int8".

    Examples
    --------
    >>> from ecglib.models.ecgnet import ECGNet, ECGNetConfig
    >>> layers_in_scope(ECGNet(ECGNetConfig((4, 4, 4, 4, 4))), "shallow_int8")
    ['conv1.conv', 'conv2.conv', 'fc1', 'fc2', 'out']
    """
    if scope not in SCOPES:
        raise UserError(f"scope is {scope!r}; it must be one of: {', '.join(SCOPES)}")
    if scope == "none":
        return []
    names = list(weight_layers(model))
    if scope in PARTS:
        names = [name for name in names if name.split(".")[0] in PARTS[scope]]
    if not names:
        parts = ", ".join(name for name, _ in model.named_children()) or "no parts"
        raise UserError(
            f"scope {scope} names no layer of {type(model).__name__}, which has {parts}; "
            "use all_int8 or a network with these parts"
        )
    return names
