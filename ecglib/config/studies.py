"""One configuration class a study: the keys that name its arms."""

from dataclasses import dataclass

from ecglib.config.base import RecordsConfig, TrainingConfig
from ecglib.system.errors import UserError


@dataclass(frozen=True, kw_only=True)
class RpeaksConfig(RecordsConfig):
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
