"""A network as an ONNX file: fp32, or 8-bit integers between QuantizeLinear and
DequantizeLinear (QDQ), which runtimes turn into integer kernels.

The exporter writes where activations are quantized; weights and biases are then replaced by
integers, so that the file is as small as it claims.
"""

import copy
import io
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from ecglib.deploy.c99.stored import stored_integers
from ecglib.quant.modules import QuantLayer
from ecglib.quant.qat import fold_batchnorm
from ecglib.system.errors import UserError
from ecglib.system.files import written

OPSET = 13
"""First with per-channel DequantizeLinear, and the last that a Jetson Nano's TensorRT reads."""


def export_onnx(model, path, scope):
    """Write a network as ONNX with a dynamic number of beats; returns the bytes of the file.

    Parameters
    ----------
    model : ECGNet or MicroNet
        In evaluation mode; from `ecglib.quant.quantize`, or fp32. Not changed.
    path : Path
        Target, ending in .onnx.
    scope : str
        Recorded in the file as its `scope`.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    bare = copy.deepcopy(model).cpu().eval()
    fold_batchnorm(bare)
    quantized = {n: m for n, m in bare.named_modules() if isinstance(m, QuantLayer)}
    integers = {n: stored_integers(m) for n, m in quantized.items()}
    for layer in quantized.values():  # traced with fp32 weights, which keep their names
        layer.quantized = partial(_input_only, layer)
    proto = _traced(bare)
    _give_each_its_own(proto.graph)
    for name, stored in integers.items():
        _store_integers(proto.graph, name, stored)
    _reshape_instead_of_flatten(proto.graph)
    _drop_unused(proto.graph)
    helper.set_model_props(proto, {"network": type(model).__name__, "scope": scope})
    onnx.checker.check_model(proto, full_check=True)
    with written(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
    return Path(path).stat().st_size


def _input_only(layer, x):
    """What a layer computes with while it is traced."""
    return layer.input_quantizer(x), layer.weight, layer.bias


def _traced(model):
    """The exporter's graph of a network; fp32 weights carry the names of their parameters."""
    inputs = {name: torch.zeros(2, *s) for name, s in model.config.input_shapes.items()}
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # the newer exporter knows no opset as old as a Nano's
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes={name: {0: "n_beats"} for name in (*inputs, "logits")},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def _give_each_its_own(graph):
    """Undo the exporter's thrift: it stores equal tensors, like biases that are all zero, once,
    under the name of one layer."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "Identity" and n.input[0] in stored]:
        copied = graph.initializer.add()
        copied.CopyFrom(stored[node.input[0]])
        copied.name = node.output[0]
        graph.node.remove(node)


def _store_integers(graph, name, stored):
    """Replace weight and bias of a layer by integers that DequantizeLinear reads."""
    node = next(n for n in graph.node if f"{name}.weight" in n.input)
    if len(node.input) > 2:
        node.input[2] = _dequantized(graph, node.input[2], stored.bias, stored.step)
    node.input[1] = _dequantized(graph, node.input[1], stored.weight, stored.scale)


def _dequantized(graph, name, integers, scale):
    """Add integers, their scales and the node that reads them; returns its output's name."""
    tensors = {f"{name}_int": integers, f"{name}_scale": scale.astype(np.float32)}
    tensors[f"{name}_zero"] = np.zeros(len(scale), integers.dtype)
    graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in tensors.items())
    output = f"{name}_dequantized"
    node = helper.make_node("DequantizeLinear", list(tensors), [output], axis=0)
    graph.node.insert(0, node)
    return output


def _reshape_instead_of_flatten(graph):
    """Write Flatten as Reshape: only past that do runtimes move the quantization of `fc1`'s
    input back to the last convolution, which otherwise would stay in fp32."""
    for node in graph.node:
        if node.op_type == "Flatten":
            shape = numpy_helper.from_array(np.array([0, -1], np.int64), f"{node.name}_shape")
            graph.initializer.append(shape)
            node.input.append(shape.name)
            node.op_type = "Reshape"
            node.ClearField("attribute")


def _drop_unused(graph):
    """Remove the fp32 tensors that integers have replaced."""
    read = {name for node in graph.node for name in node.input}
    unused = [tensor for tensor in graph.initializer if tensor.name not in read]
    for tensor in unused:
        graph.initializer.remove(tensor)


def read_onnx(path):
    """An ONNX file as written by `export_onnx`.

    `UserError` if it is absent, damaged, of another opset or not one of ours.
    """
    try:
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}; write it with ecglib export onnx") from error
    except Exception as error:  # protobuf and onnx have no common base
        raise UserError(f"{path} is no valid ONNX file; export it again") from error
    found = {o.domain: o.version for o in proto.opset_import}.get("")
    if found != OPSET:
        raise UserError(
            f"{path} has opset {found}, this project reads {OPSET}; export it again"
        )
    if [i.name for i in proto.graph.input][:1] != ["beat"]:
        raise UserError(f"{path} does not read beats; it is not a network of this project")
    return proto
