"""What defines a run: frozen, validated, hashable configurations, one class a study."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

from ecglib.aami import DS1, DS1_VAL, DS2
from ecglib.errors import UserError

STRATEGIES = ("none", "head_only", "adabn", "adapters", "last_blocks", "full")
SPLITS = {
    "ds1_ds2": (DS1, DS2),
    "ds2_ds1": (DS2, DS1),
    "ds1_val": (tuple(record for record in DS1 if record not in DS1_VAL), DS1_VAL),
}
"""Name of a split -> (training records, test records)."""

_CHOICES = {
    "model": ("ecgnet",),
    "norm": ("none", "batch"),
    "split": tuple(SPLITS),
    "features": ("beat", "beat+rr"),
    "normalization": ("zscore", "record", "none"),
    "imbalance": ("none", "sqrt", "balanced"),
    "cuts": ("thirds", "qrs"),
    "view": ("whole", "junctions", "masked"),
    "source": ("random", "puzzle", "supervised"),
    "strategy": STRATEGIES,
    "finetune": ("all", "head"),
    "pipeline": ("baseline", "ssl"),
}
_POSITIVE = (
    *("epochs", "pretext_epochs", "online_epochs", "patience", "batch_size"),
    *("learning_rate", "online_learning_rate", "train_share"),
)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every run has in common; a study adds the keys that name its arms.

    Attributes
    ----------
    seed : int
        Seed of initial weights, order of batches, dropout and puzzle labels.
    model : str
        Network; only ECGNet for now.
    channels : tuple of int
        Filters of ECGNet's five blocks.
    norm : {"none", "batch"}
        Normalisation inside the blocks. Paper 1 describes none.
    records : tuple of int
        MIT-BIH records in use; `split` says on which side each falls.
    split : {"ds1_ds2", "ds2_ds1", "ds1_val"}
        Training side and test side; the last one stays inside DS1, to choose settings.
    features : {"beat", "beat+rr"}
        Isolated beats (the papers' input), or beats and five ratios of RR intervals.
    normalization : {"zscore", "record", "none"}
        Each beat z-scored by itself (paper 1), by its record's mean and deviation, or mV.
    imbalance : {"none", "sqrt", "balanced"}
        Class weights of the loss: none, 1/sqrt(frequency), 1/frequency.
    epochs, batch_size, learning_rate, weight_decay
        Supervised training with AdamW at a constant rate.
    train_share : float
        Share of the training beats in use, drawn by seed within each class.
    """

    study: ClassVar[str]
    protocol: ClassVar[int] = 1
    arm_keys: ClassVar[tuple[str, ...]]

    seed: int = 7
    model: str = "ecgnet"
    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    norm: str = "none"
    records: tuple[int, ...] = DS1 + DS2
    split: str = "ds1_ds2"
    features: str = "beat"
    normalization: str = "zscore"
    imbalance: str = "none"
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    train_share: float = 1.0

    def __post_init__(self):
        for name in ("channels", "records"):  # YAML and JSON have lists only
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for field in fields(self):
            self._check(field.name, getattr(self, field.name))
        if self.train_share > 1:
            raise UserError(f"train_share is {self.train_share}; it is a share, at most 1")
        for side, records in zip(("training", "test"), self.sides(), strict=True):
            if not records:
                raise UserError(f"records has no {side} record of split {self.split}")

    def _check(self, name, value):
        if name in _CHOICES and value not in _CHOICES[name]:
            known = ", ".join(_CHOICES[name])
            raise UserError(f"{name} is {value!r}; it must be one of: {known}")
        if name in _POSITIVE and not value > 0:
            raise UserError(f"{name} is {value!r}; it must be above zero")
        if name == "channels" and (len(value) != 5 or min(value) < 1):
            raise UserError(f"channels is {value!r}; ECGNet has five blocks of filters")

    def sides(self):
        """Training records and test records of this run, two tuples of int."""
        return tuple(tuple(r for r in side if r in self.records) for side in SPLITS[self.split])

    def to_dict(self):
        """Configuration as JSON-able dict."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def slug(self):
        """Short readable name: the arm and the seed."""
        arm = "-".join(str(getattr(self, key)) for key in self.arm_keys)
        return f"{arm}-s{self.seed}".replace("+", "_")

    def hash_with(self, data):
        """Identity of a run: this configuration on this data under this protocol.

        Parameters
        ----------
        data : dict
            `name` and `sha256` of the data.

        Returns
        -------
        str
            12 hexadecimal digits.
        """
        identity = [self.to_dict(), data["name"], data["sha256"], self.protocol]
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class BaselineConfig(RunConfig):
    """Training on one side of the split only, no pretraining."""

    study = "baseline"
    arm_keys = ("features", "norm", "normalization", "imbalance", "split")


@dataclass(frozen=True, kw_only=True)
class PuzzleConfig(RunConfig):
    """Offline stage of ECGWavePuzzle: six permutations of N beats to tell apart.

    `view` hides samples after permuting: `junctions` keeps only those around the cuts,
    `masked` only the others, `whole` all of them.
    """

    study = "puzzle"
    arm_keys = ("cuts", "view", "norm", "split")

    cuts: str = "qrs"
    view: str = "whole"
    norm: str = "batch"
    pretext_epochs: int = 10


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(PuzzleConfig):
    """Linear classifier of N, S, V on the frozen features of a network."""

    study = "probe"
    arm_keys = ("source", "norm", "split")

    source: str = "puzzle"


@dataclass(frozen=True, kw_only=True)
class SelectionConfig(PuzzleConfig):
    """Trial on validation records inside DS1; `epochs` is the most it may take.

    Early stopping keeps the epoch with the best macro-F1 on `DS1_VAL` and gives up after
    `patience` epochs without a better one. `pipeline` is "baseline" (from scratch) or "ssl"
    (puzzle first, then fine-tuning of what `finetune` says).
    """

    study = "selection"
    arm_keys = ("pipeline", "finetune", "features", "norm", "normalization", "imbalance")

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
    online_seconds: float | str = 300
    online_epochs: int = 10
    online_learning_rate: float = 3e-4

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


def pretext_of(config):
    """The offline stage that a personalization or probe run starts from.

    Parameters
    ----------
    config : PuzzleConfig
        Configuration of a run that uses a pretext network.

    Returns
    -------
    PuzzleConfig
        Only what the offline stage depends on, so that runs share its checkpoint.
    """
    names = ("seed", "model", "channels", "norm", "records", "split", "normalization")
    names += ("batch_size", "learning_rate", "weight_decay", "train_share")
    names += ("cuts", "pretext_epochs")
    return PuzzleConfig(**{name: getattr(config, name) for name in names})


CONFIGS = {
    cls.study: cls
    for cls in (
        BaselineConfig,
        PuzzleConfig,
        ProbeConfig,
        SelectionConfig,
        PersonalizationConfig,
    )
}
"""Name of a study -> its configuration class."""


def make_config(study, **settings):
    """Configuration of a run from plain settings, with unknown names refused.

    Raises
    ------
    UserError
        If the study or a setting is unknown, or a value is not allowed.
    """
    if study not in CONFIGS:
        raise UserError(f"study {study!r} is unknown; known ones: {', '.join(CONFIGS)}")
    known = [field.name for field in fields(CONFIGS[study])]
    for name in settings:
        if name not in known:
            raise UserError(
                f"{name!r} is no setting of study {study}; known: {', '.join(known)}"
            )
    return CONFIGS[study](**settings)
