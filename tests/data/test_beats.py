import numpy as np

from ecglib.data.beats import Beats


def beats_of(record):
    n = len(record)
    return Beats(
        signal=np.arange(2.0 * n, dtype=np.float32).reshape(n, 2),
        label=np.arange(n, dtype=np.int8),
        symbol=np.array(list("NVA"))[np.arange(n) % 3],
        record=np.array(record),
        sample=np.arange(n) * 360,
        rr=np.ones((n, 5), np.float32),
        rr_names=("a", "b", "c", "d", "e"),
        fs=360.0,
        n_padded=1,
    )


def test_select_takes_the_same_rows_of_every_array():
    some = beats_of([100, 100, 101, 103]).select(np.array([3, 1]))
    assert some.label.tolist() == [3, 1]
    assert some.signal.tolist() == [[6, 7], [2, 3]]
    assert some.record.tolist() == [103, 100]
    assert (some.fs, some.rr_names[0], len(some)) == (360.0, "a", 2)


def test_of_records_keeps_order():
    assert beats_of([100, 101, 100, 103]).of_records((103, 100)).label.tolist() == [0, 2, 3]


def test_before_counts_from_the_records_start():
    assert beats_of([100] * 4).before(2).tolist() == [True, True, False, False]
