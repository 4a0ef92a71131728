"""Description of the machine on which a run is made: processor, versions, commit."""

import platform
import subprocess
from pathlib import Path

import torch


def describe_environment(device, folder):
    """Machine and versions of a run, for its result file, as a dict.

    Parameters
    ----------
    device : torch.device
        Where the networks ran.
    folder : Path
        The repository, whose commit is recorded.
    """
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": gpu or "cpu",
        "cpu": _cpu_info("model name") or platform.machine(),
        "cpu_flags": simd_flags(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": _commit(folder),
    }


def _cpu_info(key):
    """Value of the first line of /proc/cpuinfo with this key; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def simd_flags():
    """Flags of the processor that decide how fast products of matrices are."""
    flags = (_cpu_info("flags") or _cpu_info("Features")).split()
    telling = ("avx", "fma", "vnni", "amx", "bf16", "asimd", "f16c", "sse4")
    return [flag for flag in flags if flag.startswith(telling) or "vnni" in flag]


def saturates():
    """Whether 8-bit products of this processor may overflow while they are added.

    x86 processors without VNNI add pairs of products of unsigned and signed bytes in 16 bits
    and clip the sum.
    """
    x86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
    return x86 and not any("vnni" in flag for flag in simd_flags())


def _commit(folder):
    """Commit of the working tree, with "+" if files have changed; "" outside a repository."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
