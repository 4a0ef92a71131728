"""Configurations of the human in the loop: how many labels, of which beats, to what use."""

from dataclasses import dataclass

from ecglib.config.base import RecordsConfig
from ecglib.config.micro import MicroConfig, parts_of
from ecglib.config.studies import BaselineConfig
from ecglib.system.errors import UserError

QUERIES = ("none", "random", "least_confidence", "margin", "medoids", "diverse", "mixed")
LABELLED_UPDATES = ("head", "output", "last_block", "prototypes")
LABEL_FREE_UPDATES = ("none", "adabn", "own_rr", "entropy")


@dataclass(frozen=True, kw_only=True)
class AskingConfig(RecordsConfig):
    """What a patient's expert is asked, and what the network makes of the answers.

    Attributes
    ----------
    budget : int or "all"
        Labelled beats of the first `online_seconds`; under `asking: stream`, labels an hour.
    query : str
        Which beats to ask for, see `ecglib.personalize.queries`; "none" with budget 0. A stream
        asks for the first beat that is unsure, whatever the query.
    update : str
        What to do with the labels, see `ecglib.personalize.budget`; with budget 0, "none" or a
        way that needs no labels, see `ecglib.personalize.label_free`.
    asking : {"start", "stream"}
        Beats of the first `online_seconds`, all at once; or whenever the network is unsure.
    online_seconds : int
        Length of the patient's first part, from which beats are asked.
    unsure : float
        Under `asking: stream`, the largest probability below which a beat is asked for.
    update_epochs, update_learning_rate, update_decay
        Training on the labels, in passes over the replayed training beats.
    replay_cap : int
        Most replayed beats of one class of one training record.
    label_weight : float
        Weight of the labelled beats' loss, that of the replayed ones being 1.
    """

    budget: int | str = 0
    query: str = "none"
    update: str = "none"
    asking: str = "start"
    online_seconds: int = 300
    unsure: float = 0.9
    update_epochs: int = 3
    update_learning_rate: float = 0.01
    update_decay: float = 0.5
    replay_cap: int = 40
    label_weight: float = 10.0

    def __post_init__(self):
        super().__post_init__()
        labels = self.budget != 0
        known = LABELLED_UPDATES if labels else LABEL_FREE_UPDATES
        if self.update not in known:
            raise UserError(
                f"update is {self.update!r}; with budget {self.budget} it must be one of: "
                f"{', '.join(known)}"
            )
        if self.asking == "stream" and self.budget in (0, "all"):
            raise UserError(f"budget is {self.budget}; a stream has a number of labels an hour")
        if self.asking == "stream" and self.update == "prototypes":
            raise UserError(
                "update is prototypes, but a stream learns by training; use head, output or "
                "last_block"
            )
        if (self.query == "none") == labels:
            raise UserError(f"query is {self.query!r}, but budget is {self.budget}")

    def _check(self, name, value):
        super()._check(name, value)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if name == "budget" and value != "all" and not whole:
            raise UserError(f"budget is {value!r}; give a number of beats from 0 up, or all")
        choices = {"query": QUERIES, "asking": ("start", "stream")}
        if name in choices and value not in choices[name]:
            raise UserError(
                f"{name} is {value!r}; it must be one of: {', '.join(choices[name])}"
            )
        positive = ("online_seconds", "update_epochs", "update_learning_rate", "update_decay")
        if name in (*positive, "replay_cap", "label_weight") and not value > 0:
            raise UserError(f"{name} is {value!r}; it must be above zero")
        if name == "unsure" and not 0 < value <= 1:
            raise UserError(f"unsure is {value}; it is a probability, above 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class BudgetConfig(AskingConfig, MicroConfig):
    """The micro network, personalized with a handful of labels or with none."""

    study = "budget"
    arm_keys = ("budget", "query", "update", "asking", "scope", "split")

    def __post_init__(self):
        super().__post_init__()
        if self.scope != "none" and self.update in ("adabn", "entropy"):
            raise UserError(
                f"update is {self.update}, which moves BatchNorm; integers have none left, use "
                "scope none"
            )
        if self.update == "own_rr" and "rr" not in parts_of(self.features):
            raise UserError(f"update is own_rr, but features is {self.features}; add +rr")


@dataclass(frozen=True, kw_only=True)
class EcgnetBudgetConfig(AskingConfig, BaselineConfig):
    """The same loop around ECGNet with RR ratios, to separate the gain from the network."""

    study = "budget_ecgnet"
    arm_keys = ("budget", "query", "update", "split")

    features: str = "beat+rr"

    def __post_init__(self):
        super().__post_init__()
        if self.features != "beat+rr" or self.update not in ("none", "head"):
            raise UserError(
                f"features is {self.features} and update {self.update}; ECGNet is asked with "
                "features beat+rr and update none or head"
            )
