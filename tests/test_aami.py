"""Classes, symbols and record lists against the standard and the split's definition."""

import pytest

from ecglib import aami
from ecglib.aami import DS1, DS1_FOLDS, DS1_VAL, DS2, PACED, SYMBOL_TO_AAMI, patient_of


def test_classes_are_the_first_of_the_five_aami_classes():
    assert aami.CLASSES == ("N", "S", "V")
    assert aami.AAMI_CLASSES == ("N", "S", "V", "F", "Q")


@pytest.mark.parametrize(
    ("aami", "symbols"),
    [
        ("N", "N L R B e j"),
        ("S", "A a J S n"),
        ("V", "V E r"),
        ("F", "F"),
        ("Q", "/ f Q ?"),
    ],
)
def test_symbols_of_each_class(aami, symbols):
    mapped = {symbol for symbol, target in SYMBOL_TO_AAMI.items() if target == aami}
    assert mapped == set(symbols.split())


@pytest.mark.parametrize("symbol", ["!", "x", "[", "]", "~", "|", "+", '"'])
def test_other_annotations_are_no_beats(symbol):
    assert symbol not in SYMBOL_TO_AAMI


def test_split_has_22_records_a_side_and_no_record_twice():
    assert len(DS1) == len(DS2) == 22
    assert len(set(DS1) | set(DS2)) == 44


def test_paced_records_are_on_no_side():
    assert PACED == (102, 104, 107, 217)
    assert not set(PACED) & (set(DS1) | set(DS2))


def test_validation_records_lie_inside_ds1():
    assert DS1_VAL == (118, 124, 207, 223)
    assert set(DS1_VAL) < set(DS1)


def test_folds_share_ds1_out_evenly():
    assert sorted(record for fold in DS1_FOLDS for record in fold) == list(DS1)
    assert sorted(map(len, DS1_FOLDS)) == [5, 5, 6, 6]


def test_only_201_and_202_share_a_patient():
    patients = {record: patient_of(record) for record in DS1 + DS2}
    assert patients.pop(202) == patients[201] == 201
    assert all(patient == record for record, patient in patients.items())
