"""Compilation of generated C: a library to call, bytes on a Cortex-M4, instructions."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

from ecglib.deploy.c99.emit import PARTS
from ecglib.deploy.c99.front import reach
from ecglib.system.errors import UserError

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")

_CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-Os", "-fstack-usage")
_BARE = (
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
    "-ffunction-sections",
    "-fdata-sections",
    "-nostdlib",
    "-Wl,--gc-sections",
    "-Wl,-e,main",
)
"""Options for a program without libraries except the compiler's own arithmetic, and without
functions that are not called."""

_CALLERS = {
    "beats": """#include "{name}.h"
ecg_state state;
int main(void)
{{
    static int16_t samples[{samples}];
    ecg_start(&state, {fs}, 200);
    return ecg_beat(&state, samples + {samples} / 2, 0) + ecg_finish(&state);
}}
""",
    "stream": """#include "{name}.h"
ecg_stream state;
int main(void)
{{
    int32_t time;
    ecg_open(&state, {fs}, 200);
    return ecg_sample(&state, 0, &time) + ecg_close(&state, &time);
}}
""",
    "device": """#include "{name}.h"
ecg_stream state;
static uint8_t kept[ECG_KEPT]; /* flash memory, which is not counted */
static void keep_byte(int32_t at, uint8_t byte) {{ kept[at] = byte; }}
int main(void)
{{
    int32_t time;
    ecg_open(&state, {fs}, 200);
    ecg_load(&state.beats.learned, kept);
    if (ecg_sample(&state, 0, &time) >= 0 && ecg_ask(&state.beats, 20))
        ecg_label(&state.beats, time, 0);
    ecg_save(&state.beats.learned, kept, keep_byte);
    return ecg_close(&state, &time);
}}
""",
}
_WASM = ("--target=wasm32", "-O2", "-ffreestanding", "-fno-builtin", "-nostdlib")
_WASM += ("-Wl,--no-entry", "-Wl,--strip-all")
"""Options for WebAssembly that imports nothing."""

_BEAT_CALLS = ("ecg_beat", "classify_waiting", "network", "classify", "layer")
_CALLS = {
    "beats": [_BEAT_CALLS],
    "stream": [("ecg_sample", "classify_at", *_BEAT_CALLS)],
    "device": [
        ("ecg_sample", "classify_at", *_BEAT_CALLS),
        ("ecg_label", "ecg_learn", "settle", "corrected"),
    ],
}
"""What calls what, the deepest chains."""

_FS = 360  # sampling frequency of the device whose memory is counted, Hz
_FEEDER = """#include "{name}.h"
#include <stdio.h>
int main(void)
{{
    int8_t beat[{beat}], rr[{rr}];
    while (fread(beat, 1, sizeof beat, stdin) == sizeof beat
           && fread(rr, 1, sizeof rr, stdin) == sizeof rr)
        putchar('0' + classify(beat, rr));
    return 0;
}}
"""
_LEARNER = """#include "{name}.h"
#include <stdio.h>
int main(void)
{{
    static ecg_learned learned;
    int8_t row[ECG_UNITS + 1];
    while (fread(row, 1, sizeof row, stdin) == sizeof row)
        ecg_learn(&learned, row, row[ECG_UNITS]);
    return 0;
}}
"""


def has(tool):
    """Whether a program is on the path."""
    return shutil.which(tool) is not None


def _require(tool, package):
    """Raise `UserError` if a program is missing; it names Debian's package that has it."""
    if not has(tool):
        raise UserError(f"there is no {tool} here; install {package}")


def library(source, *options):
    """Compile C for this machine and load it; `UserError` if there is no compiler.

    Parameters
    ----------
    source : Path
        File from `ecglib.deploy.c99.emit.write_c`; the library is written beside it.
    *options : str
        Options of the compiler.

    Returns
    -------
    ctypes.CDLL
    """
    _require("gcc", "gcc")
    target = Path(source).with_suffix(".so")
    _run("gcc", *STRICT, "-O2", *options, "-shared", "-fPIC", source, "-o", target)
    return ctypes.CDLL(str(target))


def classifier(source, n_beat, n_rr, compiler="gcc", *options):
    """Compile a program that reads beats as bytes and prints a digit for each.

    Parameters
    ----------
    source : Path
        File from `ecglib.deploy.c99.emit.write_c`; the program is written beside it.
    n_beat, n_rr : int
        Bytes of one beat and of its timing.
    compiler : str
        Compiler for this machine or another one; `UserError` if it is missing.
    *options : str
        Options of the compiler.

    Returns
    -------
    Path
        The program.
    """
    _require(compiler, compiler)
    source = Path(source)
    feeder = source.with_name(f"{source.stem}_feeder.c")
    feeder.write_text(_FEEDER.format(name=source.stem, beat=n_beat, rr=n_rr))
    target = source.with_name(f"{source.stem}_{compiler}")
    _run(compiler, *STRICT, "-O2", *options, source, feeder, "-o", target)
    return target


def learner(source):
    """Compile a program that learns labels, for this machine.

    It reads rows of the bytes of the last hidden layer and a class; `source` is that of
    `device`, as are errors and result.
    """
    _require("gcc", "gcc")
    source = Path(source)
    main, target = (source.with_name(f"{source.stem}_learner{end}") for end in (".c", ""))
    main.write_text(_LEARNER.format(name=source.stem), encoding="utf-8")
    _run("gcc", *STRICT, "-O2", source, main, "-o", target)
    return target


