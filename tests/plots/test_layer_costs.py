"""The figure of importance and cost holds what it is given."""

import numpy as np
import pytest

from ecglib.plots.layer_costs import importance_and_cost
from ecglib.tables.layer_costs import correlation, layers_of
from tests.tables.test_layer_costs import made_costs


def test_a_panel_a_network_and_a_point_a_layer():
    hubert = {"model": "hubert", "size": "tiny", "pretrain_epochs": 6}
    resnet = [made_costs(fold) for fold in range(3)]
    layers = layers_of([*resnet, *(made_costs(fold, **hubert) for fold in range(3))])
    first, second = importance_and_cost(layers, 3).axes
    assert first.get_title().startswith("ResNet1D")
    assert second.get_title() == "HuBERT-ECG tiny, pretrained\nCinC 2017"
    found = {line.get_label(): line.get_xydata() for line in first.lines[1:]}
    (gain,) = found["gains"]
    own = [result.metrics["layers"]["stem.norm.weight"] for result in resnet]
    rise = np.mean([layer["rise"]["3"] for layer in own])
    by_hand = [0.1 * layer["pdi"] + 0.1 * layer["pvi"] + 0.8 * layer["ki"] for layer in own]
    assert gain == pytest.approx([np.mean(by_hand), rise])
    assert len(found["convolutions and linear layers"]) == 3
    of_first = layers[layers["network"] == layers["network"].iloc[0]]
    found = first.get_xlabel().replace("−", "-")
    assert f"{correlation(of_first, 3):+.2f}" in found
