"""Configurations of the study of paper 2: rhythms of whole recordings, networks compressed."""

from dataclasses import dataclass

from ecglib.config.base import RunConfig
from ecglib.system.errors import UserError

N_FOLDS = 5

ECGNET_CHANNELS = {"small": (16, 32, 64, 128, 128), "paper": (64, 128, 256, 512, 512)}
"""Size -> filters of ECGNet; its networks are compressed too, on data set `mitdb`."""


@dataclass(frozen=True, kw_only=True)
class RhythmConfig(RunConfig):
    """A network trained on four of five folds of a data set and scored on the fifth.

    Attributes
    ----------
    seed : int
        Of the folds, the initial weights, the order of batches.
    dataset : {"cinc2017", "chapman", "cpsc2018"}
        Recordings.
    lead : str
        Lead by name; `cinc2017` has only one.
    model : {"resnet1d", "hubert", "ecgnet"}
        Networks of paper 2; the last one in compression only.
    size : {"small", "paper", "tiny"}
        Key of the model's `SIZES`.
    fold : int or "all"
        Fold that is held out, 0 to 4; "all" pools the five runs.
    epochs, batch_size, learning_rate, weight_decay
        Training with Adam; the rate falls when the validation loss does not.
    pretrain_epochs : int
        Passes of masked prediction before (`hubert` only); 0 for none.
    weights : str
        "random", or a folder or name on a model hub with published weights to begin with
        (`hubert` of size `small` only).
    train_share : float
        Share of the training and validation recordings in use, drawn by seed in each class.
    """

    study = "rhythm"
    arm_keys = ("dataset", "model", "size", "pretrain_epochs", "fold")

    seed: int = 7
    dataset: str = "cinc2017"
    lead: str = "II"
    model: str = "resnet1d"
    size: str = "small"
    fold: int | str = 0
    epochs: int = 24
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    pretrain_epochs: int = 0
    weights: str = "random"
    train_share: float = 1.0

    def _check(self, name, value):
        if name == "pretrain_epochs" and value >= 0:
            return
        super()._check(name, value)
        if name == "train_share" and value > 1:
            raise UserError(f"train_share is {value}; it is a share, at most 1")
        if name == "model" and value not in ("resnet1d", "hubert", "ecgnet"):
            raise UserError(f"model is {value!r}; it must be resnet1d, hubert or ecgnet")

    def __post_init__(self):
        super().__post_init__()
        if self.fold not in (*range(N_FOLDS), "all"):
            raise UserError(f"fold is {self.fold!r}; it must be 0 to {N_FOLDS - 1}, or all")
        if self.pretrain_epochs and self.model != "hubert":
            raise UserError(f"pretrain_epochs is for model: hubert, not {self.model}")
        if self.weights != "random" and (self.model, self.size) != ("hubert", "small"):
            raise UserError("weights is for model: hubert with size: small")
        if self.model == "ecgnet" and self.study != "compression":
            raise UserError("model is ecgnet, which reads beats; use resnet1d or hubert")

    @property
    def data_name(self):
        """Data set that the run reads."""
        return self.dataset

    @property
    def slug(self):
        """Short readable name: the arm and the seed."""
        return f"{super().slug}-s{self.seed}"


METHODS = {
    "fixed_quant": ("bits",),
    "fixed_prune": ("share",),
    "laq": ("alpha", "beta", "gamma", "tolerance"),
    "laq_printed": ("alpha", "beta", "gamma", "tolerance"),
    "lap": ("alpha", "beta", "gamma", "tolerance"),
    "matrix_quant": ("bits",),
    "matrix_prune": ("share",),
    "matrix_laq": ("alpha", "beta", "gamma", "tolerance"),
    "matrix_lap": ("alpha", "beta", "gamma", "tolerance"),
    "mse": ("bits",),
    "allocated": ("mean_bits",),
    "trained": ("bits", "tune_epochs"),
    "joint": ("bits", "share", "tune_epochs"),
}
"""Method -> settings that it reads. The first five are paper 2's, the next four leave the gains
of BatchNorm alone. Ours follow: clipping by squared error with a scale a channel, bits
allocated by an integer program, steps learned under a teacher, the same with pruning."""


