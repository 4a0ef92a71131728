"""Configurations of the studies of the micro network."""

from dataclasses import dataclass, replace

from ecglib.config.base import SPLITS, RecordsConfig
from ecglib.config.reduced import twin_of
from ecglib.data import sets
from ecglib.data.signal.micro_input import parts_of
from ecglib.system.errors import UserError

CROSSED = ("ds1_cv", "lopo")
"""Splits in which every patient is left out once: eleven folds of DS1's patients, to choose
settings, and leave-one-patient-out over all records."""

folds_of = sets.get("mitdb").folds

SCOPES = ("none", "all_int8")


@dataclass(frozen=True, kw_only=True)
class MicroConfig(RecordsConfig):
    """A network of a few kilobytes, trained once or once a left-out patient.

    Attributes
    ----------
    seed : int
        Seed of initial weights, draws of beats and augmentation.
    features : str
        What it reads, see `ecglib.data.signal.micro_input.FEATURES`.
    leads : {"both", "MLII"}
        Leads that training beats come from; test beats are always of MLII. The second lead
        shows the same heart as another patient might show it.
    width : float
        Factor on all filters and units.
    split : str
        A split of the other studies, "lopo" (leave one patient out), or "ds1_cv" (eleven folds
        of DS1's patients).
    class_cap : int
        Most beats that one class of one record and lead adds to an epoch, drawn anew in each.
    imbalance : {"none", "sqrt", "balanced"}
        Class weights of the loss, by what the epoch holds.
    augmentation : float
        Deviation of the random gain of a beat (log), of the noise on its timing, and twice
        that of a random stretch of time (log); 0 also turns off the random shift.
    epochs, batch_size, learning_rate, weight_decay, decay
        Training with AdamW, as in `TrainingConfig`.
    scope : {"none", "all_int8"}
        Whether it is rounded to integers, weights and activations, and trained further.
    bits : int
        Of the weights, 2 to 8; activations have 8.
    allocation : {"uniform", "milp"}
        The same bits in every layer, or `bits` on average, placed by an integer program.
    qat_epochs, qat_learning_rate
        Training after rounding.
    """

    study = "micro"
    arm_keys = ("features", "scope", "bits", "split")

    seed: int = 7
    features: str = "derivative+template+rr+rhythm"
    leads: str = "both"
    width: float = 1.0
    split: str = "ds1_ds2"
    class_cap: int = 250
    imbalance: str = "sqrt"
    augmentation: float = 0.2
    epochs: int = 9
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    decay: float = 0.85
    scope: str = "none"
    bits: int = 8
    allocation: str = "uniform"
    qat_epochs: int = 3
    qat_learning_rate: float = 3e-4

    def __post_init__(self):
        super().__post_init__()
        folds = self.folds()
        if not folds or not all(train and test for train, test in folds):
            raise UserError(f"records leaves a side of split {self.split} empty")
        if self.scope == "none" and (self.bits, self.allocation) != (8, "uniform"):
            raise UserError(f"bits is {self.bits}, but scope none rounds nothing")

    def _check(self, name, value):
        choices = {"split": (*SPLITS, *CROSSED), "scope": SCOPES, "leads": ("both", "MLII")}
        if name in choices and value not in choices[name]:
            known = ", ".join(choices[name])
            raise UserError(f"{name} is {value!r}; it must be one of: {known}")
        if name not in ("split", "features"):
            super()._check(name, value)
        if name == "features":
            parts_of(value)
        if name == "bits" and not 2 <= value <= 8:
            raise UserError(f"bits is {value}; it must be from 2 to 8")
        if name == "augmentation" and value < 0:
            raise UserError(f"augmentation is {value}; it must be at least 0")

    def folds(self):
        """Training and test records of every training, see `folds_of`."""
        return folds_of(self.split, self.records)

    def sides(self):
        """All training records and all test records, which overlap if patients take turns."""
        sides = zip(*self.folds(), strict=True)
        return tuple(tuple(dict.fromkeys(r for part in side for r in part)) for side in sides)

    @property
    def n_channels(self):
        """Channels of a beat."""
        return 2 if "template" in parts_of(self.features) else 1

    @property
    def n_rr(self):
        """Columns of timing."""
        parts = parts_of(self.features)
        return 5 * ("rr" in parts) + 2 * ("causal" in parts) + 3 * ("rhythm" in parts)

    @property
    def slug(self):
        """Short readable name: the arm and the seed."""
        return f"{super().slug}-s{self.seed}"


def fp32_micro(config):
    """The run whose fp32 networks a run on micro networks starts from.

    Parameters
    ----------
    config : MicroConfig
        Or of a study that goes on from one.

    Returns
    -------
    MicroConfig
        With scope none; what only rounded networks need is at its default.
    """
    unused = ("scope", "bits", "allocation", "qat_epochs", "qat_learning_rate")
    return replace(
        twin_of(config, MicroConfig), **{name: getattr(MicroConfig, name) for name in unused}
    )
