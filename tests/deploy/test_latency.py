"""Timing by the calls that it makes, and study latency from end to end on invented patients."""

import numpy as np
import pytest
import torch

from ecglib.deploy import latency
from ecglib.deploy.latency import ROUND, as_callable, time_calls, torch_threads
from ecglib.deploy.runtime import Deployed
from ecglib.studies import latency as study
from ecglib.studies.baseline import BaselineConfig, supervised
from ecglib.studies.int8 import rounded
from ecglib.studies.latency import LatencyConfig
from ecglib.studies.registry import twin_of
from ecglib.studies.run import Run, run_study
from ecglib.system.errors import UserError
from ecglib.training.loop import predict
from tests.conftest import SYNTHETIC_DS2
from tests.oracles import stored_bits
from tests.studies.test_paper1 import TINY as RECORDS

from .networks import LAYERS, beats, logits, network, ratios

N_BEATS = 37
X = np.arange(N_BEATS, dtype=np.float32)[:, None]


def timed(names, batch, n_calls):
    """Calls in order, as (name, rows of x, rows of rr), and what `time_calls` returned."""
    calls = []

    def runtime(name):
        return lambda x, rr: calls.append((name, tuple(x[:, 0]), tuple(rr[:, 0])))

    seconds = time_calls({name: runtime(name) for name in names}, X, -X, batch, n_calls)
    return calls, seconds


@pytest.mark.parametrize(("batch", "n_calls"), [(1, 3), (1, 100), (8, 50), (36, 20), (37, 5)])
def test_every_runtime_gets_the_same_batches(batch, n_calls):
    calls, seconds = timed("abc", batch, n_calls)
    by_name = {name: [x for n, x, _ in calls if n == name] for name in "abc"}
    warm_up = min(ROUND, n_calls)
    assert by_name["a"] == by_name["b"] == by_name["c"]
    assert len(by_name["a"]) == warm_up + n_calls
    assert by_name["a"][:warm_up] == by_name["a"][warm_up:][:warm_up]
    assert {len(x) for x in by_name["a"]} == {batch}
    assert all(tuple(-value for value in x) == rr for _, x, rr in calls)
    assert list(seconds) == ["a", "b", "c"]
    assert all(values.shape == (n_calls,) for values in seconds.values())


def test_a_batch_of_more_beats_than_there_are_is_refused():
    with pytest.raises(UserError, match="batch is 38, but there are 37 beats"):
        timed("a", N_BEATS + 1, 5)


def test_beats_are_taken_in_turn():
    calls, _ = timed("a", 8, 50)
    first = [x[0] for _, x, _ in calls[ROUND:]]
    assert first == [8 * i % (N_BEATS - 8) for i in range(50)]
    assert all(np.diff(x).tolist() == [1] * 7 for _, x, _ in calls)


def test_runtimes_take_turns_in_rounds():
    calls, _ = timed("ab", 1, 2 * ROUND + 5)
    names = "".join(name for name, *_ in calls)
    turn = "a" * ROUND + "b" * ROUND
    assert names == turn + turn + turn + 5 * "a" + 5 * "b"


def test_only_calls_after_the_warm_up_are_timed(monkeypatch):
    """A clock that moves by what each call says it took."""
    clock, costs = [0.0], iter([100.0] * ROUND + [float(i) for i in range(ROUND + 2)])

    def call(x, rr):
        clock[0] += next(costs)

    monkeypatch.setattr(latency.time, "perf_counter", lambda: clock[0])
    seconds = time_calls({"only": call}, X, X, 1, ROUND + 2)["only"]
    assert seconds.tolist() == list(range(ROUND + 2))
    assert next(costs, None) is None


def test_threads_are_given_back_even_after_an_error():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), torch_threads(before + 2):
        1 // (torch.get_num_threads() - before - 2)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("n_rr", [0, 5])
def test_a_pytorch_network_is_called_with_arrays(n_rr):
    model, x, rr = network(n_rr=n_rr), beats(5), ratios(5)
    answers = as_callable(model)(x.numpy(), rr.numpy())
    assert isinstance(answers, np.ndarray)
    np.testing.assert_array_equal(answers, logits(model, x, rr))


TINY = RECORDS | {"norm": "batch", "qat_epochs": 2, "calls": 10}
RUNTIMES = ("torch_fp32", "ort_fp32", "ort_int8")
SESSIONS = ((1, 1), (16, 1), (1, 2))
CONFIGS = [
    LatencyConfig(runtime=runtime, batch=batch, threads=threads, **TINY)
    for batch, threads in SESSIONS
    for runtime in RUNTIMES
]


@pytest.fixture(scope="module")
def sessions():
    """Batch, threads, calls and runtimes of every session that was timed."""
    return []


def invented_seconds(name, batch, threads, calls):
    """What the calls of a session took, different from runtime to runtime."""
    rng = np.random.default_rng([RUNTIMES.index(name), batch, threads])
    return rng.exponential(size=calls)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("latency")


