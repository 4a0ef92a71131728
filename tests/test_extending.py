"""What chapter 10 shows of extending the library is run as it stands there."""

import jupytext
import matplotlib
import pytest
import torch

from ecglib.data.sets import SETS
from ecglib.models import MODELS
from ecglib.personalize.strategies import STRATEGIES
from ecglib.system.paths import CHAPTERS
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2

ADDED = ("strategy", "model", "data set of beats", "data set of recordings")
SECTIONS = [f"## Add a {what}" for what in ADDED]
SETUP = {"parameters", "remove-cell"}


def cells():
    """Code of the chapter that sets it up, then of the sections on extending."""
    section, chosen = None, []
    for cell in jupytext.read(CHAPTERS / "10_reproduce_and_extend.py").cells:
        if cell.cell_type == "markdown":
            titles = [line for line in cell.source.splitlines() if line.startswith("#")]
            section = titles[-1] if titles else section
        elif section in SECTIONS or SETUP & set(cell.metadata.get("tags", [])):
            chosen.append(cell.source)
    return chosen


@pytest.fixture(scope="module")
def shown(synthetic_root, tmp_path_factory):
    """Names of the chapter after its cells on extending, on invented patients."""
    matplotlib.use("Agg")
    torch.manual_seed(0)
    given = {"data_root": str(synthetic_root), "device": "cpu"}
    given["records"] = [*SYNTHETIC_DS1, *SYNTHETIC_DS2]
    names, runs = {}, tmp_path_factory.mktemp("extending") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        for known in (STRATEGIES, MODELS, SETS):
            patch.setattr("ecglib.system.paths.RUNS", runs)
            for name in ("steady", "ecgnet_mean", "strap", "watch"):
                patch.setitem(known, name, None)  # taken back after the test
                del known[name]
        for number, source in enumerate(cells()):
            exec(compile(source, f"cell {number}", "exec"), names)
            names |= given if number == 0 else {}
    return names


def test_all_sections_are_run():
    assert sum("SETS[" in source for source in cells()) == 2
    assert sum("STRATEGIES[" in source or "MODELS[" in source for source in cells()) == 2


def test_the_strategy_with_another_loss_changes_its_part_and_its_patients(shown):
    control, steady = shown["personalized"]
    assert (control.config["strategy"], steady.config["strategy"]) == ("none", "steady")
    assert control.predictions != steady.predictions
    assert "adapt" in steady.runtime_s


def test_the_model_is_trained_and_answers_otherwise(shown):
    ecgnet, mean = shown["trained"]
    assert (ecgnet.config["model"], mean.config["model"]) == ("ecgnet", "ecgnet_mean")
    assert ecgnet.metrics["loss"] != mean.metrics["loss"]


def test_the_beats_of_another_database_are_told_apart(shown):
    (result,) = shown["worn"]
    assert result.data["name"] == "strap"
    assert list(result.per_record) == ["strap/3", "strap/4"]
    assert result.metrics["accuracy"] > 0.95  # nine beats of ten are N


def test_the_recordings_are_told_apart(shown):
    (result,) = shown["watched"]
    assert result.data["name"] == "watch"
    assert result.metrics["accuracy"] > 0.7
