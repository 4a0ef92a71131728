"""What defines a run: frozen, validated, hashable configurations, one class a study."""

from ecglib.config.base import SCOPES, SPLITS, STRATEGIES, RunConfig, TrainingConfig
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
    "CompressionConfig",
    "Int8Config",
    "LatencyConfig",
    "NumericsConfig",
    "PersonalizationConfig",
    "PrecisionConfig",
    "ProbeConfig",
    "PuzzleConfig",
    "RhythmConfig",
    "RpeaksConfig",
    "RunConfig",
    "SelectionConfig",
    "TrainingConfig",
    "TransferConfig",
    "config_class",
    "fp32_twin",
    "make_config",
    "pretext_of",
    "twin_of",
]