@pytest.fixture(scope="module")
def measured(source, folder, sessions):
    """(runtime, batch, threads) -> result."""

    def counted(runtimes, x, rr, batch, calls):
        threads = torch.get_num_threads()
        sessions.append((batch, threads, calls, *runtimes))
        for name in RUNTIMES[1:]:
            options = runtimes[name].session.get_session_options()
            assert options.intra_op_num_threads == threads
        time_calls(runtimes, x, rr, batch, 1)
        return {name: invented_seconds(name, batch, threads, calls) for name in runtimes}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "time_calls", counted)
        results = run_study(CONFIGS, source, profile="tiny", device="cpu", runs=folder / "runs")
    return {(c.runtime, c.batch, c.threads): r for c, r in zip(CONFIGS, results, strict=True)}


def test_runtimes_of_one_batch_and_threads_share_a_session(measured, sessions):
    assert sessions == [(batch, threads, 10, *RUNTIMES) for batch, threads in SESSIONS]
    for batch, threads in SESSIONS:
        results = [measured[runtime, batch, threads] for runtime in RUNTIMES]
        assert len({result.metrics["session"] for result in results}) == 1
        for runtime, result in zip(RUNTIMES, results, strict=True):
            seconds = invented_seconds(runtime, batch, threads, 10)
            for percent in (50, 95, 99):
                expected = 1000 * np.percentile(seconds, percent)
                assert result.metrics[f"p{percent}_ms"] == pytest.approx(expected)
            assert result.runtime_s["calls"] == pytest.approx(seconds.sum())


def predictions(result):
    return np.concatenate([result.classes(record) for record in SYNTHETIC_DS2])


def test_answers_are_those_of_the_networks_that_were_exported(measured, source, folder):
    run = Run(CONFIGS[0], {source.name: source}, torch.device("cpu"), folder / "runs")
    fp32, _ = supervised(run, twin_of(CONFIGS[0], BaselineConfig))
    int8, _ = rounded(run, CONFIGS[0])
    expected = predict(fp32, run.test.inputs), predict(int8, run.test.inputs)
    assert np.mean(expected[0] != expected[1]) > 0.002  # else the rest says nothing
    for batch, threads in SESSIONS:
        for runtime in RUNTIMES[:2]:
            answers = predictions(measured[runtime, batch, threads])
            np.testing.assert_array_equal(answers, expected[0])
        answers = predictions(measured["ort_int8", batch, threads])
        share = np.mean(answers == expected[1])
        assert share >= 0.999
        assert measured["ort_int8", batch, threads].metrics["agreement"] == pytest.approx(share)
        assert measured["ort_fp32", batch, threads].metrics["agreement"] == 1


def test_files_are_beside_the_results_and_measured(measured, folder):
    files = [("ort_fp32", "beat", 32, 0), ("ort_int8", "all_int8", 8, 8)]
    for runtime, name, bits, layers in files:
        (path,) = (folder / "checkpoints" / "baseline").glob(f"{name}-*.onnx")
        metrics = measured[runtime, 1, 1].metrics
        assert metrics["file_bytes"] == path.stat().st_size
        assert metrics["integer_layers"] == layers
        assert set(stored_bits(path).values()) == {bits}
        assert metrics["exact"] == Deployed(path).exact
    assert "file_bytes" not in measured["torch_fp32", 1, 1].metrics


def test_the_noise_of_every_layer_is_reported_with_the_integers(measured):
    noise = measured["ort_int8", 1, 1].metrics["output_sqnr_db"]
    assert set(noise) == set(LAYERS)
    assert all(5 < ratio < 60 for ratio in noise.values())


def test_a_deployment_that_answers_otherwise_stops_the_study(source, folder, monkeypatch):
    run = Run(CONFIGS[2], {source.name: source}, torch.device("cpu"), folder / "runs")
    deployment = study.Deployment(run)
    assert deployment.classes("ort_int8")[1]["agreement"] >= 0.999
    with torch.no_grad():
        deployment.fp32.out.weight.neg_()
    with pytest.raises(UserError, match="agrees with its network on"):
        deployment.classes("ort_fp32")


def test_networks_are_deployed_once_for_each_folder(source, tmp_path, monkeypatch):
    """The files of another folder may be gone by now."""

    class Counted:
        def __init__(self, run):
            made.append(run.runs)
            self.classes = lambda _: (np.zeros(len(run.test.beats), np.int8), {})
            self.timed = lambda *_: ("now", dict.fromkeys(RUNTIMES, np.ones(3)))

    made = []
    monkeypatch.setattr(study, "Deployment", Counted)
    monkeypatch.setattr(study, "_DEPLOYED", {})
    sources = {source.name: source}
    for name, config in (("a", CONFIGS[0]), ("a", CONFIGS[1]), ("b", CONFIGS[0])):
        study.run_latency(Run(config, sources, torch.device("cpu"), tmp_path / name))
    assert made == [tmp_path / "a", tmp_path / "b"]
