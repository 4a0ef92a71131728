"""Tables of worse recordings, against counts by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecglib.tables import robustness
from tests.tables.made import result
from tests.tables.test_budget import GOOD

KEYS = ("100", "232", "svdb/803", "svdb/804")
EVERYBODY = dict.fromkeys(KEYS, GOOD["100"])


def test_missed_and_false_beats_lower_f1():
    found = result("robustness", GOOD, beats="detected")
    counts = [[9, 1, 0], [4, 4, 2], [3, 1, 1]]
    found.metrics["detection"] = {"100": counts, "232": [[0, 0, 0]] * 3}
    row = robustness.robustness_table([found]).loc[("none", "detected", 0.0)]
    assert row["S F1, fp32"] == pytest.approx(8 / (8 + 4 + 2))
    assert row["V F1, fp32"] == pytest.approx(6 / (6 + 1 + 1))


def in_noise(seed):
    """Confusions of N, S, V and nothing; with the rule, half of the answers are refused."""
    rng = np.random.default_rng(seed)
    whole, kept = {}, {}
    for key in KEYS:
        matrix = np.diag([60, 20, 20, 0]) + rng.integers(1, 9, (4, 4))
        matrix[3, 3] = 0
        refused = matrix[:, :3] // 2
        ruled = matrix.copy()
        ruled[:, :3] -= refused
        ruled[:, 3] += refused.sum(axis=1)
        whole[key], kept[key] = matrix.tolist(), ruled.tolist()
    return {"all": whole, "answered": kept}


def noisy_results():
    """Two seeds of muscle noise at two levels and of clean records."""
    arms = [("none", 0.0), ("recorded_ma", 12.0), ("recorded_ma", 0.0), ("muscle", 6.0)]
    found = []
    for number, (kind, level) in enumerate(arms):
        for beats in ("annotated", "detected"):
            for seed in (7, 21):
                settings = {"dataset": "both", "records": (), "split": "dev_test"}
                settings |= {"perturbation": kind, "level": level, "beats": beats}
                one = result("robustness", EVERYBODY, scope="all_int8", seed=seed, **settings)
                one.metrics["in_noise"] = in_noise(100 * number + seed + len(beats))
                found.append(one)
    return found


def beats_of(matrix):
    """Reference and answer of every beat that a confusion counts."""
    truth, said = np.indices((4, 4))
    return np.repeat(truth.ravel(), np.ravel(matrix)), np.repeat(said.ravel(), np.ravel(matrix))


def test_scores_in_noise_by_database():
    table = robustness.noise_table(noisy_results())
    assert list(table.index.unique("noise")) == ["muscle"]  # the generated kind is not meant
    assert list(table.loc[("SVDB", "muscle", "annotated")].index) == [np.inf, 12, 0]
    row = table.loc[("MIT-BIH", "muscle", "detected", 12.0)]
    expected = []
    for seed in (7, 21):
        confusions = in_noise(100 + seed + len("detected"))
        whole, kept = (
            beats_of(np.add(confusions[kind]["100"], confusions[kind]["232"]))
            for kind in ("all", "answered")
        )
        there, answered = whole[0] < 3, whole[1] < 3
        still = kept[1] < 3
        how = {"labels": [0, 1, 2], "average": "macro"}
        expected.append(
            {
                "macro-F1": f1_score(*whole, **how),
                "without 232": f1_score(*beats_of(confusions["all"]["100"]), **how),
                "accuracy": np.mean((whole[0] == whole[1])[answered]),
                "answered": np.mean(answered[there]),
                "false detections": np.sum(~there) / np.sum(there),
                "macro-F1, rule": f1_score(kept[0][still], kept[1][still], **how),
                "accuracy, rule": np.mean((kept[0] == kept[1])[still]),
                "answered, rule": np.mean(still[kept[0] < 3]),
            }
        )
    for name in expected[0]:
        assert row[name] == pytest.approx(np.mean([one[name] for one in expected])), name
    assert row["macro-F1 low"] <= row["macro-F1"] <= row["macro-F1 high"]
    assert np.isnan(table.loc[("SVDB", "muscle", "detected", 12.0), "without 232"])


def test_without_recorded_noise_there_is_no_table():
    clean = [r for r in noisy_results() if r.config["perturbation"] == "none"]
    with pytest.raises(LookupError, match="no run with recorded noise"):
        robustness.noise_table(clean)
