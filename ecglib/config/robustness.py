"""Configuration of the study that worsens the recordings."""

from dataclasses import dataclass

from ecglib.config.micro import MicroConfig
from ecglib.system.errors import UserError

PERTURBATIONS = {
    "none": None,
    "detected": None,
    "lead": None,
    "jitter": "ms",
    "wander": "dB",
    "muscle": "dB",
    "electrode": "dB",
    "resampled": "Hz",
}
"""Perturbation -> unit of its level, None if it has no levels."""


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(MicroConfig):
    """A micro network trained on clean records, tested on worse ones.

    Attributes
    ----------
    perturbation : str
        "none"; R-peaks "detected" instead of annotated, or annotated and moved at random
        ("jitter"); the record's other "lead"; generated noise ("wander", "muscle",
        "electrode"); "resampled".
    level : float
        Largest move in ms, signal-to-noise ratio in dB, or sampling frequency in Hz; 0 where
        there are no levels.
    """

    study = "robustness"
    arm_keys = ("perturbation", "level", "scope", "split")

    perturbation: str = "none"
    level: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        if PERTURBATIONS[self.perturbation] is None and self.level != 0:
            raise UserError(f"level is {self.level}; perturbation {self.perturbation} has none")

    def _check(self, name, value):
        super()._check(name, value)
        if name == "perturbation" and value not in PERTURBATIONS:
            known = ", ".join(PERTURBATIONS)
            raise UserError(f"perturbation is {value!r}; it must be one of: {known}")
