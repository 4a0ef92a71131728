"""One configuration class a study: the keys that name its arms."""

from dataclasses import dataclass, fields

from ecglib.config.base import RunConfig, TrainingConfig
from ecglib.errors import UserError


@dataclass(frozen=True, kw_only=True)
class RpeaksConfig(RunConfig):
    """Detection of R-peaks, scored against the annotations within 150 ms."""

    study = "rpeaks"
    arm_keys = ("detector",)

    detector: str = "xqrs"


@dataclass(frozen=True, kw_only=True)
class BaselineConfig(TrainingConfig):
    """Training on one side of the split only, no pretraining."""

    study = "baseline"
    arm_keys = ("features", "norm", "normalization", "imbalance", "split")


@dataclass(frozen=True, kw_only=True)
class PuzzleConfig(TrainingConfig):
    """Offline stage of ECGWavePuzzle: six permutations of N beats to tell apart.

    The puzzle sees isolated beats only, so `features` must be "beat".

    `view` hides samples after permuting: `junctions` keeps only those around the cuts,
    `masked` only the others, `whole` all of them.
    """

    study = "puzzle"
    arm_keys = ("cuts", "view", "norm", "split")

    cuts: str = "qrs"
    view: str = "whole"
    norm: str = "batch"
    pretext_epochs: int = 10

    def __post_init__(self):
        super().__post_init__()
        if self.features != "beat" and getattr(self, "pipeline", "ssl") == "ssl":
            raise UserError(f"features is {self.features}; a puzzle has no RR ratios, use beat")


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(PuzzleConfig):
    """Linear classifier of N, S, V on the frozen features of a network.

    `epochs`, `learning_rate` and `decay` made the network; the probe has its own.
    """

    study = "probe"
    arm_keys = ("source", "norm", "split")

    source: str = "puzzle"
    probe_epochs: int = 20
    probe_learning_rate: float = 3e-3
    probe_decay: float = 0.9


@dataclass(frozen=True, kw_only=True)
class SelectionConfig(PuzzleConfig):
    """Trial inside DS1; `epochs` is the most it may take.

    On `ds1_val`, early stopping keeps the epoch with the best macro-F1 and gives up after
    `patience` epochs without a better one. On the folds of a cross-validation the epoch is
    chosen on all folds together, so `patience` should not end any of them. `pipeline` is
    "baseline" (from scratch) or "ssl" (puzzle first, then fine-tuning of what `finetune`
    says).
    """

    study = "selection"
    arm_keys = ("pipeline", "finetune", "features", "norm", "imbalance", "split")

    split: str = "ds1_val"
    pipeline: str = "baseline"
    finetune: str = "all"
    patience: int = 3


@dataclass(frozen=True, kw_only=True)
class PersonalizationConfig(PuzzleConfig):
    """Online stage of paper 1, patient by patient.

    Attributes
    ----------
    strategy : str
        What the puzzle on the patient's beats may change.
    finetune : {"all", "head"}
        What the fine-tuning on the training side may change.
    online_seconds : float or "all"
        The patient's beats up to this time are used; "all" reads paper 1's section 4
        literally: the whole recording, unlabelled.
    """

    study = "personalization"
    arm_keys = ("strategy", "finetune", "online_seconds", "norm", "split")

    strategy: str = "none"
    finetune: str = "head"
    online_seconds: int | float | str = 300
    online_epochs: int = 10
    online_learning_rate: float = 3e-4

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.online_seconds, float) and self.online_seconds.is_integer():
            object.__setattr__(self, "online_seconds", int(self.online_seconds))

    def _check(self, name, value):
        super()._check(name, value)
        if (
            name == "online_seconds"
            and value != "all"
            and not (isinstance(value, int | float) and value > 0)
        ):
            raise UserError(f"online_seconds is {value!r}; give seconds above zero, or all")
        if name == "strategy" and value == "adabn" and self.norm != "batch":
            raise UserError("strategy is adabn and norm is none; AdaBN needs norm: batch")


@dataclass(frozen=True, kw_only=True)
class PrecisionConfig(PersonalizationConfig):
    """The whole of paper 1's pipeline in a number format, offline stage included.

    Attributes
    ----------
    precision : {"fp32", "fp16", "bf16"}
        Format of convolutions and linear layers; losses and statistics stay in fp32.
    precision_impl : {"native", "emulated"}
        By the device's own units, or by rounding (see `ecglib.precision`).
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


CONFIGS = {
    cls.study: cls
    for cls in (
        RpeaksConfig,
        BaselineConfig,
        PuzzleConfig,
        ProbeConfig,
        SelectionConfig,
        PersonalizationConfig,
        PrecisionConfig,
    )
}
"""Name of a study -> its configuration class."""


def config_class(study):
    """Configuration class of a study.

    Raises
    ------
    UserError
        If the study is unknown.
    """
    if study not in CONFIGS:
        raise UserError(f"study {study!r} is unknown; known ones: {', '.join(CONFIGS)}")
    return CONFIGS[study]


def make_config(study, **settings):
    """Configuration of a run from plain settings, with unknown names refused.

    Raises
    ------
    UserError
        If the study or a setting is unknown, or a value is not allowed.
    """
    cls = config_class(study)
    known = [field.name for field in fields(cls)]
    for name in settings:
        if name not in known:
            raise UserError(
                f"{name!r} is no setting of study {study}; known: {', '.join(known)}"
            )
    return cls(**settings)