@dataclass(frozen=True, kw_only=True)
class CompressionConfig(RhythmConfig):
    """A trained network, compressed, written to a file, read back and scored.

    `dataset: mitdb` with `model: ecgnet` compresses the network of chapter 2; it has one fold.

    Attributes
    ----------
    method : str
        Key of `METHODS`.
    bits : int
        Of every weight.
    share : float
        Share of the weights that are pruned.
    mean_bits : float
        Budget of the allocation, in bits a weight.
    alpha, beta, gamma : float
        Weights of paper 2's three indices of importance.
    tolerance : float
        Loss of validation accuracy that paper 2's methods accept.
    tune_epochs, tune_learning_rate
        Training of the compressed network.
    """

    study = "compression"
    arm_keys = ("dataset", "model", "size", "method", "setting", "fold")

    method: str = "fixed_quant"
    bits: int = 8
    share: float = 0.0
    mean_bits: float = 4.0
    alpha: float = 0.1
    beta: float = 0.1
    gamma: float = 0.8
    tolerance: float = 0.01
    tune_epochs: int = 8
    tune_learning_rate: float = 1e-3

    def _check(self, name, value):
        if (name, value) == ("dataset", "mitdb"):
            return
        if name == "method":  # not the methods of study int8
            if value not in METHODS:
                known = ", ".join(METHODS)
                raise UserError(f"method is {value!r}; it must be one of: {known}")
            return
        super()._check(name, value)
        if name == "bits" and not 1 <= value <= 16:
            raise UserError(f"bits is {value}; it must be 1 to 16")
        if name in ("share", "tolerance") and not 0 <= value < 1:
            raise UserError(f"{name} is {value}; it is a share, from 0 to below 1")
        if name in ("alpha", "beta", "gamma") and value < 0:
            raise UserError(f"{name} is {value}; it must not be negative")

    def __post_init__(self):
        super().__post_init__()
        if (self.dataset == "mitdb") != (self.model == "ecgnet"):
            raise UserError(f"model is {self.model} on {self.dataset}; ecgnet goes with mitdb")
        if self.dataset == "mitdb" and self.fold != 0:
            raise UserError(f"fold is {self.fold!r}; mitdb has one test side, fold 0")
        pruning = ("fixed_prune", "matrix_prune", "joint")
        if self.method in pruning and self.share == 0:
            raise UserError(f"share is 0; method {self.method} prunes, so give a share above 0")
        if self.method in ("trained", "joint") and not 2 <= self.bits <= 8:
            raise UserError(f"bits is {self.bits}; method {self.method} trains with 2 to 8")

    @property
    def setting(self):
        """What the method was told, in few characters."""
        marks = {"bits": "b", "share": "p", "mean_bits": "m", "tune_epochs": "e"}
        marks |= {"alpha": "a", "beta": "b", "gamma": "g", "tolerance": "t"}
        return "_".join(f"{marks[n]}{getattr(self, n):g}" for n in METHODS[self.method])


@dataclass(frozen=True, kw_only=True)
class TransferConfig(RhythmConfig):
    """A network trained on one data set, asked on another whether it is atrial fibrillation.

    Both are cut to the same seconds and sampled alike; `fold` holds out recordings of the
    data set that is trained on.

    Attributes
    ----------
    target : {"cinc2017", "chapman", "cpsc2018"}
        The other data set.
    """

    study = "transfer"
    arm_keys = ("dataset", "target", "model", "size", "fold")

    target: str = "chapman"

    def __post_init__(self):
        super().__post_init__()
        if self.target == self.dataset:
            raise UserError(f"target is {self.target}, which the network was trained on")
        if self.model != "resnet1d":
            raise UserError(f"model is {self.model}; transfer is for resnet1d")
