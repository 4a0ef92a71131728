"""Bounds against arithmetic by hand."""

import numpy as np
import pytest
import torch

from ecglib.aami import DS2
from ecglib.deploy import roofline
from ecglib.deploy.roofline import MACHINES, Machine, bound, intensity, layer_work
from ecglib.models.cost import layer_macs
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.layers import weight_layers
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.studies.roofline import fresh_network
from ecglib.system.errors import UserError

TOY = Machine("toy", {"fp32": 100.0, "int8": 400.0}, 10.0, "invented")


@pytest.fixture(scope="module")
def ecgnet():
    return layer_work(ECGNet(ECGNetConfig()).eval(), torch.zeros(1, 300))


def test_work_is_what_layers_have():
    model = ECGNet(ECGNetConfig((4, 4, 4, 4, 4))).eval()
    work = layer_work(model, torch.zeros(1, 300))
    assert work["macs"].to_dict() == layer_macs(model, torch.zeros(1, 300))
    counted = {n: m.weight.numel() + m.bias.numel() for n, m in weight_layers(model).items()}
    assert work["weights"].to_dict() == counted
    assert work.loc["conv2.conv", "activations"] == 4 * 150 + 4 * 150


def test_a_layer_is_bound_by_what_takes_longer():
    work = layer_work(torch.nn.Sequential(torch.nn.Linear(9, 10)), torch.zeros(1, 9))
    # 90 multiplications: 1.8 s; 100 + 19 numbers of 4 bytes at 10 bytes/s: 47.6 s
    assert bound(work, TOY, "fp32", 1)["0"] == pytest.approx(47.6)
    assert bound(work, TOY, "int8", 1)["0"] == pytest.approx(11.9)
    fast = Machine("fast memory", {"fp32": 100.0}, 1e9, "invented")
    assert bound(work, fast, "fp32", 5)["0"] == pytest.approx(9.0)


def test_a_missing_format_is_refused(ecgnet):
    with pytest.raises(UserError, match="Jetson Nano has no arithmetic in int8"):
        bound(ecgnet, MACHINES["nano"], "int8", 1)


def test_intensity_grows_with_the_batch(ecgnet):
    found = [intensity(ecgnet, "fp16", n) for n in (1, 16, 128)]
    assert found == sorted(found)
    moved = 2 * (ecgnet["weights"].sum() + ecgnet["activations"].sum())
    assert found[0] == pytest.approx(2 * ecgnet["macs"].sum() / moved)


def test_fine_tuning_of_every_patient_is_nearly_all_of_paper_1(ecgnet):
    stages = roofline.paper_stages(
        ecgnet, epochs=10, n_train=50_598, n_online=8_000, n_test=49_317
    )
    tuned = stages["fine-tuning on DS1, for each patient"]
    assert tuned == 3 * ecgnet["macs"].sum() * 50_598 * 10 * len(DS2)
    assert tuned / stages.sum() > 0.9


def test_our_update_by_hand():
    model = MicroNet(MicroNetConfig(n_rr=8)).eval()
    work = layer_work(model, torch.zeros(1, 2, 64), torch.zeros(1, 8))
    side = {"n_online": 100, "n_test": 1000}
    stages = roofline.our_stages(work, steps=80, replayed=64, labels=5, **side)
    head = 80 * 16 + 16 * 3
    assert stages["update of the head from labels"] == 3 * head * 80 * 69 * 22
    assert stages["prediction"] == 1000 * 55_216


def test_this_processor_is_measured_and_threads_are_left_as_they_were():
    before = torch.get_num_threads()
    machine = roofline.measured_here()
    assert torch.get_num_threads() == before
    assert machine.peak["fp32"] > 1e8
    assert machine.bandwidth > 1e8


@pytest.mark.parametrize("name", ["ecgnet", "micronet", "resnet1d"])
def test_networks_of_the_study_run(name):
    model, shapes = fresh_network(name)
    with torch.inference_mode():
        out = model(*(torch.zeros(2, *shape) for shape in shapes))
    assert len(out) == 2
    assert np.isfinite(out.numpy()).all()
