"""What defines a run: frozen, validated, hashable configurations, one class a study."""

from ecglib.config.base import SCOPES, SPLITS, STRATEGIES, RunConfig, TrainingConfig
from ecglib.config.budget import BudgetConfig, EcgnetBudgetConfig
from ecglib.config.c99 import C99Config
from ecglib.config.micro import MicroConfig, folds_of, fp32_micro, parts_of
from ecglib.config.reduced import (
    Int8Config,
    LatencyConfig,
    NumericsConfig,
    PrecisionConfig,
    fp32_twin,
    pretext_of,
    twin_of,
)
from ecglib.config.registry import CONFIGS, config_class, make_config
from ecglib.config.rhythm import CompressionConfig, RhythmConfig, TransferConfig
from ecglib.config.robustness import RobustnessConfig
from ecglib.config.roofline import RooflineConfig
from ecglib.config.speed import SpeedConfig
from ecglib.config.studies import (
    BaselineConfig,
    PersonalizationConfig,
    ProbeConfig,
    PuzzleConfig,
    RpeaksConfig,
    SelectionConfig,
)

__all__ = [
    "CONFIGS",
    "SCOPES",
    "SPLITS",
    "STRATEGIES",
    "BaselineConfig",
    "BudgetConfig",
    "C99Config",
    "CompressionConfig",
    "EcgnetBudgetConfig",
    "Int8Config",
    "LatencyConfig",
    "MicroConfig",
    "NumericsConfig",
    "PersonalizationConfig",
    "PrecisionConfig",
    "ProbeConfig",
    "PuzzleConfig",
    "RhythmConfig",
    "RobustnessConfig",
    "RooflineConfig",
    "RpeaksConfig",
    "RunConfig",
    "SelectionConfig",
    "SpeedConfig",
    "TrainingConfig",
    "TransferConfig",
    "config_class",
    "folds_of",
    "fp32_micro",
    "fp32_twin",
    "make_config",
    "parts_of",
    "pretext_of",
    "twin_of",
]
