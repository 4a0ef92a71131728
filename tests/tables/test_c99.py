"""Tables of generated C from hand-made results, cell by cell."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from ecglib.tables import c99, papers
from tests.tables.made import MACRO, matrices, pairs_of, seeds_of, with_metrics

SEEDS = (7, 21)
METRICS = {
    "exact": (1.0, 0.5),
    "agreement": (0.9, 1.0),
    "constant_bytes": (100, 100),
    "flash_bytes": (150, 160),
    "stream_flash_bytes": (180, 190),
    "state_bytes": (10, 10),
    "sample_bytes": (20, 20),
    "stack_bytes": (30, 30),
    "ram_bytes": (60, 60),
    "stream_ram_bytes": (100, 120),
    "device_flash_bytes": (200, 210),
    "device_ram_bytes": (115, 125),
    "learned_exact": (0.8, 0.7),
    "label_instructions": ({"1": 10, "20": 100}, {"1": 20, "20": 300}),
    "us_per_beat": (2.0, 4.0),
}
CLASSES = [[8, 2, 0], [3, 1, 1], [5, 0, 5]]  # TP, FN, FP of N, S, V
F1 = [16 / 18, 6 / 8, 10 / 15]


def results_of(**columns):
    made = seeds_of("c99", seeds=SEEDS, bits=8)
    one = {"beats": [9, 1, 0], "classes": CLASSES, "recorded_s": 60, "seconds": 2, "delay_s": 1}
    return with_metrics(made, streamed=[{"100": one}] * 2, **(METRICS | columns))


def library():
    made = seeds_of("robustness", seeds=SEEDS)
    return with_metrics(made, detection=[{"100": CLASSES}] * 2)


def test_agreement_is_that_of_the_least_exact_seed():
    row = c99.agreement_table(results_of()).iloc[0]
    assert (row["exact"], row["same as QAT"]) == (0.5, 0.9)
    assert row["exact while learning"] == 0.7


def test_costs_are_means_over_seeds_and_say_how_they_are_known():
    table = c99.cost_table(results_of())
    assert table.loc["flash, bytes"].tolist() == [155, c99.LINKED]
    assert table.loc["µs a beat"].tolist() == [3, c99.TIMED]
    assert table.loc["instructions of the twentieth label"].tolist() == [200, c99.COUNTED]
    counted = table.loc["instructions of the network a beat"]
    assert np.isnan(counted["number"])  # no tool was there
    assert counted["how it is known"] == c99.COUNTED


def test_parts_of_the_memory_add_up_to_all_of_it():
    parts = c99.memory_parts(results_of())
    assert parts["flash"] == pytest.approx(
        {
            "weights and constants": 100,
            "code": 55,
            "added by the detector": 30,
            "added by the learner": 20,
        }
    )
    assert sum(parts["RAM"].values()) == 120
    assert parts["RAM"]["stack"] == 30


def test_memory_that_nobody_counted_is_no_number():
    made = results_of()
    for result in made:
        del result.metrics["stream_flash_bytes"]
    with pytest.raises(LookupError):
        c99.memory_parts(made)


def test_published_rows_stand_beside_ours_as_printed():
    table = c99.beside_others(results_of())
    nano, farag, ours = (table.iloc[row] for row in range(3))
    assert nano["macro-F1"] == papers.PAPER1_TABLE_1[2].macro_f1
    assert nano["weights, bytes"] == "not printed"
    assert (farag["macro-F1"], farag["weights, bytes"]) == (0.9217, 15_000)
    assert ours["weights, bytes"] == 100


def test_f1_by_peaks_is_that_of_scikit_learn_and_of_the_counts():
    found = c99.f1_by_peaks(results_of(), library())
    known, ours, other = found.values()
    expected = [f1_score(*pairs_of(*m.values()), **MACRO) for m in matrices(SEEDS, 0, False)]
    assert known["macro-F1"] == pytest.approx(np.mean(expected))
    for row in (ours, other):
        assert [row[kind] for kind in "NSV"] == pytest.approx(F1)
        assert row["macro-F1"] == pytest.approx(np.mean(F1))


def test_a_stream_is_timed_against_what_was_recorded():
    table = c99.stream_table(results_of(), library())
    ours, other = table.iloc[0], table.iloc[1]
    assert (ours["beats, Se"], ours["+P"]) == (0.9, 1)
    assert ours["× real time"] == 30
    assert other["macro-F1"] == pytest.approx(np.mean(F1))
    assert pd.isna(other["× real time"])


@pytest.mark.parametrize("table", [c99.agreement_table, c99.cost_table, c99.memory_parts])
def test_without_runs_there_is_no_table(table):
    with pytest.raises(LookupError):
        table([])
