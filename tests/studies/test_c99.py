"""Study c99: C on raw samples, with the network of study micro."""

import numpy as np
import pytest

from ecglib.data.sets.mitdb import load_beats
from ecglib.studies.c99 import C99Config
from ecglib.studies.micro import MicroConfig
from ecglib.studies.registry import twin_of
from ecglib.studies.run import run_study
from ecglib.tables import c99 as c99_tables
from tests.tools import needs

pytestmark = needs("gcc")

QUICK = {"epochs": 3, "qat_epochs": 1, "leads": "MLII", "records": (101, 118, 100, 202)}
QUICK |= {"batch_size": 32, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def result(mitdb, tmp_path_factory):
    runs = tmp_path_factory.mktemp("c99") / "runs"
    return run_study([C99Config(**QUICK)], mitdb, profile="tiny", device="cpu", runs=runs)[0]


def test_c_is_numpy_and_nearly_the_fake_quantized_network(result):
    assert result.metrics["exact"] == 1
    assert result.metrics["agreement"] > 0.99


def test_it_is_the_network_of_study_micro(result):
    assert twin_of(C99Config(**QUICK), MicroConfig) == MicroConfig(scope="all_int8", **QUICK)
    assert result.metrics["macs"] == 55_216


def test_tables_have_its_numbers(result):
    agreement, cost = c99_tables.agreement_table([result]), c99_tables.cost_table([result])
    assert agreement.loc["8 bits, DS1 → DS2", "exact"] == 1
    assert cost.loc["multiplications a beat", "number"] == 55_216
    constants = cost.loc["weights and constants, bytes", "number"]
    assert constants == result.metrics["constant_bytes"]


def test_streams_count_every_reference_beat(result, mitdb):
    for record, found in result.metrics["streamed"].items():
        n_beats = len(load_beats(mitdb.path, (int(record),), fusion="keep").label)
        tp, fn, _ = found["beats"]
        assert tp + fn == n_beats
        assert np.sum(np.array(found["classes"])[:, :2]) == np.sum(result.per_record[record])
    table = c99_tables.stream_table([result], [])
    assert table.iloc[0]["× real time"] > 1


def test_what_no_tool_counted_stays_empty(result):
    kept = {k: v for k, v in result.metrics.items() if k not in ("flash_bytes", "instructions")}
    bare = type(result)(**{**result.__dict__, "metrics": kept})
    cost = c99_tables.cost_table([bare])["number"]
    assert cost[["flash, bytes", "instructions of the network a beat"]].isna().all()
