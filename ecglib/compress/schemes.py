"""The methods of paper 2: fixed and layer-wise adaptive quantization and pruning.

Weights only, one min–max scale a tensor, no training afterwards. `evaluate` maps a `CodedModel`
to its accuracy on validation recordings, 0 to 1. What an adaptive method chose and tried comes
as a dict that JSON can hold.
"""

import numpy as np

from ecglib.compress.coded import encode, encode_array, uncoded
from ecglib.compress.weights import UNCODED, arrays_of, coded_names, share_by_name
from ecglib.system.errors import UserError

WIDEST = 8
"""Bits at which the search of LAQ starts."""

TOLERANCE = 0.01
"""Accuracy that may be lost on the validation recordings; the paper gives none."""

P_MAX = tuple(share / 20 for share in range(19, 0, -1))
"""Largest pruned shares that LAP tries, 0.95 to 0.05."""


def fixed_quant(model, bits, layers=coded_names):
    """A `CodedModel`: weights that `layers` names with 1 to 16 bits, a scale a tensor."""
    return encode(model, bits, names=layers(model))


def fixed_prune(model, share):
    """A `CodedModel` with the same share of every layer set to zero, least magnitude first.

    `share`, 0 to 1, is for every layer or by parameter name (those absent are not pruned). A
    weight stays if its magnitude is above that percentile of its layer (paper 2, equation 4). A
    layer of equal weights is therefore pruned whole; share 0 prunes nothing. `UserError` if a
    share lies outside 0 to 1 or a name is no weight of the network.
    """
    names = coded_names(model)
    by_name = share_by_name(share, names, absent=0.0, what="share")
    mask = {}
    for name, w in arrays_of(model, [n for n in names if by_name[n] > 0]).items():
        magnitude = np.abs(w)
        mask[name] = magnitude > np.quantile(magnitude, by_name[name])
    return encode(model, UNCODED, names=names, mask=mask)


def laq(model, importance, evaluate, *, tolerance=TOLERANCE, printed=False):
    """Layer-wise adaptive quantization: bits of each layer by greedy search (equation 3).

    Layers are taken by ascending importance and keep what was chosen for them. Each goes down
    from 8 bits while the accuracy holds its bound A₀ − τ_l, and stops at the first width that
    does not; it stays in fp32 if 8 bits already fail. The text of the paper wants important
    layers to lose less: τ_l = τ · (1 − I_l / max I). The equation as printed tolerates more
    loss in them: τ_l = τ · I_l.

    Parameters
    ----------
    model : Module
        Not changed.
    importance : dict of str to float
        Parameter name -> I_l of each layer; no other layer is coded.
    evaluate : callable
        CodedModel -> accuracy.
    tolerance : float
        τ, at least 0.
    printed : bool
        Follow the equation instead of the text.

    Returns
    -------
    tuple of (CodedModel, dict)
        The dict holds "bits" (layer -> bits, 32 if it stays in fp32) and "steps", one for each
        evaluation: "layer", "bits", "accuracy" and "needed", the bound.
    """
    relative = _relative(importance, tolerance)
    coded, steps = uncoded(model), []
    baseline = evaluate(coded)
    chosen = dict.fromkeys(importance, UNCODED)
    for name, w in arrays_of(model, sorted(importance, key=importance.get)).items():
        factor = importance[name] if printed else 1 - relative[name]
        needed = baseline - tolerance * factor
        for bits in range(WIDEST, 0, -1):
            candidate = coded.replaced({name: encode_array(w, bits)})
            accuracy = evaluate(candidate)
            step = {"layer": name, "bits": bits, "accuracy": accuracy, "needed": needed}
            steps.append(step)
            if accuracy < needed:
                break
            coded, chosen[name] = candidate, bits
    return coded, {"bits": chosen, "steps": steps}


def lap(model, importance, evaluate, *, tolerance=TOLERANCE, grid=P_MAX):
    """Layer-wise adaptive pruning: the more important, the less is pruned.

    A layer loses the share p_l = p_max · (1 − I_l / max I), so the most important one loses
    nothing. The paper leaves open how p_l follows from I_l; p_max is the largest of `grid`
    whose accuracy is at least A₀ − tolerance, or 0 if there is none. Arguments are those of
    `laq`.

    Returns
    -------
    tuple of (CodedModel, dict)
        The dict holds "p_max", "pruned" (layer -> p_l) and "steps", one for each evaluation:
        "p_max", "accuracy" and "needed", the bound.
    """
    relative = _relative(importance, tolerance)
    steps, needed = [], evaluate(uncoded(model)) - tolerance
    for p_max in sorted({*grid, 0.0}, reverse=True):
        pruned = {name: p_max * (1 - relative[name]) for name in importance}
        coded = fixed_prune(model, pruned)
        if p_max == 0:
            break
        steps.append({"p_max": p_max, "accuracy": evaluate(coded), "needed": needed})
        if steps[-1]["accuracy"] >= needed:
            break
    return coded, {"p_max": p_max, "pruned": pruned, "steps": steps}


def _relative(importance, tolerance):
    """Importance over its maximum."""
    if tolerance < 0:
        raise UserError(f"tolerance is {tolerance}; give an accuracy of at least 0")
    largest = max(importance.values(), default=0)
    if largest <= 0:
        raise UserError("no layer has any importance; give the one of a trained network")
    return {name: value / largest for name, value in importance.items()}
