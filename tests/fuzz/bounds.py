"""Limits of memory and time under which readers meet files that nobody should trust."""

import signal
from contextlib import contextmanager

from ecglib.system.errors import UserError

MOST_BYTES = 1 << 30
LONGEST_S = 30  # for one file; a hang is what this ends, slowness is no failure


class Hang(BaseException):
    """Not an `Exception`, which readers turn into a sentence."""


@contextmanager
def bounded():
    """No more than a gigabyte beside what is in use, and no file that takes for ever."""
    import resource  # only Unix has it

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()

    def stop(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MOST_BYTES, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def causes(error):
    """An exception and those that it comes from."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def complaint(read, folder):
    """What a reader does wrong with the files in a folder; None if nothing."""
    signal.alarm(LONGEST_S)
    try:
        read(folder)
    except UserError as error:
        if "\n" in str(error).strip():
            return f"more than one line: {error}"
        if any(isinstance(cause, MemoryError) for cause in causes(error)):
            return "asked for more memory than there is"
    except BaseException as error:
        return repr(error)[:300]
    finally:
        signal.alarm(0)
    return None


def paths_beside(folder):
    """What lies around a folder and not in it, two levels up."""
    return {path for path in folder.parents[1].rglob("*") if folder not in path.parents}
