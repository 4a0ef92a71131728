"""The methods of paper 2: fixed and layer-wise adaptive quantization and pruning.

They code weights only, with one min–max scale for each tensor, and do not train afterwards.
`evaluate` is a function from a `CodedModel` to its accuracy on validation recordings, 0 to 1.
An adaptive method also returns its choices and trials, as a dict that JSON can hold.
"""

import numpy as np

from ecglib.compress.coded import encode, encode_array, uncoded
from ecglib.compress.weights import UNCODED, arrays_of, coded_names, share_by_name
from ecglib.system.errors import UserError

WIDEST = 8
"""Bits at which the search of LAQ starts."""

TOLERANCE = 0.01
"""Accuracy that may be lost on the validation recordings; the paper does not give its value."""

P_MAX = tuple(share / 20 for share in range(19, 0, -1))
"""Largest pruned shares that LAP tries, 0.95 to 0.05."""


def fixed_prune(model, share):
    """A `CodedModel` in which a share of every layer, the smallest magnitudes, is set to zero.

    `share`, 0 to 1, is a number for every layer or a dict by parameter name; layers that are
    not in the dict are not pruned. A weight stays if its magnitude is above that percentile of
    its layer (paper 2, equation 4). So a layer of equal weights is pruned completely. Share 0
    prunes nothing. Raises a `UserError` if a share lies outside 0 to 1 or a name is not a
    weight of the network.
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

    Layers are treated in order of increasing importance, and the bits of earlier ones are kept.
    The bits of a layer are reduced from 8 as long as the accuracy is at least A₀ − τ_l. If it
    is less with 8 bits already, the layer stays in fp32. The text of the paper says that
    important layers should lose less: τ_l = τ · (1 − I_l / max I). The printed equation allows
    them to lose more: τ_l = τ · I_l.

    Parameters
    ----------
    model : Module
        Network, which is not changed.
    importance : dict of str to float
        Parameter name -> I_l of each layer; other layers are not coded.
    evaluate : callable
        Function CodedModel -> accuracy.
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
    factor = importance if printed else {n: 1 - share for n, share in relative.items()}
    allowed = {name: tolerance * factor[name] for name in importance}
    return _fewest_bits(model, importance, evaluate, allowed)


def laq_shared(model, importance, evaluate, *, tolerance=TOLERANCE):
    """LAQ whose tolerance is shared out: every weight may cost equally much.

    In `laq` each bound is measured from A₀, while the losses of the layers add up. The first
    layers use up the tolerance, and nothing is left for the others, which have most of the
    weights. Here a layer, together with those before it, may lose the share of `tolerance` that
    these layers have of all weights. `evaluate` gives any score of which more is better;
    `tolerance`, and "accuracy" of the steps, are in its unit. Other arguments, the order of the
    layers and what is returned are those of `laq`.
    """
    _relative(importance, tolerance)
    order = sorted(importance, key=importance.get)
    sizes = [w.size for w in arrays_of(model, order).values()]
    shares = np.cumsum(sizes) / sum(sizes)
    allowed = {name: tolerance * float(x) for name, x in zip(order, shares, strict=True)}
    return _fewest_bits(model, importance, evaluate, allowed)


def _fewest_bits(model, importance, evaluate, allowed):
    """The search of LAQ; `allowed` is the loss up to which the bits of a layer are reduced."""
    coded, steps = uncoded(model), []
    baseline = evaluate(coded)
    chosen = dict.fromkeys(importance, UNCODED)
    for name, w in arrays_of(model, sorted(importance, key=importance.get)).items():
        needed = baseline - allowed[name]
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
    """Layer-wise adaptive pruning: the more important a layer, the less is pruned.

    A layer loses the share p_l = p_max · (1 − I_l / max I), so the most important layer loses
    nothing. The paper does not say how p_l follows from I_l. p_max is the largest value of
    `grid` for which the accuracy is at least A₀ − tolerance, or 0 if there is none. The other
    arguments are those of `laq`.

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
    """Importance divided by its maximum."""
    if tolerance < 0:
        raise UserError(f"tolerance is {tolerance}; give an accuracy of at least 0")
    largest = max(importance.values(), default=0)
    if largest <= 0:
        raise UserError("no layer has any importance; give the one of a trained network")
    return {name: value / largest for name, value in importance.items()}
