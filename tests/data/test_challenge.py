"""Headers and matrices of the challenges' form; damage of any kind is one clear sentence."""

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.io import savemat

from ecglib.data.sets.challenge import read_header, read_lead
from ecglib.system.errors import UserError

HEADER = b"""A0001 2 500 4 12-May-2020 12:33:59
A0001.mat 16+24 1000/mV 16 0 28 -1716 0 I
A0001.mat 16+24 200(-10)/mV 16 5 7 2029 0 II
#Age: 74
#Dx: 59118001, 164889003
"""
UNITS = np.array([[1, 2, 3, -(2**15)], [10, 20, 30, 40]], dtype=np.int16)


def matrix(**variables):
    file = io.BytesIO()
    savemat(file, variables, format="4")
    return file.getvalue()


def test_header():
    header = read_header(HEADER, "A0001.hea")
    assert (header.recording, header.fs, header.n_samples) == ("A0001", 500.0, 4)
    assert header.leads == ("I", "II")
    assert header.gain == (1000.0, 200.0)
    assert header.baseline == (0.0, -10.0)  # in parentheses, else that of the ADC's zero
    assert header.codes == ["59118001", "164889003"]
    assert read_header(HEADER.replace(b"#Dx:", b"#Rx:"), "A0001.hea").codes == []


def test_lead_in_mv_and_invalid_samples():
    header = read_header(HEADER, "A0001.hea")
    first = read_lead(header, matrix(val=UNITS), "A0001.mat", "I")
    np.testing.assert_allclose(first, [0.001, 0.002, 0.003, np.nan], atol=1e-9)
    second = read_lead(header, matrix(val=UNITS), "A0001.mat", "II")
    np.testing.assert_allclose(second, [0.1, 0.15, 0.2, 0.25], atol=1e-7)
    assert second.dtype == np.float32


@pytest.mark.parametrize(
    "data", [matrix(other=UNITS), matrix(val=UNITS[:1]), b"", b"MATLAB 5.0"]
)
def test_other_matrix(data):
    with pytest.raises(UserError, match=r"A0001\.mat (is damaged|holds)"):
        read_lead(read_header(HEADER, "A0001.hea"), data, "A0001.mat", "I")


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"#Dx: 1"),
        *(HEADER.replace(b"/mV", b"/uV", 1), HEADER.replace(b"1000/", b"0/")),
        *(HEADER.replace(b"1 2 500", b"1 3 500"), HEADER.replace(b" 4 12", b" four 12")),
        *(HEADER.replace(b"1000/mV", b"1000"), HEADER.replace(b" 0 I\n", b"\n", 1)),
    ],
)
def test_damaged_header(header):
    with pytest.raises(UserError, match=r"A0001\.hea (is damaged|gives no gain)"):
        read_header(header, "A0001.hea")


def mutated(whole):
    """Bytes of a file with some replaced, or cut somewhere."""
    place = st.integers(0, len(whole) - 1)
    replaced = st.dictionaries(place, st.integers(0, 255), max_size=4).map(
        lambda changes: bytes(changes.get(i, byte) for i, byte in enumerate(whole))
    )
    return replaced | place.map(lambda end: whole[:end]) | st.binary(max_size=80)


@given(mutated(HEADER), mutated(matrix(val=UNITS)))
@example(HEADER, matrix(val=UNITS))
def test_whatever_the_bytes_are(header, data):
    try:
        signal = read_lead(read_header(header, "h"), data, "m", "I")
    except UserError:
        return
    assert signal.ndim == 1
