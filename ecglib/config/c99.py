"""Configuration of the study of generated C."""

from dataclasses import dataclass

from ecglib.config.micro import MicroConfig
from ecglib.system.errors import UserError


@dataclass(frozen=True, kw_only=True)
class C99Config(MicroConfig):
    """A micro network as plain C, from raw samples and R-peaks to classes."""

    study = "c99"
    protocol = 2  # streams too
    arm_keys = ("scope", "bits", "split")

    scope: str = "all_int8"

    def __post_init__(self):
        super().__post_init__()
        if self.scope != "all_int8":
            raise UserError(f"scope is {self.scope}; C has integers alone, use all_int8")
