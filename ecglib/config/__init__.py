"""What defines a run: frozen, validated, hashable configurations, one class a study."""

from ecglib.config.base import SPLITS, STRATEGIES, RunConfig, TrainingConfig
from ecglib.config.studies import (
    CONFIGS,
    BaselineConfig,
    PersonalizationConfig,
    PrecisionConfig,
    ProbeConfig,
    PuzzleConfig,
    RpeaksConfig,
    SelectionConfig,
    config_class,
    make_config,
    pretext_of,
)

__all__ = [
    "CONFIGS",
    "SPLITS",
    "STRATEGIES",
    "BaselineConfig",
    "PersonalizationConfig",
    "PrecisionConfig",
    "ProbeConfig",
    "PuzzleConfig",
    "RpeaksConfig",
    "RunConfig",
    "SelectionConfig",
    "TrainingConfig",
    "config_class",
    "make_config",
    "pretext_of",
]
