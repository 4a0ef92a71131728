"""Every study by name, and configurations from plain settings."""

from dataclasses import fields

from ecglib.config.budget import BudgetConfig, EcgnetBudgetConfig
from ecglib.config.c99 import C99Config
from ecglib.config.micro import MicroConfig
from ecglib.config.reduced import Int8Config, LatencyConfig, NumericsConfig, PrecisionConfig
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
from ecglib.system.errors import UserError

CONFIGS = {
    cls.study: cls
    for cls in (
        RpeaksConfig,
        BaselineConfig,
        PuzzleConfig,
        ProbeConfig,
        SelectionConfig,
        PersonalizationConfig,
        PrecisionConfig,
        NumericsConfig,
        Int8Config,
        LatencyConfig,
        RhythmConfig,
        TransferConfig,
        CompressionConfig,
        MicroConfig,
        BudgetConfig,
        EcgnetBudgetConfig,
        RobustnessConfig,
        C99Config,
        RooflineConfig,
        SpeedConfig,
    )
}
"""Name of a study -> its configuration class."""


def config_class(study):
    """Configuration class of a study.

    Raises
    ------
    UserError
        If the study is unknown.
    """
    if study not in CONFIGS:
        raise UserError(f"study {study!r} is unknown; known ones: {', '.join(CONFIGS)}")
    return CONFIGS[study]


def make_config(study, **settings):
    """Configuration of a run from plain settings, with unknown names refused.

    Raises
    ------
    UserError
        If the study or a setting is unknown, or a value is not allowed.
    """
    cls = config_class(study)
    known = [field.name for field in fields(cls)]
    for name in settings:
        if name not in known:
            raise UserError(
                f"{name!r} is no setting of study {study}; known: {', '.join(known)}"
            )
    return cls(**settings)
