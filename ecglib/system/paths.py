"""Folders of the repository, as absolute paths.

Jupyter starts a chapter in `chapters/`, papermill in the folder where it was called. So no code
may rely on the current folder, and every path starts here. `ecglib` is installed in editable
mode, so its parent folder is the repository.
"""

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CHAPTERS = REPO / "chapters"
PARAMS = REPO / "params"
RESULTS = REPO / "results"  # committed reference runs
FIGURES = RESULTS / "figures"  # committed images of real recordings
RUNS = REPO / "_build" / "runs"  # live runs
HTML = REPO / "_build" / "html"  # the rendered book
