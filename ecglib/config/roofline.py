"""Configuration of the study that compares bounds with measured times."""

from dataclasses import dataclass

from ecglib.config.base import RunConfig
from ecglib.system.errors import UserError

NETWORKS = ("ecgnet", "micronet", "resnet1d")


@dataclass(frozen=True, kw_only=True)
class RooflineConfig(RunConfig):
    """One network of the papers' size on this processor: its bound, and its time.

    Attributes
    ----------
    network : {"ecgnet", "micronet", "resnet1d"}
        With random weights, in fp32.
    batch, calls : int
        Inputs of a call, and timed calls.
    """

    study = "roofline"
    arm_keys = ("network", "batch")

    network: str = "ecgnet"
    batch: int = 64
    calls: int = 20

    def _check(self, name, value):
        super()._check(name, value)
        if name == "network" and value not in NETWORKS:
            raise UserError(f"network is {value!r}; it must be one of: {', '.join(NETWORKS)}")
