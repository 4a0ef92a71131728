"""Numbers printed by others, to set ours beside them; none is a result of ours.

Paper 1 is Silva et al., paper 2 Shinde et al. 2025.
"""

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from ecglib.tables import frames


@dataclass(frozen=True)
class Row:
    """One row of a published table; `None` stands for what the source does not give.

    Spreads are standard deviations over seeds, `n_bytes` the size of the weights, as printed.
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


PAPER1_TABLE_1 = (
    _paper1("H200, FP16", 0.8904, 0.0211, 0.5252, 0.0398, runtime_s=2920),
    _paper1("H200, BF16", 0.8890, 0.0094, 0.4969, 0.0098, runtime_s=3003),
    _paper1("Jetson Nano, FP16", 0.8941, 0.0086, 0.5104, 0.0119, runtime_s=60048),
)
"""Paper 1, table 1: no row in fp32, no INT8."""

_SSL, _ALONE = "SSL + personalization", "DS1 only"
_HEAD, _SHALLOW = "head in INT8", "head and shallow blocks in INT8"

PAPER1_TABLE_2 = tuple(
    _paper1(f"{pipeline}, {scope}", *scores, sensitivity=recall, sensitivity_std=std)
    for pipeline, scope, scores, recall, std in (
        (_SSL, _HEAD, (0.9013, 0.0198, 0.5364, 0.0416), 0.5434, 0.0465),
        (_SSL, _SHALLOW, (0.9003, 0.0248, 0.5258, 0.0408), 0.5368, 0.0365),
        (_ALONE, _HEAD, (0.9170, 0.0139, 0.6261, 0.0307), 0.6530, 0.0028),
        (_ALONE, _SHALLOW, (0.9194, 0.0042, 0.6303, 0.0165), 0.6542, 0.0125),
    )
)
"""Paper 1, table 2 (H200). Its fourth row is the best result of the paper."""

PAPER1_BEST = max(PAPER1_TABLE_2, key=lambda row: row.macro_f1)

PAPER1_TABLE_3 = {
    "head_only": _paper1("head only", 0.8911, 0.0351, 0.5272, 0.0250, runtime_s=2826.54),
    "adabn": _paper1("AdaBN", 0.8776, 0.0165, 0.5410, 0.0172, runtime_s=3254.31),
    "adapters": _paper1("adapters", 0.8455, 0.0365, 0.5095, 0.0310, runtime_s=2828.55),
    "last_blocks": _paper1("last blocks", 0.8911, 0.0351, 0.5272, 0.0250, runtime_s=2831.71),
}
"""Paper 1, table 3, H200 rows, by strategy."""

PAPER1_TABLE_3_NANO = (
    _paper1("Jetson Nano, head only", 0.8830, 0.0249, 0.4855, 0.0365, runtime_s=60288.91),
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


COLUMNS = {
    "classes": "classes",
    "leads": "leads",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "f1": "F1",
    "sensitivity": "sensitivity",
    "ratio": "CR",
    "runtime_s": "seconds",
}
"""Field of a printed row -> column of our tables, where its deviation is "… std"."""


def columns(row):
    """What a printed row gives, by column of `COLUMNS`; nothing of None."""
    ends = {"": "", "_std": " std"}
    found = {
        column + end: getattr(row, field + suffix, None)
        for field, column in COLUMNS.items()
        for suffix, end in ends.items()
    }
    return {column: value for column, value in found.items() if value is not None}


def peers():
    """Published inter-patient results on DS2: `method`, `accuracy`, `macro-F1`, as printed."""
    table = pd.DataFrame(PEERS).rename(columns={"arm": "method", "macro_f1": "macro-F1"})
    return table.set_index("source").rename_axis(None)[["method", "accuracy", "macro-F1"]]


class Paper2(NamedTuple):
    """One network in one row of table 1: macro-averages and compression ratio, as printed."""

    accuracy: float
    precision: float
    recall: float
    f1: float
    ratio: float


_FIXED = (*(f"{bits} bits" for bits in range(8, 1, -1)), "1 bit")
_PRUNED = tuple(f"{percent} % pruned" for percent in (10, 30, 50, 70, 90))

_RESNET1D = (
    (0.9542, 0.9483, 0.9467, 0.9475, 1.00),
    (0.9542, 0.9483, 0.9467, 0.9475, 3.99),
    (0.9547, 0.9489, 0.9473, 0.9481, 4.56),
    (0.9542, 0.9482, 0.9470, 0.9475, 5.31),
    (0.9537, 0.9477, 0.9467, 0.9472, 6.37),
    (0.9542, 0.9490, 0.9480, 0.9485, 7.95),
    (0.9108, 0.8962, 0.8920, 0.8941, 10.58),
    (0.2158, 0.0887, 0.1310, 0.1310, 15.79),
    (0.2191, 0.0899, 0.1310, 0.1310, 31.16),
    (0.9481, 0.9413, 0.9399, 0.9406, 1.11),
    (0.7002, 0.7029, 0.7001, 0.7015, 1.43),
    (0.2427, 0.1412, 0.1412, 0.1412, 2.00),
    (0.2158, 0.0887, 0.1310, 0.1310, 3.33),
    (0.3551, 0.1310, 0.1310, 0.1310, 9.92),
    (0.9551, 0.9499, 0.9488, 0.9494, 12.10),
    (0.9547, 0.9497, 0.9487, 0.9492, 1.67),
)

_HUBERT = (
    (0.9674, 0.9636, 0.9636, 0.9636, 1.00),
    (0.9684, 0.9646, 0.9646, 0.9646, 3.98),
    (0.9669, 0.9630, 0.9630, 0.9630, 4.55),
    (0.9665, 0.9623, 0.9623, 0.9623, 5.30),
    (0.9655, 0.9614, 0.9614, 0.9614, 6.35),
    (0.9608, 0.9561, 0.9561, 0.9561, 7.91),
    (0.6577, 0.6526, 0.6526, 0.6526, 10.50),
    (0.2101, 0.0868, 0.0868, 0.0868, 15.63),
    (0.2101, 0.0868, 0.0868, 0.0868, 30.49),
    (0.9679, 0.9640, 0.9640, 0.9640, 1.11),
    (0.8966, 0.8851, 0.8851, 0.8851, 1.43),
    (0.3343, 0.2700, 0.2700, 0.2700, 2.00),
    (0.2191, 0.0899, 0.0899, 0.0899, 3.32),
    (0.2384, 0.1514, 0.1514, 0.1514, 9.86),
    (0.9674, 0.9639, 0.9633, 0.9636, 9.80),
    (0.9684, 0.9644, 0.9644, 0.9644, 2.41),
)

_METHODS = ("fp32", *_FIXED, *_PRUNED, "LAQ", "LAP")
PAPER2_TABLE_1 = {
    model: dict(zip(_METHODS, map(Paper2._make, rows), strict=True))
    for model, rows in (("resnet1d", _RESNET1D), ("hubert", _HUBERT))
}
"""Paper 2, table 1: network -> method -> its row, on a test set of Chapman–Shaoxing."""

PAPER2_N_TEST = 2118
"""Recordings of that test set; every printed accuracy is a multiple of one over this."""


def standard_error(row):
    """Standard error of the accuracy of a row of table 1 on that test set, a share."""
    return (row.accuracy * (1 - row.accuracy) / PAPER2_N_TEST) ** 0.5


class Peer(NamedTuple):
    """One row of table 2, in percent; None stands for what it does not give."""

    dataset: str
    source: str
    classes: int
    leads: int
    method: str
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    ratio: float | None = None


def in_shares(peer):
    """The same row with shares, as in table 1, instead of percent."""
    percent = {n: getattr(peer, n) for n in ("accuracy", "precision", "recall", "f1")}
    return peer._replace(**{n: x / 100 for n, x in percent.items() if x is not None})


PAPER2_TABLE_2 = (
    Peer("Chapman", "Yildirim 2020", 4, 12, "deep network", 96.13, 95.78, 95.43, 95.57),
    Peer("Chapman", "Baygin 2021", 4, 1, "HIT pattern, SVM", 97.18, 97.07, 96.77, 96.91),
    Peer("Chapman", "Murat 2021", 4, 1, "DNN, feature fusion", 98.00, 97.76, 97.70, 97.72),
    Peer("Chapman", "Domazetoski 2022", 3, 12, "XGBoost", 89.37, None, None, None),
    Peer("Chapman", "Venkatesh 2024", 5, 1, "1D-CNN-BiLSTM", 93.97, 93.96, 98.49, 93.95),
    Peer("Chapman", "paper 2", 4, 1, "ResNet1D + LAQ", 95.51, 94.99, 94.88, 94.94, 12.10),
    Peer("Chapman", "paper 2", 4, 1, "HuBERT-ECG + LAQ", 96.74, 96.39, 96.33, 96.36, 9.80),
    Peer("CPSC 2018", "Zhang 2020", 9, 12, "CNN, attention, GRU", 86.83, 84.18, 82.93, 83.51),
    Peer("CPSC 2018", "Ge 2021", 9, 1, "SE block (CNN)", None, 83.00, 82.70, 82.80),
    Peer("CPSC 2018", "Liu 2022", 9, 12, "CRT-Net", 87.20, 87.30, 87.20, 86.90),
    Peer("CPSC 2018", "Li 2023", 9, 12, "KNN + CNN", 88.50, 87.77, 87.08, 87.37),
    Peer("CPSC 2018", "Dhyani 2023", 9, 12, "ResNet + RNN", 93.29, 93.38, 93.10, 93.09),
    Peer("CPSC 2018", "Ji 2024", 9, 12, "grid transformer", 87.34, 85.67, 86.21, 85.90),
    Peer("CPSC 2018", "paper 2", 9, 1, "ResNet1D", 95.78, 95.61, 95.81, 95.68, 10.44),
)
"""Paper 2, table 2: published networks beside the paper's own."""


