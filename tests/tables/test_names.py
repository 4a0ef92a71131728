"""Names of arms are plain words, and tell arms apart."""

import pytest

from ecglib import results
from ecglib.data import sets
from ecglib.personalize.strategies import STRATEGIES
from ecglib.quant.scopes import SCOPES
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, int8, names


@pytest.mark.parametrize(
    "value", [*STRATEGIES, *SCOPES, "ds1_ds2", "ds2_ds1", "ds1_val", "lopo"]
)
def test_no_setting_is_shown_as_a_slug(value):
    assert "_" not in names.word(value)
    assert value in (*STRATEGIES, *SCOPES, *sets.get("mitdb").splits, "lopo")


@pytest.mark.parametrize("study", ["baseline", "personalization", "int8", "micro", "c99"])
def test_committed_arms_have_names_of_their_own(study):
    found = results.load_study(RESULTS, study)
    named = arms.by_name(found)
    assert sum(len(arm.results) for arm in named.values()) == len(found)
    assert not any("_" in name or "None" in name for name in named)


def test_variants_of_one_study_have_names_of_their_own():
    baselines = arms.group(results.load_study(RESULTS, "baseline"), split="ds1_ds2")
    assert len({names.baseline(arm.settings) for arm in baselines}) == len(baselines)
    kind = {"split": "ds1_ds2", "online_seconds": 300}
    strategies = arms.group(results.load_study(RESULTS, "personalization"), **kind)
    assert len({names.personalized(arm.settings) for arm in strategies}) == len(strategies)


def test_scopes_and_methods_make_rows_of_their_own():
    rows = [names.rounded(scope, method) for scope in SCOPES for method in int8.METHODS[:2]]
    assert len(set(rows)) == len(rows)
