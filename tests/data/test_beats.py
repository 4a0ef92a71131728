import numpy as np

from tests.toys import beats_with


def beats_of(record):
    n = len(record)
    return beats_with(signal=np.arange(2.0 * n).reshape(n, 2), label=range(n), record=record)


def test_select_takes_the_same_rows_of_every_array():
    some = beats_of([100, 100, 101, 103]).select(np.array([3, 1]))
    assert some.label.tolist() == [3, 1]
    assert some.signal.tolist() == [[6, 7], [2, 3]]
    assert some.record.tolist() == [103, 100]
    assert (some.fs, len(some), len(some.rr)) == (360.0, 2, 2)


def test_of_records_keeps_order():
    assert beats_of([100, 101, 100, 103]).of_records((103, 100)).label.tolist() == [0, 2, 3]


def test_before_counts_from_the_records_start():
    assert beats_of([100] * 4).before(2).tolist() == [True, True, False, False]
