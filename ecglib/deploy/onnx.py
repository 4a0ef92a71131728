"""Export of a network as an ONNX file, in fp32 or in 8-bit integers.

A network in integers has QuantizeLinear and DequantizeLinear nodes (QDQ), from which runtimes
make integer kernels. PyTorch's exporter writes where activations are quantized. Weights and
biases are then replaced by integers, so that the file becomes small.
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
"""Version of ONNX's operators: the first with DequantizeLinear by channel, and the last that a
Jetson Nano's TensorRT reads."""


def export_onnx(model, path, scope):
    """Write a network as ONNX with a dynamic number of beats; returns the bytes of the file.

    Parameters
    ----------
    model : ECGNet or MicroNet
        Network in evaluation mode, in fp32 or from `ecglib.quant.quantize`; it is not changed.
    path : Path
        Target, ending in .onnx.
    scope : str
        Scope, which is recorded in the file.

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
    """Rounded input and fp32 weights, with which a layer computes while it is traced."""
    return layer.input_quantizer(x), layer.weight, layer.bias


def _traced(model):
    """The exporter's graph of a network; fp32 weights carry the names of their parameters."""
    inputs = {name: torch.zeros(2, *s) for name, s in model.config.input_shapes.items()}
    buffer = io.BytesIO()
    with warnings.catch_warnings():  # the newer exporter cannot write the Nano's old opset
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
    """Give every layer its own tensors.

    The exporter stores equal tensors, such as biases that are all zero, only once, under the
    name of one layer.
    """
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
    """Replace Flatten by Reshape, so that the last convolution is computed in integers.

    Runtimes move the quantization of `fc1`'s input back to this convolution across a Reshape,
    but not across a Flatten.
    """
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
    """Read an ONNX file that `export_onnx` wrote.

    Raises a `UserError` if it is missing, damaged, of another opset or from another program.
    """
    try:
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}; write it with ecglib export onnx") from error
    except Exception as error:  # errors of protobuf and onnx have no common base class
        raise UserError(f"{path} is no valid ONNX file; export it again") from error
    found = {o.domain: o.version for o in proto.opset_import}.get("")
    if found != OPSET:
        raise UserError(
            f"{path} has opset {found}, this project reads {OPSET}; export it again"
        )
    if [i.name for i in proto.graph.input][:1] != ["beat"]:
        raise UserError(f"{path} does not read beats; it is not a network of this project")
    return proto
