"""The same configuration twice on a processor: the same file but for times and machine.

Studies of paper 1's pipeline, of number formats, and of the micro network have such a test of
their own; here are all of the others that train or search.
"""

import pytest

from ecglib.config import CompressionConfig, MicroConfig, RhythmConfig, RobustnessConfig
from ecglib.studies import run_study
from tests.commands import runs_in

TINY = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "weight_decay": 1e-4}
SMALL = {"epochs": 1, "qat_epochs": 1, "split": "ds1_ds2"}
CONFIGS = {
    "rhythm": RhythmConfig(fold=0, **TINY),
    "laq": CompressionConfig(fold=0, method="laq", **TINY),
    "joint": CompressionConfig(
        fold=0, method="joint", bits=3, share=0.5, tune_epochs=2, **TINY
    ),
    "micro": MicroConfig(scope="all_int8", **SMALL),
    "robustness": RobustnessConfig(scope="none", **SMALL),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_configuration_twice_gives_the_same_file(cinc2017, mitdb, tmp_path, name):
    sources = {source.name: source for source in (cinc2017, mitdb)}
    found = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        site = {"profile": "tiny", "device": "cpu", "runs": folder / "runs"}
        run_study([CONFIGS[name]], sources, **site)
        found.append(runs_in(folder / "runs"))
    assert len(found[0]) >= 1
    for first, second in zip(found[0].values(), found[1].values(), strict=True):
        assert without_seconds(first) == without_seconds(second)


def without_seconds(value):
    """A result without whatever it measured with a clock."""
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if "seconds" not in k}
    return value
