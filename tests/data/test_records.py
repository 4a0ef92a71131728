"""Headers that lost their end: each is refused by name, or says all that is needed."""

import pytest

from ecglib.data.records import read_wfdb
from ecglib.data.synthetic import write_records
from ecglib.system.errors import UserError


@pytest.fixture
def header(tmp_path):
    write_records(tmp_path, [100], minutes=0.5)
    return tmp_path / "100.hea"


def test_a_header_cut_short_anywhere(header):
    whole = header.read_bytes()
    told = []
    for length in range(len(whole)):
        header.write_bytes(whole[:length])
        try:
            assert read_wfdb(header.parent, 100, "MLII").number == 100
        except UserError as error:
            told.append(str(error))
    named = [text for text in told if "100.hea is damaged" in text]
    assert len(named) > 50
    assert all("MLII" in text for text in set(told) - set(named))  # the lead's name is cut off


def test_a_header_may_leave_the_number_of_samples_to_the_signal(header):
    n_samples = len(read_wfdb(header.parent, 100, "MLII").signal)
    first, rest = header.read_text().split("\n", 1)
    assert first == f"100 2 360 {n_samples}"
    header.write_text(f"100 2 360\n{rest}")
    assert len(read_wfdb(header.parent, 100, "MLII").signal) == n_samples