_BARE_M4 = ("-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-nostdlib", "-DBARE")


def device(source, fs, gain, per_hour, compiler="gcc", *options):
    """Compile the whole device as a program, see `device.c` for what it reads and writes.

    Parameters
    ----------
    source : Path
        File from `ecglib.deploy.c99.emit.write_c`, of a network that learns.
    fs, gain : int
        Sampling frequency, Hz, and units in a millivolt.
    per_hour : int
        Labels an hour that the device may ask for.
    compiler : str
        Compiler for this machine or another one; "arm-none-eabi-gcc" makes code for a
        Cortex-M4, which an emulator runs.
    *options : str
        Options of the compiler.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    UserError
        If the compiler is missing.
    """
    _require(compiler, compiler)
    source = Path(source)
    main = source.with_name(f"{source.stem}_device.c")
    numbers = {"FS": fs, "GAIN": gain, "ASKS": per_hour}
    text = f'#include "{source.stem}.h"\n'
    text += "".join(f"#define DEVICE_{key} {value}\n" for key, value in numbers.items())
    main.write_text(text + (PARTS / "device.c").read_text(encoding="utf-8"), encoding="utf-8")
    target = source.with_name(f"{source.stem}_device_{compiler}")
    bare = compiler == "arm-none-eabi-gcc"
    how, libraries = (_BARE_M4, ("-lgcc",)) if bare else (("-O2",), ())
    _run(compiler, *STRICT, *how, *options, source, main, *libraries, "-o", target)
    return target


def cortex_m4(source, use="beats"):
    """Memory that the micro network takes on a Cortex-M4, from raw samples to classes.

    Parameters
    ----------
    source : Path
        File from `ecglib.deploy.c99.emit.write_c`, with features.
    use : {"beats", "stream", "device"}
        With "beats", R-peaks are given. With "stream", they are detected, and the state keeps
        the samples. With "device", the network also asks, learns, and keeps what it learned.

    Returns
    -------
    dict of str to int
        `flash_bytes` are code, constants and the compiler's arithmetic. In RAM there are
        `state_bytes`, `sample_bytes` (half a second, if they are not part of the state) and
        `stack_bytes` of the deepest calls; `ram_bytes` is their sum.

    Raises
    ------
    UserError
        If there is no cross compiler.
    """
    _require("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    source = Path(source)
    caller = source.with_name(f"{source.stem}_{use}.c")
    n_samples = 2 * reach(_FS) + 1
    caller.write_text(_CALLERS[use].format(name=source.stem, fs=_FS, samples=n_samples))
    target = source.with_name(f"{source.stem}_{use}_m4.elf")
    gcc = ("arm-none-eabi-gcc", *STRICT, *_CORTEX_M4)
    _run(*gcc, *_BARE, source, caller, "-lgcc", "-o", target)
    text, data, _ = map(int, _run("arm-none-eabi-size", target).splitlines()[1].split()[:3])
    symbols = _run("arm-none-eabi-nm", "-S", target)
    state = int(re.search(r" ([0-9a-f]+) [bB] state$", symbols, re.M)[1], 16)
    used = next(source.parent.glob(f"{target.name}-{source.stem}.su")).read_text()
    stack = {name: int(n) for name, n in re.findall(r":(\w+)[.\w]*\t(\d+)\t", used)}
    memory = {
        "state_bytes": state,
        "sample_bytes": 2 * n_samples if use == "beats" else 0,
        "stack_bytes": max(  # 0 if inlined
            sum(stack.get(name, 0) for name in calls) for calls in _CALLS[use]
        ),
    }
    return {"flash_bytes": text + data, **memory, "ram_bytes": sum(memory.values())}


def clang_version():
    """First line of what clang says of itself; `UserError` if it or its linker is missing."""
    _require("clang", "clang")
    _require("wasm-ld", "lld")
    return _run("clang", "--version").partition("\n")[0]


def wasm(sources, exports):
    """Compile C files, paths, to WebAssembly beside the first one; its path is returned.

    A page sees `exports`, names of functions and variables; the code imports nothing.
    `UserError` if clang or lld is missing.
    """
    clang_version()
    target = Path(sources[0]).with_suffix(".wasm")
    seen = [f"-Wl,--export={name}" for name in exports]
    _run("clang", *STRICT, *_WASM, *seen, *sources, "-o", target)
    return target


def instructions(program, stream, n_beats):
    """Number of instructions for one beat, counted by callgrind, without the program's start.

    Parameters
    ----------
    program : Path
        Program from `classifier` or `device`, for this machine.
    stream : bytes
        Beats as bytes, or what a device reads.
    n_beats : int
        Number of beats in the stream, or of what else the instructions are divided by.

    Returns
    -------
    float

    Raises
    ------
    UserError
        If there is no valgrind.
    """
    _require("valgrind", "valgrind")
    counted = [_collected(program, data) for data in (b"", stream)]
    return (counted[1] - counted[0]) / n_beats


def _collected(program, stream):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program)]
    done = subprocess.run(command, input=stream, capture_output=True, check=True)
    return int(re.search(rb"Collected : (\d+)", done.stderr)[1])


def _run(*command):
    """Standard output of a command; if the command fails, its messages become an error."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
    return done.stdout
