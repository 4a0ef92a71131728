"""Tables of importance and cost against scipy, sums by hand and McNemar's counts."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from ecglib import stats
from ecglib.results import RunResult
from ecglib.studies.registry import make_config
from ecglib.tables import layer_costs
from tests.tables.test_compression import made_result

NAMES = ("stem.conv.weight", "stem.norm.weight", "block1.first.conv.weight", "out.weight")


def made_costs(fold, **settings):
    """A result of study layer_costs with random numbers, others in every fold."""
    rng = np.random.default_rng(fold)
    layers = {
        name: {
            **dict(zip(("pdi", "pvi", "ki"), rng.random(3).tolist(), strict=True)),
            "n_weights": 10 * number + 10,
            "gain": "norm" in name,
            "rise": {bits: float(rng.normal(0.1)) for bits in ("4", "3", "2")},
        }
        for number, name in enumerate(NAMES)
    }
    config = make_config("layer_costs", fold=fold, **settings).to_dict()
    data = {"name": "cinc2017", "sha256": "ab" * 32, "profile": "cpu"}
    metrics = {"loss": 0.5, "recordings": 853, "layers": layers}
    return RunResult("layer_costs", config, data, metrics, {"predict": 1.0}, {})


@pytest.fixture(scope="module")
def results():
    hubert = {"model": "hubert", "size": "tiny", "pretrain_epochs": 6}
    return [
        *(made_costs(fold) for fold in range(3)),
        *(made_costs(fold, **hubert) for fold in range(2)),
    ]


def test_every_layer_has_a_row_with_its_importance_and_rises(results):
    table = layer_costs.layers_of(results)
    assert len(table) == 5 * len(NAMES)
    titles = list(dict.fromkeys(table["network"]))
    assert len(titles) == 2
    assert all("CinC 2017" in title for title in titles)
    row = table[(table["fold"] == 1) & (table["layer"] == "out.weight")].iloc[0]
    layer = results[1].metrics["layers"]["out.weight"]
    by_hand = 0.1 * layer["pdi"] + 0.1 * layer["pvi"] + 0.8 * layer["ki"]
    assert row["I"] == pytest.approx(by_hand)
    assert (row["KI"], row["2 bits"]) == (layer["ki"], layer["rise"]["2"])
    assert set(table.loc[table["gain"], "layer"]) == {"stem.norm.weight"}
    with pytest.raises(LookupError):
        layer_costs.layers_of([])


def test_correlations_are_means_of_each_folds_own(results):
    table = layer_costs.correlations_table(results)
    assert table.index.get_level_values("index").tolist() == ["I", "PDI", "PVI", "KI"] * 2
    of_fold = []
    for result in results[:3]:
        layers = result.metrics["layers"].values()
        pairs = [(layer["pvi"], layer["rise"]["3"]) for layer in layers]
        of_fold.append(spearmanr(*zip(*pairs, strict=True)).statistic)
    row = table.xs("PVI", level="index").iloc[0]
    assert row["3 bits"] == pytest.approx(np.mean(of_fold))
    assert row["3 bits low"] <= row["3 bits"] <= row["3 bits high"]


def made_trial(fold, counts, ratio, **settings):
    keys = ("recordings", "both_right", "only_fp32_right", "only_coded_right")
    metrics = {"ideal_ratio": ratio, "file_ratio": 2 * ratio}
    counted = dict(zip(keys, counts, strict=True)) | {"loss_fp32": 0.5, "loss_coded": 0.6}
    metrics["decisions"] = {"validation": counted}
    return made_result("compression", fold=fold, method="laq", metrics=metrics, **settings)


TRIALS = [
    made_trial(0, (100, 80, 4, 6), 8.0),
    made_trial(1, (300, 200, 20, 10), 10.0),
    made_trial(0, (4000, 3000, 10, 12), 7.0, alpha=0.0, beta=1.0, gamma=0.0),
    made_trial(0, (4000, 3000, 10, 12), 6.0, alpha=1.0, beta=0.0, gamma=0.0),
    made_trial(0, (4000, 3000, 90, 12), 9.0, alpha=0.5, beta=0.5, gamma=0.0),
]


def test_settings_are_judged_on_the_validation_recordings_of_all_folds():
    without = made_result("compression", fold=3, method="laq", metrics={"decisions": {}})
    table = layer_costs.validation_table([*TRIALS, without])
    row = table.loc[(0.1, 0.1, 0.8, 0.01)]
    assert row["folds"] == 2
    assert (row["CR"], row["file"]) == (9.0, 18.0)
    fp32 = [1] * 280 + [1] * 24 + [0] * 16 + [0] * 80
    coded = [1] * 280 + [0] * 24 + [1] * 16 + [0] * 80
    expected = stats.paired_accuracy(coded, fp32)
    found = [row[f"Δ accuracy, points{bound}"] / 100 for bound in ("", " low", " high")]
    assert found == pytest.approx([expected.value, expected.low, expected.high])
    assert expected.value == -0.02
    assert row["Δ loss"] == pytest.approx(0.2)


def test_the_smallest_without_loss_is_chosen():
    table = layer_costs.validation_table(TRIALS)
    assert layer_costs.chosen(table) == (0.0, 1.0, 0.0, 0.01)
    with pytest.raises(LookupError, match="every setting loses"):
        layer_costs.chosen(layer_costs.validation_table(TRIALS[:2]))
    with pytest.raises(LookupError, match="no run counted"):
        layer_costs.validation_table([])
