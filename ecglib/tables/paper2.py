"""Tables that paper 2 prints (Shinde et al. 2025), to set ours beside them."""

from typing import NamedTuple


class Printed(NamedTuple):
    """One network in one row of table 1: macro-averages and compression ratio, as printed."""

    accuracy: float
    precision: float
    recall: float
    f1: float
    ratio: float


_METHODS = (
    *("fp32", "8 bits", "7 bits", "6 bits", "5 bits", "4 bits", "3 bits", "2 bits", "1 bit"),
    *("10 % pruned", "30 % pruned", "50 % pruned", "70 % pruned", "90 % pruned", "LAQ", "LAP"),
)

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

TABLE_1 = {
    model: dict(zip(_METHODS, (Printed(*row) for row in rows), strict=True))
    for model, rows in (("resnet1d", _RESNET1D), ("hubert", _HUBERT))
}
"""Network -> method -> its row, on a test set of Chapman–Shaoxing."""

N_TEST = 2118
"""Recordings of that test set; every printed accuracy is a multiple of one over this."""


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


TABLE_2 = (
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
    Peer("CPSC 2018", "paper 2", 9, 1, "ResNet1D + LAQ", 95.78, 95.61, 95.81, 95.68, 10.44),
)
"""Published networks beside the paper's own."""
