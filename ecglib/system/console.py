"""How a command of the command line speaks and ends: in a sentence, never in a traceback."""

import contextlib
import os
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from tqdm import tqdm

from ecglib.system.errors import UserError


def run(command):
    """Call a command and say in one line on stderr what stopped it.

    Letters that the output lacks are replaced, and the end is quiet if the reader of stdout
    has enough. A fault of the program leaves its traceback in a file.

    Parameters
    ----------
    command : callable
        Function () -> exit status, or None for 0.

    Returns
    -------
    int
        The command's exit status; 1 after an error, 130 after Ctrl-C, 141 after a closed pipe.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a closed one and a test's own have none
            stream.reconfigure(errors="replace")
    warnings.showwarning = _note
    _keep_home()
    try:
        status = command() or 0
        if sys.stdout:
            sys.stdout.flush()
        return status
    except BrokenPipeError:
        return 141  # as programs end that the signal of a closed pipe stops
    except KeyboardInterrupt:
        print(
            "ecglib: stopped; what was finished is kept, call again to go on", file=sys.stderr
        )
        return 130
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # closes progress bars, so that lines end
        print(f"ecglib: {_sentence(error)}", file=sys.stderr)
        return 1
    finally:
        _let_go()


def _note(message, category, filename, lineno, *_):
    """Show a warning; one of ours needs no line of the program."""
    text = warnings.formatwarning(message, category, filename, lineno)
    text = f"note: {message}\n" if category is UserWarning else text
    tqdm.write(text, file=sys.stderr, end="")


def _keep_home():
    """Give matplotlib a folder for its list of fonts, which it would keep under HOME."""
    user = getattr(os, "getuid", int)()
    with contextlib.suppress(OSError):
        folder = Path(tempfile.gettempdir()) / f"ecglib-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid == user:  # nobody else's, who could put something into it
            os.environ.setdefault("MPLCONFIGDIR", str(folder))


def _sentence(error):
    """What the user is told of an error."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    torch = ("allocate memory", "out of memory")  # whose errors have no class for this
    if isinstance(error, MemoryError) or any(words in str(error) for words in torch):
        return "the memory of this machine is not enough; close other programs, or do less"
    handle, name = tempfile.mkstemp(prefix="ecglib-", suffix=".txt")
    with open(handle, "w", encoding="utf-8", errors="replace") as file:
        file.writelines(traceback.format_exception(error))
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"this is a fault of the program ({what}); please report it with {name}"


def _let_go():
    """Point closed outputs at nothing, or Python complains about them when it ends."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
