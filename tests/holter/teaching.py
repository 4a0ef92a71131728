"""The commands that teach, and tables that somebody filled in."""

import pandas as pd

from ecglib.__main__ import main
from ecglib.aami import CLASSES, SYMBOL_TO_AAMI
from ecglib.data.sets.mitdb import read_record


def call(*words):
    return main([str(word) for word in words])


def filled(path, truth):
    """Fill in a table with known classes by sample; what is no N, S or V gets "?"."""
    table = pd.read_csv(path, keep_default_na=False)
    label = [truth[sample] for sample in table["sample"]]
    table["label"] = [name if name in CLASSES else "?" for name in label]
    table.to_csv(path, index=False)
    return table


def truth_of(root, number):
    record = read_record(root, number)
    kinds = [SYMBOL_TO_AAMI[symbol] for symbol in record.symbol[record.is_beat]]
    return dict(zip(record.sample[record.is_beat].tolist(), kinds, strict=True))


def assert_sentence(capsys, said):
    printed = capsys.readouterr()
    assert printed.err.startswith("ecglib: ")
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert printed.out == ""
