"""What defines a run: frozen, validated, hashable configurations, one class a study."""

from ecglib.config.base import SPLITS, STRATEGIES, RunConfig, TrainingConfig
from ecglib.config.studies import (
    CONFIGS,
    BaselineConfig,
    PersonalizationConfig,
    ProbeConfig,
    PuzzleConfig,
    RpeaksConfig,
    SelectionConfig,
    make_config,
    pretext_of,
)

__all__ = [
    "CONFIGS",
    "SPLITS",
    "STRATEGIES",
    "BaselineConfig",
    "PersonalizationConfig",
    "ProbeConfig",
    "PuzzleConfig",
    "RpeaksConfig",
    "RunConfig",
    "SelectionConfig",
    "TrainingConfig",
    "make_config",
    "pretext_of",
]
