"""Generation of C99 code for a network: integers only, no heap, no library."""

import itertools
import re
import zlib
from pathlib import Path

import numpy as np

from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import TIMING, parts_of
from ecglib.deploy.c99.front import OPTIONAL, byte_factor, check_features
from ecglib.deploy.c99.taught import TaughtProgram
from ecglib.personalize import learner
from ecglib.system.errors import UserError
from ecglib.system.files import written

PARTS = Path(__file__).parent / "c"
"""Folder of the files that generated C consists of."""


def constant_bytes(program):
    """Bytes of weights, biases and multipliers of an `ecglib.deploy.c99.program.Program`."""
    return sum(layer.weight.size + 8 * len(layer.bias) for layer in program.layers)


def write_c(program, folder, name, prior=None):
    """Write a network as `name`.c and `name`.h; returns both paths.

    If the program has features, the files also have the function `ecg_beat`, which computes
    them from raw samples and R-peak times.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network.
    folder : Path
        Folder of the two files.
    name : str
        Name of the files, of letters, digits and underscores.
    prior : ecglib.personalize.learner.Prior, optional
        With it, the code of a network with features can also learn from labels.

    Raises
    ------
    UserError
        If the name is not possible in C, the features have no integer form, the prior is that
        of another network, the network has learned labels, or the files cannot be written.
    """
    if not name.isidentifier():
        raise UserError(f"name is {name!r}; use letters, digits and underscores")
    if isinstance(program, TaughtProgram):
        raise UserError(
            f"{name}: C code starts without labels, and this network has learned some; write "
            "the network that it was taught from"
        )
    if program.features:
        check_features(program.features, name)
    if prior:
        _check_prior(program, prior, name)
    texts = {
        f"{name}.c": _source(program, name, prior),
        f"{name}.h": _header(program, name, prior),
    }
    paths = tuple(Path(folder) / file for file in texts)
    for path, text in zip(paths, texts.values(), strict=True):
        with written(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths


def kernel(name):
    """Text of one function that every generated file has, with the comment above it.

    Parameters
    ----------
    name : {"dot", "layer", "largest"}
        Of the function.

    Returns
    -------
    str
    """
    text = (PARTS / "kernels.c").read_text(encoding="utf-8").replace("\n/*", "\0/*")
    start = re.compile(rf"^static \w+ {name}\(", re.MULTILINE)
    return next(block for block in text.split("\0") if start.search(block)).strip()


def _check_prior(program, prior, name):
    """Raise a `UserError` if a network cannot learn with this `Prior`."""
    out = program.layers[-1]
    if not program.features or out.weight.shape != (len(CLASSES), 1, len(prior.near)):
        raise UserError(
            f"{name} cannot learn: its last layer reads {out.weight.shape[-1]} units, but the "
            f"prior is of {len(prior.near)}; compute the prior with this network"
        )
    if prior.near_shift < 0 or min(prior.wide_shift, out.shift - 14) < 3:
        raise UserError(f"{name} cannot learn: its units hardly vary; train it on more beats")


def _header(program, name, prior):
    beat, rr = program.shapes["beat"], program.shapes.get("rr")
    guard = f"{name.upper()}_H"
    timing = _input_note(program, "rr", f"{rr[1]} bytes") if rr else "not read; may be null"
    return f"""/* Written by ecglib. Research, not a medical device. */
#ifndef {guard}
#define {guard}

#include <stdint.h>

/* Class of one beat: 0 N, 1 S, 2 V.
   beat: {_input_note(program, "beat", f"{beat[1]} x {beat[0]} bytes, channel by channel")}
   rr:   {timing}
   Needs no memory but the stack, and may be called from several threads. */
int classify(const int8_t *beat, const int8_t *rr);
{_front_header(program.features, prior) if program.features else ""}
#endif
"""


def _input_note(program, name, form):
    zero, scale = program.reader(name).zero_in, program.scales[name]
    return f"{form}, round(x / {scale:.9g}) + {zero}, clipped to -128 and 127"


def _source(program, name, prior):
    numbered = list(enumerate(program.layers))
    constants = "".join(_constants(i, layer) for i, layer in numbered)
    return f"""/* Written by ecglib. Research, not a medical device. */
#include "{name}.h"

{constants}
{_part("kernels.c")}{_NETWORK if prior else _SIGNATURE}
{{
{_buffers(program)}
    int32_t t, c;
{_reading(program)}
{"".join(_call(program, i, layer, prior) for i, layer in numbered)}}}
{_learning(program, prior) if prior else ""}{_front(program) if program.features else ""}"""


_SIGNATURE = "int classify(const int8_t *beat, const int8_t *rr)"

_NETWORK = """/* The class; the bytes of the last hidden layer go to unit. */
static int network(const int8_t *beat, const int8_t *rr, int8_t *unit)"""

_CLASSIFY = f"""
{_SIGNATURE}
{{
    int8_t unit[ECG_UNITS];
    return network(beat, rr, unit);
}}

"""


def _learning(program, prior):
    """C text of the learner and its constants."""
    last = len(program.layers) - 1
    numbers = {
        "OUT_WEIGHT": f"w{last}",
        "OUT_BIAS": f"b{last}",
        "OUT_MULTIPLIER": f"m{last}",
        "OUT_SHIFT": program.layers[-1].shift,
        "NEAR_SHIFT": prior.near_shift,
        "WIDE_SHIFT": prior.wide_shift,
        "LOGIT_MAX": learner.LARGEST_LOGIT,
        "LEARN_NEAR": learner.NEAR,
        "LEARN_BIAS": learner.BIAS,
        "LEARN_DOUBT": learner.DOUBT,
        "LEARN_UNSURE": learner.UNSURE,
        "LEARN_FIRST": learner.FIRST_STEPS,
        "LEARN_NEXT": learner.NEXT_STEPS,
        "ECG_IDENTITY": f"{_identity(program, prior):#010x}u",
    }
    arrays = {
        "const uint16_t near_weight": prior.near,
        "const int16_t wide_kernel": prior.wide,
        "const int32_t power_of_half": learner.POWERS_OF_HALF,
    }
    lines = [f"#define {key} {value}" for key, value in numbers.items()]
    return (
        _CLASSIFY
        + "\n".join(lines)
        + "\n\n"
        + "".join(_array(declaration, values) for declaration, values in arrays.items())
        + _part("learn.c")
    )


def _identity(program, prior):
    """CRC-32 of all numbers of a network that learns."""
    found = 0
    layers = [
        (r.weight, r.bias, r.multiplier, [r.shift, r.zero_in, r.zero_out])
        for r in program.layers
    ]
    shifts = [prior.near_shift, prior.wide_shift, learner.LABELS, learner.DOUBT]
    for values in (*itertools.chain(*layers), prior.near, prior.wide, shifts):
        found = zlib.crc32(np.asarray(values, "<i8").tobytes(), found)
    return found


def _part(name):
    """Text of one of the files of which generated C consists, after an empty line."""
    return "\n" + (PARTS / name).read_text(encoding="utf-8")


def _front_header(features, prior):
    """C text of the functions that compute the input, and of what the network reads of it."""
    parts, column, text = parts_of(features), 0, ""
    for part, (n_columns, _) in TIMING.items():
        if part in OPTIONAL:
            text += f"#define ECG_{part.upper()} {column if part in parts else 0}\n"
        column += n_columns if part in parts else 0
    text += f"#define ECG_LEARNS {int(prior is not None)}\n"
    if prior:
        sizes = {"UNITS": len(prior.near), "LABELS": learner.LABELS, "WAITING": learner.WAITING}
        text += "".join(f"#define ECG_{key} {value}\n" for key, value in sizes.items())
        text += _part("learn.h")
    return f"""
/* Columns of timing; the first of each optional part, 0 if the network does not read it. */
#define ECG_COLUMNS {column}
{text}{"".join(map(_part, ("front.h", "peaks.h", "stream.h")))}"""


def _front(program):
    """C text of the function that computes the input, and its factors to bytes."""
    lines = [""]
    for name in ("beat", "rr"):
        multiplier, shift = byte_factor(program.scales[name])
        numbers = {"MULTIPLIER": multiplier, "SHIFT": shift}
        numbers["ZERO"] = program.reader(name).zero_in
        lines += [f"#define {name.upper()}_{key} ({v})" for key, v in numbers.items()]
    return "\n".join(lines) + "".join(map(_part, ("front.c", "peaks.c", "stream.c")))


def _constants(number, layer):
    """C text of the arrays of one layer, such as w0, b0, m0."""
    arrays = {
        f"const int8_t w{number}": layer.weight,
        f"const int32_t b{number}": layer.bias,
        f"const int32_t m{number}": layer.multiplier,
    }
    text = f"/* {layer.name} */\n"
    return text + "".join(_array(declaration, values) for declaration, values in arrays.items())


def _array(declaration, values):
    """C text of a constant array."""
    flat = [str(v) for v in values.ravel().tolist()]
    body = ",\n    ".join(", ".join(flat[i : i + 16]) for i in range(0, len(flat), 16))
    return f"static {declaration}[{len(flat)}] = {{\n    {body}}};\n"


def _buffer(name):
    """Name of the C variable that a layer reads."""
    return "x_" + name.replace(".", "_")


def _padded(program, name):
    """Numbers of samples (with padding), channels and padding of a layer's input."""
    pad = program.reader(name).pad
    n_times, n_channels = program.shapes[name]
    return n_times + 2 * pad, n_channels, pad


def _buffers(program):
    """C text of the buffers; everything, also the padding, starts as the byte that means 0."""
    lines = []
    for name in program.shapes:
        n_times, n_channels, _ = _padded(program, name)
        lines.append(f"    int8_t {_buffer(name)}[{n_times * n_channels}];")
    return "\n".join(lines)


def _reading(program):
    """C text that copies inputs into their buffers, channels last, and sets all padding."""
    lines = []
    for name in program.shapes:
        n_times, n_channels, pad = _padded(program, name)
        zero, variable = program.reader(name).zero_in, _buffer(name)
        if pad:
            lines.append(f"    for (t = 0; t < {pad * n_channels}; t++) {{")
            lines.append(f"        {variable}[t] = {zero};")
            lines.append(
                f"        {variable}[{(n_times - pad) * n_channels} + t] = {zero};\n    }}"
            )
        if name in ("beat", "rr"):
            kept = n_times - 2 * pad
            lines.append(f"    for (t = 0; t < {kept}; t++)")
            lines.append(f"        for (c = 0; c < {n_channels}; c++)")
            lines.append(
                f"            {variable}[(t + {pad}) * {n_channels} + c] = "
                f"{name}[c * {kept} + t];"
            )
    if "rr" not in program.shapes:
        lines.append("    (void)rr;")
    return "\n".join(lines)


def _call(program, number, layer, prior):
    """C statement that computes one layer."""
    n_out, n_taps, n_in = layer.weight.shape
    window, constants = n_taps * n_in, f"w{number}, b{number}, m{number}"
    if layer.target == "logits":
        read = _buffer(layer.source)
        copied = f"    for (c = 0; c < {window}; c++)\n        unit[c] = {read}[c];\n"
        answer = f"    return largest({read}, {window}, {constants}, {n_out});\n"
        return (copied if prior else "") + answer
    positions = program.shapes[layer.source][0] // layer.pool
    _, n_channels, pad = _padded(program, layer.target)
    target = f"{_buffer(layer.target)} + {pad * n_channels + layer.place}"
    return (
        f"    layer({_buffer(layer.source)}, {n_in}, {window}, {constants}, {layer.shift}, "
        f"{n_out},\n          {positions}, {layer.pool}, {layer.zero_out}, {target});\n"
    )
