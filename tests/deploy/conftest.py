"""Exported networks that several tests read."""

from functools import cache

import pytest

from ecglib.deploy.onnx import export_onnx

from .networks import network, rounded


@pytest.fixture(scope="session")
def deployed_as(tmp_path_factory):
    """Function: scope, norm, number of RR ratios -> fake-quantized network, path of its file,
    both not to be changed."""
    folder = tmp_path_factory.mktemp("deployed")

    @cache
    def make(scope, norm="none", n_rr=0):
        twin = rounded(network(norm=norm, n_rr=n_rr), scope)
        path = folder / f"{scope}-{norm}-{n_rr}.onnx"
        export_onnx(twin, path, scope)
        return twin, path

    return lambda scope, norm="none", n_rr=0: make(scope, norm, n_rr)
