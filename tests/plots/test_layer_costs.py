"""The figure of importance and cost holds what it is given."""

import pytest

from ecglib.plots import layer_costs
from ecglib.tables.layer_costs import correlation, costs
from tests.tables.test_layer_costs import made_costs


def test_a_panel_a_network_and_a_point_a_layer():
    hubert = {"model": "hubert", "size": "tiny", "pretrain_epochs": 6}
    resnet = [made_costs(fold) for fold in range(3)]
    results = [*resnet, *(made_costs(fold, **hubert) for fold in range(3))]
    first, second = layer_costs.importance_and_cost(results, 3).axes
    assert first.get_title().startswith("ResNet1D")
    assert second.get_title().startswith("HuBERT-ECG tiny, pretrained\n")
    table = costs(resnet, 3)
    points = {line.get_label(): line.get_xydata().tolist() for line in first.lines[1:]}
    layers = "convolutions and linear layers"
    for label, rows in (("gains", table[table["gain"]]), (layers, table[~table["gain"]])):
        assert points[label] == rows[["I", "rise"]].to_numpy().tolist()
    assert f"{correlation(resnet, 3):.2f}" in first.get_xlabel()
    with pytest.raises(LookupError):
        layer_costs.importance_and_cost([], 3)
