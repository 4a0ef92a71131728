"""What every configuration has: checked values, an identity, a readable name."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

from ecglib.aami import DS1, DS2
from ecglib.data import sets
from ecglib.system.errors import UserError

STRATEGIES = ["none", "head_only", "adabn", "adapters", "last_blocks", "full"]
"""Names of the personalization strategies; `personalize.strategies.register` adds to them."""

SCOPES = ("none", "head_int8", "shallow_int8", "all_int8")
"""Which layers get integers, from none to all; paper 1 has the two in the middle."""

SPLITS = {
    split: folds[0]
    for split, folds in sets.get("mitdb").folds_by_split.items()
    if len(folds) == 1
}
"""Name of a split -> (training records, test records)."""

_CHOICES = {
    "norm": ("none", "batch"),
    "split": tuple(SPLITS),
    "features": ("beat", "beat+rr"),
    "normalization": ("zscore", "record", "none"),
    "imbalance": ("none", "sqrt", "balanced"),
    "cuts": ("thirds", "qrs"),
    "view": ("whole", "junctions", "masked"),
    "source": ("random", "puzzle", "supervised"),
    "strategy": STRATEGIES,
    "detector": ("xqrs",),
    "finetune": ("all", "head"),
    "pipeline": ("baseline", "ssl"),
    "precision": ("fp32", "fp16", "bf16"),
    "precision_impl": ("native", "emulated"),
    "scope": SCOPES,
    "method": ("qat", "ptq"),
    "step": ("minmax", "learned"),
    "runtime": ("torch_fp32", "ort_fp32", "ort_int8"),
    "dataset": sets.RECORDINGS,
    "target": sets.RECORDINGS,
    "allocation": ("uniform", "milp"),
}
_POSITIVE = (
    *("epochs", "pretext_epochs", "online_epochs", "patience", "batch_size"),
    *("learning_rate", "online_learning_rate", "train_share", "decay"),
    *("probe_epochs", "probe_learning_rate", "probe_decay"),
    *("qat_epochs", "qat_learning_rate", "calibration_beats"),
    *("batch", "threads", "calls", "traced_beats"),
    *("mean_bits", "tune_epochs", "tune_learning_rate"),
    *("width", "class_cap"),
)


def _typed(name, value, kind):
    """The value in the type of its field, so that equal settings have equal hashes.

    YAML and JSON have no tuples, and write 1.0 as 1.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        return float(value)
    if kind is int and number and value == int(value):
        return int(value)
    if kind == tuple[int, ...] and isinstance(value, list | tuple):
        return tuple(_typed(name, item, int) for item in value)
    if kind not in (int, float, tuple[int, ...]) and isinstance(value, kind):
        return value
    words = {int: "a whole number", float: "a number", str: "a word"}
    wanted = words.get(kind, "a list of whole numbers")
    raise UserError(f"{name} is {value!r}; it must be {wanted}")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every run has in common: checked values, an identity, a readable name."""

    study: ClassVar[str]
    protocol: ClassVar[int] = 1
    arm_keys: ClassVar[tuple[str, ...]]
    data_name: ClassVar[str] = "mitdb"

    def __post_init__(self):
        for field in fields(self):
            value = _typed(field.name, getattr(self, field.name), field.type)
            object.__setattr__(self, field.name, value)
            self._check(field.name, value)

    def _check(self, name, value):
        """Refuse a value that a setting cannot have."""
        if name in _CHOICES and value not in _CHOICES[name]:
            known = ", ".join(_CHOICES[name])
            raise UserError(f"{name} is {value!r}; it must be one of: {known}")
        if name in _POSITIVE and not value > 0:
            raise UserError(f"{name} is {value!r}; it must be above zero")

    def to_dict(self):
        """Configuration as JSON-able dict."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def slug(self):
        """Short readable name of the arm."""
        return "-".join(str(getattr(self, key)) for key in self.arm_keys).replace("+", "_")

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
class RecordsConfig(RunConfig):
    """A run on beats of MIT-BIH.

    Attributes
    ----------
    records : tuple of int
        MIT-BIH records in use.
    """

    records: tuple[int, ...] = DS1 + DS2


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(RecordsConfig):
    """A run that trains networks; a study adds the keys that name its arms.

    Attributes
    ----------
    seed : int
        Seed of initial weights, order of batches, dropout and puzzle labels.
    model : str
        Network, a key of `ecglib.models.MODELS`.
    channels : tuple of int
        Filters of ECGNet's five blocks.
    norm : {"none", "batch"}
        Normalisation inside the blocks. Paper 1 describes none.
    split : {"ds1_ds2", "ds2_ds1", "ds1_val", "ds1_fold0" … "ds1_fold3"}
        On which side each record falls, training or test; all but the first two stay
        inside DS1, to choose settings.
    features : {"beat", "beat+rr"}
        Isolated beats (the papers' input), or beats and five ratios of RR intervals.
    normalization : {"zscore", "record", "none"}
        Each beat z-scored by itself (paper 1), by its record's mean and deviation, or mV.
    imbalance : {"none", "sqrt", "balanced"}
        Class weights of the loss: none, 1/sqrt(frequency), 1/frequency.
    epochs, batch_size, learning_rate, weight_decay
        Training with AdamW.
    decay : float
        Factor on the learning rate after every epoch. It does not depend on the number of
        epochs, so an epoch found by validation means the same when training anew.
    train_share : float
        Share of the training beats in use, drawn by seed within each class.
    """

    seed: int = 7
    model: str = "ecgnet"
    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    norm: str = "none"
    split: str = "ds1_ds2"
    features: str = "beat"
    normalization: str = "zscore"
    imbalance: str = "none"
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    decay: float = 0.7
    train_share: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        for side, records in zip(("training", "test"), self.sides(), strict=True):
            if not records:
                raise UserError(f"records has no {side} record of split {self.split}")

    def _check(self, name, value):
        super()._check(name, value)
        if name == "channels" and (len(value) != 5 or min(value) < 1):
            raise UserError(f"channels is {value!r}; ECGNet has five blocks of filters")
        if name == "records" and (unknown := set(value) - {*DS1, *DS2}):
            raise UserError(f"records has {sorted(unknown)}, which are not in DS1 or DS2")
        if name == "train_share" and value > 1:
            raise UserError(f"train_share is {value}; it is a share, at most 1")

    def sides(self):
        """Training records and test records of this run, two tuples of int."""
        return tuple(tuple(r for r in side if r in self.records) for side in SPLITS[self.split])

    @property
    def slug(self):
        """Short readable name: the arm and the seed."""
        return f"{super().slug}-s{self.seed}"
