"""Numbers printed by others, to set ours beside them; none is a result of ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a published table; spreads are standard deviations over seeds, as printed.

    `n_bytes` is the printed size of the weights.

    `None` stands for what the source does not give.
    """

    source: str
    arm: str
    accuracy: float
    macro_f1: float
    accuracy_std: float | None = None
    macro_f1_std: float | None = None
    sensitivity: float | None = None
    sensitivity_std: float | None = None
    runtime_s: float | None = None
    n_bytes: int | None = None


def _paper1(arm, accuracy, accuracy_std, macro_f1, macro_f1_std, **more):
    return Row("paper 1", arm, accuracy, macro_f1, accuracy_std, macro_f1_std, **more)


TABLE_1 = (
    _paper1("H200, FP16", 0.8904, 0.0211, 0.5252, 0.0398, runtime_s=2920),
    _paper1("H200, BF16", 0.8890, 0.0094, 0.4969, 0.0098, runtime_s=3003),
    _paper1("Jetson Nano, FP16", 0.8941, 0.0086, 0.5104, 0.0119, runtime_s=60048),
)
"""Paper 1, table 1: no row in fp32, no INT8."""

TABLE_2 = (
    _paper1(
        *("SSL + personalization, head_int8", 0.9013, 0.0198, 0.5364, 0.0416),
        **{"sensitivity": 0.5434, "sensitivity_std": 0.0465},
    ),
    _paper1(
        *("SSL + personalization, shallow_int8", 0.9003, 0.0248, 0.5258, 0.0408),
        **{"sensitivity": 0.5368, "sensitivity_std": 0.0365},
    ),
    _paper1(
        *("DS1 only, head_int8", 0.9170, 0.0139, 0.6261, 0.0307),
        **{"sensitivity": 0.6530, "sensitivity_std": 0.0028},
    ),
    _paper1(
        *("DS1 only, shallow_int8", 0.9194, 0.0042, 0.6303, 0.0165),
        **{"sensitivity": 0.6542, "sensitivity_std": 0.0125},
    ),
)
"""Paper 1, table 2 (H200). Its fourth row is the best result of the paper."""

TABLE_3 = {
    "head_only": _paper1("head-only", 0.8911, 0.0351, 0.5272, 0.0250, runtime_s=2826.54),
    "adabn": _paper1("AdaBN", 0.8776, 0.0165, 0.5410, 0.0172, runtime_s=3254.31),
    "adapters": _paper1("adapters", 0.8455, 0.0365, 0.5095, 0.0310, runtime_s=2828.55),
    "last_blocks": _paper1("last blocks", 0.8911, 0.0351, 0.5272, 0.0250, runtime_s=2831.71),
}
"""Paper 1, table 3, H200 rows, by strategy."""

TABLE_3_NANO = (
    _paper1("Jetson Nano, head-only", 0.8830, 0.0249, 0.4855, 0.0365, runtime_s=60288.91),
    _paper1("Jetson Nano, AdaBN", 0.8667, 0.0159, 0.5211, 0.0151, runtime_s=72776.07),
    _paper1("Jetson Nano, adapters", 0.8402, 0.0232, 0.4705, 0.0161, runtime_s=60003.61),
)
"""Paper 1, table 3, Jetson Nano rows."""

PEERS = (
    Row("de Chazal et al. 2004", "linear discriminants, RR + morphology", 0.83, 0.74),
    Row("Llamedo & Martínez 2011", "linear classifier, RR + wavelets", 0.93, 0.77),
    Row("Niu et al. 2019", "multi-perspective CNN", 0.964, 0.88),
    Row("Farag 2023", "INT8 CNN, derivative + RR ratios", 0.982, 0.9217, n_bytes=15_000),
)
"""Inter-patient results on DS2 in the literature; macro-F1 partly derived from Se and +P."""
