"""Tables of bounds, beside what others print and what was measured."""

import numpy as np
import pandas as pd
import pytest

from ecglib.deploy.roofline import MACHINES
from ecglib.tables import arms, roofline
from tests.tables.made import confusions, late, result, seeds_of, with_metrics

DEVICES = [
    {"device": "cpu", "estimated": {"paper_stage_22_patients_s": 900.0}},
    {"device": "cuda", "estimated": {"paper_stage_22_patients_s": 70.0}},
    {"runtime": "of forward passes alone"},
]


@pytest.fixture
def stages():
    return pd.Series({"puzzle": 1e12, "fine-tuning": 3e12})


@pytest.fixture
def works():
    layers = {"macs": [100, 50], "weights": [10_000, 20], "activations": [30, 40]}
    return {"ECGNet": pd.DataFrame(layers, index=["fc", "conv"])}


def ours():
    made = seeds_of("personalization", strategy="head_only")
    for run, seconds in zip(made, (10, 30), strict=True):
        run.runtime_s.clear()
        run.runtime_s.update(pretrain=seconds, finetune=2 * seconds)
    return arms.pick(made)


def total(matrices):
    return sum(np.sum(m) for m in matrices.values())


def test_beats_of_both_sides_are_counted():
    train, test = seeds_of("baseline", seeds=(7,)), seeds_of("baseline", seeds=(21,))
    found = roofline.beats_of_sides(train, test)
    every = total(confusions(21))
    late_ones = total(late(confusions(21)))
    assert found == {
        "n_train": total(confusions(7)),
        "n_online": every - late_ones,
        "n_test": every,
    }
    with pytest.raises(LookupError):
        roofline.beats_of_sides(train, [])


def test_stages_take_two_operations_a_multiplication_at_the_peak(stages):
    table = roofline.stage_table(stages)
    assert table.loc["together", "multiplications"] == 4e12
    assert table.loc["together", "Jetson Nano"] == pytest.approx(8e12 / 472e9)


def test_every_way_to_know_a_time_has_its_own_column(stages):
    table = roofline.pipeline_table(stages, ours(), DEVICES)
    assert list(table) == ["printed", "measured", "estimated", "at least"]
    nano, orin, h200 = (table.loc[name] for name in ("Jetson Nano", "Orin Nano", "H200"))
    assert nano["printed"] == 60048
    assert nano[["measured", "estimated"]].isna().all()
    assert orin[["printed", "measured", "estimated"]].isna().all()
    assert h200.drop("at least").tolist() == [2920, 60, 70]
    with pytest.raises(LookupError):
        roofline.pipeline_table(stages, ours(), DEVICES[:1])


def test_a_machine_without_a_format_says_so(works):
    assert roofline.machine_table().loc["Jetson Nano", "INT8, Top/s"] == "none"
    table = roofline.bound_table(works)
    assert np.isnan(table.loc[("ECGNet", "int8"), "Jetson Nano"])
    moved = 2 * (10_000 + 30 + 20 + 40)  # both layers wait for memory
    expected = 1e3 * moved / MACHINES["nano"].bandwidth
    assert table.loc[("ECGNet", "fp16"), "Jetson Nano"] == pytest.approx(expected)


def test_bounds_stand_beside_measured_times():
    made = [result("roofline", confusions(7), network="ecgnet", batch=64)]
    with_metrics(made, macs=[2e6], peak_flops=[3e9], predicted_ms=[4], p50_ms=[5])
    row = roofline.validation_table(made).loc[("ecgnet", 64)]
    assert row.tolist() == [2, 3, 4, 5, 0.8]
    with pytest.raises(LookupError):
        roofline.validation_table([])
