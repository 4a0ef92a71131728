"""Configurations of the studies of reduced precision, and what their runs start from."""

from dataclasses import dataclass, fields

from ecglib.config.studies import BaselineConfig, PersonalizationConfig, PuzzleConfig
from ecglib.system.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PrecisionConfig(PersonalizationConfig):
    """The whole of paper 1's pipeline in a number format, offline stage included.

    Attributes
    ----------
    precision : {"fp32", "fp16", "bf16"}
        Format of convolutions and linear layers; losses and statistics stay in fp32.
    precision_impl : {"native", "emulated"}
        By the device's own units, or by rounding (see `ecglib.training.precision`).
    """

    study = "precision"
    arm_keys = ("precision", "precision_impl", "strategy", "norm", "split")

    strategy: str = "head_only"
    precision: str = "fp32"
    precision_impl: str = "native"

    def __post_init__(self):
        super().__post_init__()
        if (self.precision, self.precision_impl) == ("fp32", "emulated"):
            raise UserError("precision is fp32, which needs no precision_impl: emulated")


@dataclass(frozen=True, kw_only=True)
class NumericsConfig(BaselineConfig):
    """What 16 bits do to one trained network, layer by layer and decision by decision.

    Attributes
    ----------
    precision : {"fp16", "bf16"}
        Format, emulated.
    traced_beats : int
        Beats of the training side whose activations and gradients are compared.
    """

    study = "numerics"
    arm_keys = ("precision", "norm", "split")

    precision: str = "fp16"
    traced_beats: int = 512

    def __post_init__(self):
        super().__post_init__()
        if self.precision == "fp32":
            raise UserError("precision is fp32, which the others are compared with; use fp16")
        if self.features != "beat":
            raise UserError(f"features is {self.features}; layers see beats alone, use beat")


@dataclass(frozen=True, kw_only=True)
class Int8Config(PersonalizationConfig):
    """A trained network, rounded to 8-bit integers, as it is or after further training.

    Attributes
    ----------
    pipeline : {"baseline", "ssl"}
        Training on one side only, or puzzle and online stage, patient by patient.
    scope : {"none", "head_int8", "shallow_int8", "all_int8"}
        Which layers get integers.
    method : {"qat", "ptq"}
        `qat` trains the rounded network for `qat_epochs` more, `ptq` calibrates it only. With
        scope none, `qat` trains the fp32 network for as long, the control of every QAT.
    step : {"minmax", "learned"}
        Scale of the weights, see `ecglib.quant.modules.WeightQuantizer`.
    qat_epochs, qat_learning_rate
        The further training; the ranges of activations are frozen in its last epoch.
    calibration_beats : int
        Beats of the training side that set the ranges of activations.
    """

    study = "int8"
    arm_keys = ("pipeline", "scope", "method", "step", "norm", "split")

    strategy: str = "head_only"
    pipeline: str = "baseline"
    scope: str = "none"
    method: str = "qat"
    step: str = "minmax"
    qat_epochs: int = 2
    qat_learning_rate: float = 1e-4
    calibration_beats: int = 4096


@dataclass(frozen=True, kw_only=True)
class LatencyConfig(Int8Config):
    """One deployed network: what it answers, its bytes, and the time of a call.

    Attributes
    ----------
    runtime : {"torch_fp32", "ort_fp32", "ort_int8"}
        PyTorch, or ONNX Runtime on the fp32 or the INT8 file; the runtimes of a `batch` are
        timed in turn, in one session.
    batch, threads : int
        Beats of a call, and threads that it may use.
    calls : int
        Timed calls.
    """

    study = "latency"
    arm_keys = ("runtime", "scope", "channels_text", "batch", "threads", "split")

    scope: str = "all_int8"
    runtime: str = "ort_int8"
    batch: int = 1
    threads: int = 1
    calls: int = 1000

    def __post_init__(self):
        super().__post_init__()
        if self.pipeline != "baseline":
            raise UserError("pipeline is ssl, which has a network a patient; use baseline")

    @property
    def channels_text(self):
        """Filters of the last block, which tell a narrow network from a wide one."""
        return f"to{self.channels[-1]}"


def twin_of(config, kind):
    """The run of another study that a run starts from: the same in all settings it has.

    Parameters
    ----------
    config : RunConfig
        With at least the settings of `kind`.
    kind : type
        Configuration class of the other study.

    Returns
    -------
    RunConfig
        Of class `kind`; runs with the same twin share its networks.
    """
    return kind(**{field.name: getattr(config, field.name) for field in fields(kind)})


def fp32_twin(config):
    """The fp32 run whose networks an INT8 run starts from: `twin_of` by its pipeline."""
    baseline = config.pipeline == "baseline"
    return twin_of(config, BaselineConfig if baseline else PersonalizationConfig)


def pretext_of(config):
    """The offline stage that a personalization or probe run starts from.

    Parameters
    ----------
    config : PuzzleConfig
        Configuration of a run that uses a pretext network.

    Returns
    -------
    PuzzleConfig
        Only what the offline stage depends on, so that runs share its checkpoint; it uses
        all N beats of the training side, whatever share the fine-tuning gets. In 16 bits it
        is a `PrecisionConfig`, which says in which.
    """
    names = ("seed", "model", "channels", "norm", "records", "split", "normalization")
    names += ("batch_size", "learning_rate", "weight_decay", "decay", "cuts", "pretext_epochs")
    kind = PuzzleConfig
    if getattr(config, "precision", "fp32") != "fp32":
        kind, names = PrecisionConfig, (*names, "precision", "precision_impl")
    return kind(**{name: getattr(config, name) for name in names})
