"""Arrhythmia classification at the edge: the library behind the book.

The names below are the ones that most programs need; each is imported when it is first used, so
that `import ecglib` itself loads nothing heavy.
"""

import os
from importlib import import_module

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported

__version__ = "0.1.0"

_HOME = {
    # data: what a recording is
    "CLASSES": "aami",
    "DS1": "aami",
    "DS2": "aami",
    "find_data": "data.find.search:find",
    "load_data": "data.sets:load",
    "load_beats": "data.mitdb",
    "read_record": "data.sets.mitdb",
    "to_inputs": "data.inputs",
    "micro_inputs": "data.signal.micro_input",
    # networks and training
    "ECGNet": "models.ecgnet",
    "ECGNetConfig": "models.ecgnet",
    "MicroNet": "models.micronet",
    "ResNet1D": "models.resnet1d",
    "MODELS": "models",
    "STRATEGIES": "personalize.strategies",
    "Strategy": "personalize.strategies",
    "permute": "puzzle",
    "predict": "training.loop",
    # scores
    "evaluate": "metrics",
    "confusion_matrix": "metrics",
    "accuracy": "metrics",
    "macro_f1": "metrics",
    "patient_bootstrap": "stats",
    "paired_difference": "stats",
    # smaller networks
    "quantize": "quant",
    "quantize_array": "quant",
    "calibrate": "quant",
    "ideal_ratio": "compress",
    "save_compressed": "compress",
    "load_compressed": "compress",
    # runs
    "Plan": "studies.plan",
    "make_config": "studies.registry",
    "load_study": "results",
    # the shipped network
    "load_network": "deploy.shipped:load",
    "open_recording": "holter.open",
    "read_lead": "holter.lead",
    "classify": "holter.classify",
}
"""Public name -> module, and the name there if it is another one."""

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'ecglib' has no attribute {name!r}")
    module, _, own = _HOME[name].partition(":")
    return getattr(import_module(f"ecglib.{module}"), own or name)


def __dir__():
    return sorted([*globals(), *_HOME])
