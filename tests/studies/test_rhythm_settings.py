"""Configurations of the study of paper 2."""

from dataclasses import fields, replace

import pytest

from ecglib.aami import DS1, DS2
from ecglib.compress.methods import METHODS
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.registry import make_config, twin_of
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.transfer import TransferConfig
from ecglib.system.errors import UserError

DATA = {"name": "cinc2017", "sha256": "5e2f" * 16}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"bits": 0}, "bits is 0"),
        ({"bits": 17}, "bits is 17"),
        ({"method": "fixed_prune"}, "share is 0"),
        ({"method": "joint"}, "share is 0"),
        ({"method": "trained", "bits": 16}, "bits is 16"),
        ({"method": "zip"}, "method is 'zip'"),
        ({"share": 1.0, "method": "fixed_prune"}, "share is 1.0"),
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"alpha": -1}, "alpha is -1"),
        ({"mean_bits": 0}, "mean_bits is 0"),
        ({"dataset": "ptbxl"}, "unknown data set 'ptbxl'"),
        ({"dataset": "mitdb"}, "resnet1d, which cannot read mitdb"),
        ({"model": "ecgnet"}, "ecgnet, which cannot read cinc2017"),
        ({"model": "vgg"}, "model is 'vgg'"),
        ({"dataset": "mitdb", "model": "ecgnet", "fold": "all"}, "mitdb has one test set"),
        ({"fold": 5}, "fold is 5"),
        ({"fold": "both"}, "fold is 'both'"),
        ({"pretrain_epochs": 3}, "pretrain_epochs is for model: hubert"),
        ({"weights": "some/folder"}, "weights is for model: hubert"),
        ({"train_share": 1.5}, "train_share is 1.5"),
    ],
)
def test_an_impossible_setting_is_named(settings, names):
    with pytest.raises(UserError, match=names):
        make_config("compression", **settings)


def test_ecgnet_is_compressed_but_not_trained_on_recordings():
    assert make_config("compression", dataset="mitdb", model="ecgnet").data_sets == {
        "mitdb": DS1 + DS2
    }
    with pytest.raises(UserError, match="ecgnet"):
        make_config("rhythm", model="ecgnet")


def test_transfer_needs_two_data_sets():
    with pytest.raises(UserError, match="target is chapman"):
        TransferConfig(dataset="chapman", target="chapman")


def test_every_method_names_its_settings_in_the_slug():
    for method, known in METHODS.items():
        config = CompressionConfig(method=method, bits=4, share=0.5)
        for name in known.reads:
            other = replace(config, **{name: getattr(config, name) * 0.5 or 1})
            assert other.slug != config.slug, (method, name)


def test_compressions_of_one_network_share_its_twin():
    first = CompressionConfig(method="fixed_quant", bits=3, fold=2, epochs=5)
    second = CompressionConfig(method="joint", bits=4, share=0.8, fold=2, epochs=5)
    assert twin_of(first, RhythmConfig) == twin_of(second, RhythmConfig)
    assert twin_of(replace(first, fold=1), RhythmConfig) != twin_of(first, RhythmConfig)


def test_every_setting_counts_in_the_hash():
    config = CompressionConfig(method="joint", bits=4, share=0.8, model="hubert", size="small")
    others = {
        "dataset": "chapman", "lead": "I", "model": "resnet1d", "size": "tiny", "fold": "all",
        "method": "fixed_prune", "weights": "some/folder",
    }  # fmt: skip
    for field in fields(config):
        value = getattr(config, field.name)
        other = others.get(field.name, value / 2 if isinstance(value, float) else 5)
        changed = replace(config, **{field.name: other})
        assert changed.hash_with(DATA) != config.hash_with(DATA), field.name
