"""Files in ONNX Runtime: the same answers in integers, also where the processor would clip."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from ecglib.data.inputs import Inputs
from ecglib.deploy.onnx import OPSET, export_onnx, read_onnx
from ecglib.deploy.runtime import Deployed, classes_of, require_agreement
from ecglib.models.ecgnet import ECGNetConfig
from ecglib.quant import calibrate, quantize
from ecglib.system import machine
from ecglib.system.errors import UserError

from .networks import agreement, beats, logits, network, ratios

SCOPES = ("none", "head_int8", "shallow_int8", "all_int8")
N_BEATS = 4000


@pytest.fixture
def path(deployed_as):
    return deployed_as("all_int8")[1]


def inputs(n, seed=0):
    return Inputs(beats(n, seed=seed), ratios(n), torch.arange(n) % 3)


INTEGER_LAYERS = {0: (0, 3, 4, 8), 5: (0, 2, 3, 7)}
"""RR ratios -> layers of each scope: all in it, but for those whose output nobody quantizes:
`conv2` before an fp32 block in shallow_int8, and `fc1` and `rr`, which are joined first."""


@pytest.mark.parametrize("n_rr", INTEGER_LAYERS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_file_gives_the_classes_of_its_network_and_runs_in_integers(deployed_as, scope, n_rr):
    twin, path = deployed_as(scope, "batch" if n_rr else "none", n_rr)
    deployed, given = Deployed(path), inputs(N_BEATS)
    expected = logits(twin, given.x, given.rr)
    assert agreement(deployed(given.x.numpy(), given.rr.numpy()), expected) >= 0.999
    assert deployed.integer_layers() == INTEGER_LAYERS[n_rr][SCOPES.index(scope)]


@pytest.mark.parametrize("scope", SCOPES[1:])
def test_scopes_differ_by_more_than_that(deployed_as, scope):
    """Agreement would be worth little if rounding changed no class anyway."""
    x = beats(N_BEATS)
    fp32, integers = (Deployed(deployed_as(s)[1])(x.numpy()) for s in ("none", scope))
    assert agreement(fp32, integers) < 0.995


def test_all_operations_of_a_network_in_integers(path):
    """Floating point is left at both ends: one rounding of the beat, none after it."""
    found = Deployed(path).kernels()
    assert (found["QLinearConv"], found["QGemm"]) == (5, 3)
    assert found["QuantizeLinear"] == 1
    assert not set(found) & {"Conv", "FusedConv", "Gemm", "FusedGemm", "DequantizeLinear"}


def test_rr_ratios_are_read_by_networks_that_have_them_only(deployed_as):
    x, rr = beats(50).numpy(), ratios(50).numpy()
    with_rr, without = (Deployed(deployed_as("all_int8", n_rr=n)[1]) for n in (5, 0))
    assert (with_rr.inputs, without.inputs) == (["beat", "rr"], ["beat"])
    assert np.abs(with_rr(x, rr) - with_rr(x, 0 * rr)).max() > 0.1
    np.testing.assert_array_equal(without(x, rr), without(x))


def test_classes_come_batch_by_batch_in_order_of_the_beats():
    given, seen = inputs(10), []

    def deployed(x, rr):
        seen.append((x, rr))
        return np.eye(3)[(x[:, 0] > 0) + (rr[:, 0] > 0).astype(int)]

    classes = classes_of(deployed, given, batch_size=4)
    assert [len(x) for x, _ in seen] == [len(rr) for _, rr in seen] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in seen]), given.x.numpy())
    np.testing.assert_array_equal(np.concatenate([rr for _, rr in seen]), given.rr.numpy())
    expected = (given.x[:, 0] > 0).int() + (given.rr[:, 0] > 0).int()
    assert classes.tolist() == expected.tolist()
    assert classes.dtype == np.int8


def test_a_deployment_that_answers_otherwise_is_refused(path):
    deployed, expected = Deployed(path), np.zeros(1000, dtype=np.int8)
    classes = expected.copy()
    assert require_agreement(deployed, classes, expected) == 1
    classes[:1] = 1
    assert require_agreement(deployed, classes, expected) == pytest.approx(0.999)
    classes[:2] = 1
    with pytest.raises(UserError, match=r"99\.8%.*exact=True") as caught:
        require_agreement(deployed, classes, expected)
    assert str(path) in str(caught.value)
    assert require_agreement(deployed, classes, expected, least=0.99) == pytest.approx(0.998)


def is_exact(deployed):
    """What the session itself says."""
    options = deployed.session.get_session_options()
    try:
        return options.get_session_config_entry("session.x64quantprecision") == "1"
    except RuntimeError:  # never set
        return False


@pytest.mark.parametrize("clips", [False, True])
def test_sessions_are_exact_where_the_processor_would_clip(path, monkeypatch, clips):
    monkeypatch.setattr(machine, "saturates", lambda: clips)
    assert Deployed(path).exact == is_exact(Deployed(path)) == clips
    for wanted in (False, True):
        deployed = Deployed(path, exact=wanted)
        assert deployed.exact == is_exact(deployed) == wanted


class OneLayer(nn.Module):
    """Large positive weights on large samples, whose products add up beyond 16 bits."""

    def __init__(self):
        super().__init__()
        self.config = ECGNetConfig(n_times=16)
        self.fc = nn.Linear(16, 3)
        with torch.no_grad():
            self.fc.weight.copy_(torch.linspace(0.5, 1, 48).reshape(3, 16))
            self.fc.bias.copy_(torch.tensor([-5.0, -7.0, -9.0]))

    def forward(self, x):  # (B, 16) -> (B, 3)
        return self.fc(x)


def clipped_dot(x, w):
    """Sums as `vpmaddubsw` makes them: pairs of byte products are added in 16 bits."""
    products = x[:, None].astype(np.int64) * w  # (n, n_out, n_in)
    pairs = products[..., ::2] + products[..., 1::2]
    return np.clip(pairs, -(2**15), 2**15 - 1).sum(axis=2)


@pytest.fixture(scope="module")
def one_layer(tmp_path_factory):
    """Path of a layer in integers, samples, and its logits from exact and clipped sums."""
    path = tmp_path_factory.mktemp("one_layer") / "one.onnx"
    twin = quantize(OneLayer().eval(), "all_int8")
    x = torch.rand(64, 16, generator=torch.Generator().manual_seed(0)) / 2 + 0.5
    x[0] = 1
    calibrate(twin, x)
    export_onnx(twin, path, "all_int8")
    scale = twin.fc.input_quantizer.scale.item()
    assert twin.fc.input_quantizer.zero_point == 0
    q = np.rint(x.numpy() / scale).astype(np.int64)
    step = twin.fc.weight.detach().numpy().max(axis=1) / 127
    w = np.rint(twin.fc.weight.detach().numpy() / step[:, None]).astype(np.int64)
    bias = twin.fc.bias.detach().numpy()
    exact, clipped = (sums * step * scale + bias for sums in (q @ w.T, clipped_dot(q, w)))
    return path, x.numpy(), exact, clipped


def test_clipped_sums_are_other_sums(one_layer):
    *_, exact, clipped = one_layer
    assert np.abs(exact - clipped).min() > 1
    assert np.mean(exact.argmax(axis=1) != clipped.argmax(axis=1)) > 0.5


def test_an_exact_session_does_not_clip(one_layer):
    path, x, exact, _ = one_layer
    np.testing.assert_allclose(Deployed(path, exact=True)(x), exact, atol=1e-4)
    np.testing.assert_allclose(Deployed(path)(x), exact, atol=1e-4)  # as the machine needs it


@pytest.mark.skipif(
    not machine.saturates() or "avx2" not in machine.simd_flags(),
    reason="this processor adds products of bytes in 32 bits",
)
def test_a_fast_session_of_such_a_processor_does_clip(one_layer):
    path, x, _, clipped = one_layer
    np.testing.assert_allclose(Deployed(path, exact=False)(x), clipped, atol=1e-4)


def test_sessions_get_their_threads_and_the_cpu(path):
    for threads in (1, 2):
        session = Deployed(path, threads=threads).session
        assert session.get_session_options().intra_op_num_threads == threads
        assert session.get_providers() == ["CPUExecutionProvider"]


def damaged(target, kind):
    """A file that is not what `export_onnx` writes."""
    if kind == "no onnx":
        target.write_text("not a network\n" * 20)
    elif kind == "cut off":
        export_onnx(network(), target, "none")
        target.write_bytes(target.read_bytes()[:5000])
    elif kind == "empty":
        target.write_bytes(b"")
    elif kind == "folder":
        target.mkdir()
    elif kind in ("other opset", "other model"):
        name, opset = ("beat", OPSET + 2) if kind == "other opset" else ("image", OPSET)
        value = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in (name, "y")]
        graph = helper.make_graph([helper.make_node("Relu", [name], ["y"])], "g", *zip(value))
        opsets = [helper.make_opsetid("", opset)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), target)


BAD_FILES = {
    "absent": "there is no file",
    "no onnx": "no valid ONNX file",
    "cut off": "no valid ONNX file",
    "empty": "no valid ONNX file",
    "folder": "no valid ONNX file",
    "other opset": f"has opset {OPSET + 2}, this project reads {OPSET}",
    "other model": "does not read beats",
}


@pytest.mark.parametrize("read", [read_onnx, Deployed])
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_of_another_kind_is_one_sentence(tmp_path, kind, read):
    target = tmp_path / "mine.onnx"
    damaged(target, kind)
    with pytest.raises(UserError, match=BAD_FILES[kind]) as caught:
        read(target)
    message = str(caught.value)
    assert str(target) in message
    assert "\n" not in message
    assert ". " not in message


@pytest.mark.parametrize("target", ["occupied/a.onnx", "occupied/deeper/a.onnx", "folder"])
def test_a_file_that_cannot_be_written_is_named(tmp_path, target):
    (tmp_path / "occupied").write_text("a file where a folder should be")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write") as caught:
        export_onnx(network(), tmp_path / target, "none")
    assert str(tmp_path / target) in str(caught.value)
    assert {file.name for file in tmp_path.rglob("*")} == {"occupied", "folder"}
