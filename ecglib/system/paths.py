"""Where the repository keeps things, whatever the current folder is.

Jupyter starts a chapter in `chapters/`, papermill wherever it was called: neither they nor
the library may rely on the working directory, so every path starts here. `ecglib` is
installed in editable mode, hence its parent folder is the repository.
"""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CHAPTERS = REPO / "chapters"
PARAMS = REPO / "params"
RESULTS = REPO / "results"  # committed reference runs
FIGURES = RESULTS / "figures"  # committed images of real recordings
RUNS = REPO / "_build" / "runs"  # live runs
HTML = REPO / "_build" / "html"  # what one reads
