"""What the printed numbers of paper 2 say about themselves, by arithmetic alone."""

import pandas as pd

from ecglib.compress import ideal_ratio
from ecglib.tables import paper2

WIDTHS = range(8, 0, -1)
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def fixed_ratios(model):
    """Ideal compression ratios of a network under the paper's fixed schemes.

    Parameters
    ----------
    model : Module
        Any.

    Returns
    -------
    dict of str to float
        Row of table 1 -> ratio.
    """
    ratios = {f"{b} bits" if b > 1 else "1 bit": ideal_ratio(model, b) for b in WIDTHS}
    pruned = {f"{100 * p:.0f} % pruned": ideal_ratio(model, kept=1 - p) for p in SHARES}
    return ratios | pruned


def algebra_table(ratios):
    """Paper 2's printed compression ratios beside what its formula gives.

    Parameters
    ----------
    ratios : dict of str to dict of str to float
        Network -> method -> ratio.

    Returns
    -------
    DataFrame
    """
    columns = {}
    for model, rows in ratios.items():
        printed = paper2.TABLE_1[model]
        columns[model, "printed"] = {name: f"{printed[name].ratio:.2f}" for name in rows}
        columns[model, "formula"] = {name: f"{ratio:.2f}" for name, ratio in rows.items()}
    return pd.DataFrame(columns)


def constants_table():
    """Paper 2's collapsed rows as counts: which recordings one constant answer gets right.

    Returns
    -------
    DataFrame
        For each row under 0.4 accuracy that fits a constant answer: recordings, the macro-F1 of
        answering that class always, and where the paper prints that number.
    """
    rows = {}
    for model, table in paper2.TABLE_1.items():
        for method, row in table.items():
            right = round(row.accuracy * paper2.N_TEST)
            f1 = 2 * right / (paper2.N_TEST + right) / 4  # one class of four has all
            matches = [n for n in row._fields[1:4] if abs(getattr(row, n) - f1) < 6e-5]
            if matches:
                rows[model, method] = {
                    "accuracy": f"{row.accuracy:.4f}",
                    "recordings": f"{right:,}",
                    "macro-F1 of a constant answer": f"{f1:.4f}",
                    "printed as": ", ".join(matches),
                    "recall printed": f"{row.recall:.4f}",
                    "recall of a constant answer": "0.2500",
                }
    return pd.DataFrame(rows).T