def constants_table():
    """Paper 2's collapsed rows as counts: which recordings one constant answer gets right.

    Returns
    -------
    DataFrame
        For each row under 0.4 accuracy that fits a constant answer: `accuracy` and
        `recordings`, the macro-F1 of answering that class always, where the paper prints that
        number (`printed as`), its recall, and that of a constant answer.
    """
    rows = {}
    for model, table in PAPER2_TABLE_1.items():
        for method, row in table.items():
            right = round(row.accuracy * PAPER2_N_TEST)
            f1 = 2 * right / (PAPER2_N_TEST + right) / 4  # one class of four has all
            matches = [n for n in row._fields[1:4] if abs(getattr(row, n) - f1) < 6e-5]
            if matches:
                rows[model, method] = {
                    "accuracy": row.accuracy,
                    "recordings": right,
                    "macro-F1 of a constant answer": f1,
                    "printed as": ", ".join(matches),
                    "recall printed": row.recall,
                    "recall of a constant answer": 0.25,
                }
    return frames.of_rows(rows)


def rhythm_peers():
    """Table 2 of paper 2: published networks beside the paper's own.

    Returns
    -------
    DataFrame
        `classes` and `leads`, `method`; `accuracy`, `precision`, `recall`, `F1` in percent;
        `CR`, the ratio of compression. The index holds data set and source, twice for paper 2.
    """
    table = pd.DataFrame(PAPER2_TABLE_2).rename(
        columns={"dataset": "data set", "f1": "F1", "ratio": "CR"}
    )
    return table.set_index(["data set", "source"])
