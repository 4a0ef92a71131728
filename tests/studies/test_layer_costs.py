"""What rounding one layer costs, against the loss of a network rounded by hand."""

import copy

import pytest
import torch
import torch.nn.functional as F

from ecglib.compress.weights import coded_names, matrix_names
from ecglib.quant import quantize_array
from ecglib.studies.registry import make_config
from ecglib.studies.rhythm import recording_network, recording_sides
from ecglib.studies.run import Run, run_study
from ecglib.system.errors import UserError

CONFIG = make_config("layer_costs", epochs=2, batch_size=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def measured(cinc2017, tmp_path_factory):
    """Metrics of a run, its network, and its validation recordings."""
    runs = tmp_path_factory.mktemp("layer_costs") / "runs"
    sources = {cinc2017.name: cinc2017}
    (result,) = run_study([CONFIG], sources, profile="tiny", device="cpu", runs=runs)
    run = Run(CONFIG, sources, torch.device("cpu"), runs)
    sides = recording_sides(run)
    return result.metrics, recording_network(run, sides)[0], sides.validation


def loss_of(model, samples):
    with torch.no_grad():
        return F.cross_entropy(model(samples.x), samples.y).item()


def test_every_layer_is_rounded_alone_as_paper_2_rounds(measured):
    metrics, model, samples = measured
    before = loss_of(model, samples)
    assert metrics["loss"] == pytest.approx(before, abs=1e-6)
    assert metrics["recordings"] == len(samples)
    assert list(metrics["layers"]) == coded_names(model)
    for name, layer in metrics["layers"].items():
        w = model.get_parameter(name).detach()
        assert layer["n_weights"] == w.numel()
        assert layer["gain"] == (name not in matrix_names(model))
        for bits in (4, 3, 2):
            q, scale = quantize_array(w.numpy(), bits)
            trial = copy.deepcopy(model)
            trial.get_parameter(name).data.copy_(torch.from_numpy(q * scale))
            rise = loss_of(trial, samples) - before
            assert layer["rise"][str(bits)] == pytest.approx(rise, abs=1e-5)


def test_indices_are_those_of_the_network(measured):
    metrics, _, _ = measured
    layers = metrics["layers"].values()
    assert sum(layer["pdi"] for layer in layers) == pytest.approx(1)
    assert max(layer["pvi"] for layer in layers) == max(layer["ki"] for layer in layers) == 1
    assert any(layer["rise"]["2"] > 0 for layer in layers)


def test_layers_of_five_networks_cannot_be_rounded_in_one_run():
    with pytest.raises(UserError, match="fold is all"):
        make_config("layer_costs", fold="all")
