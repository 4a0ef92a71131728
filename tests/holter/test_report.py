"""Facts of a report against sequences of beats that were counted by hand."""

import numpy as np
import pandas as pd
import pytest

from ecglib.holter.classify import Classified
from ecglib.holter.lead import Lead
from ecglib.holter.report import Facts, clock, seconds_of
from ecglib.system.errors import UserError
from tests.holter.beats_made import FS, classified


def test_runs_and_couplets_are_counted_as_by_hand():
    kinds = "NVVNVVVNSSNSSSSVNVVNV"
    facts = Facts(classified(kinds, [0.5] * (len(kinds) - 1)))
    assert facts.counts == {"N": 6, "S": 6, "V": 9, "?": 0}
    assert (facts.couplets("V"), facts.couplets("S")) == (2, 1)
    assert facts.runs("V")[["first", "length"]].to_numpy().tolist() == [[4, 3]]
    assert facts.runs("S")[["first", "length"]].to_numpy().tolist() == [[11, 4]]
    assert facts.runs("V")["rate"].tolist() == [pytest.approx(120)]


def test_the_fastest_run_comes_first_then_the_longest():
    kinds = "VVVNVVVVVNVVVVN"
    fast = {1: 0.3, 2: 0.3}  # intervals before the second and third beat
    intervals = [fast.get(place, 0.6) for place in range(1, len(kinds))]
    assert Facts(classified(kinds, intervals)).runs("V")["length"].tolist() == [3, 5, 4]
    assert len(Facts(classified("NNSSN", [1] * 4)).runs("S")) == 0


@pytest.mark.parametrize("between", ["unreadable", "invalid", "beat"])
def test_what_cannot_be_read_ends_a_run_and_is_no_pause(between):
    kinds, intervals = list("NVVVVN"), [0.5, 0.5, 6, 0.5, 0.5]
    if between == "beat":
        kinds[3] = "?"
    found = classified(kinds, intervals, unreadable=[4] if between == "unreadable" else ())
    if between == "invalid":
        found.lead.signal[400:450] = np.nan
    facts = Facts(found)
    assert len(facts.runs("V")) == 0
    assert facts.couplets("V") == (1 if between == "beat" else 2)
    if between != "beat":
        assert np.isnan(facts.intervals).tolist() == [False, False, True, False, False]
        assert np.nanmax(facts.intervals) == pytest.approx(0.5)


def test_a_pause_is_the_longest_interval_though_a_sample_is_missing_in_it():
    found = classified("NNNN", [0.8, 2.5, 0.8])
    found.lead.signal[300] = np.nan
    assert Facts(found).intervals.tolist() == pytest.approx([0.8, 2.5, 0.8])


def test_rates_are_those_of_the_intervals_and_a_missed_beat_changes_no_extreme():
    intervals = [1.0] * 20 + [0.5] * 20
    slowest, mean, fastest = Facts(classified("N" * 41, intervals)).slowest_mean_fastest
    assert (slowest, mean, fastest) == pytest.approx((60, 80, 120))
    missed = [*intervals[:5], 2.0, *intervals[5:]]
    slowest, _, fastest = Facts(classified("N" * 42, missed)).slowest_mean_fastest
    assert (slowest, fastest) == pytest.approx((60, 120))


def test_bigeminy_has_the_rate_of_its_pairs():
    facts = Facts(classified("NV" * 10, ([0.5, 1.1] * 10)[:19]))
    assert facts.rates[7:] == pytest.approx([75] * 12)


def test_one_beat_has_no_rate():
    facts = Facts(classified("N", []))
    assert np.isnan(facts.slowest_mean_fastest).all()
    assert facts.counts["N"] == 1
    assert facts.trend[["N", "S", "V"]].sum().tolist() == [1, 0, 0]
    assert facts.unsure == [0]


def test_a_few_beats_have_a_mean_but_no_extremes():
    slowest, mean, fastest = Facts(classified("NNN", [0.5, 0.5])).slowest_mean_fastest
    assert mean == pytest.approx(120)
    assert np.isnan([slowest, fastest]).all()


def test_hours_hold_each_beat_once_and_what_can_be_read():
    n_beats = 7200  # one a second from 0:00:01 on: an hour of N, then one of V
    kinds = ["N"] * 3599 + ["V"] * (n_beats - 3599)
    found = classified(kinds, [1] * (n_beats - 1), tail=0.5, unreadable=range(3600, 3660))
    hours = Facts(found).hours
    assert hours["seconds"].tolist() == [0, 3600, 7200]
    assert hours["N"].tolist() == [3599, 0, 0]
    assert hours["V"].tolist() == [0, 3600, 1]
    assert hours["readable"].tolist() == [3600, 3540, 1]
    assert hours["rate"][:2].tolist() == pytest.approx([60, 60])


@pytest.mark.parametrize("n_hours", [1, 24, 25, 30, 200])
def test_tables_stay_short_however_long_the_recording(n_hours):
    lead = Lead("long", "II", 1.0, np.zeros(n_hours * 3600, np.float32), np.zeros(1, bool))
    beats = pd.DataFrame({"sample": [5], "class": ["N"], "N": 1.0, "S": 0.0, "V": 0.0})
    facts = Facts(Classified(lead, beats))
    assert len(facts.hours) <= 26
    assert len(facts.trend) <= 150


def test_typical_beats_are_of_their_class_and_from_all_of_the_recording():
    found = classified("NV" * 30, [0.8] * 59)
    odd = found.beats["sample"][6]
    found.lead.signal[odd - 20 : odd + 20] = 3  # this N is unlike the others
    typical, shape = Facts(found).looks["N"]
    assert 6 not in typical
    assert [row // 20 for row in typical] == [0, 1, 2]
    assert all(row % 2 == 0 for row in typical)
    assert shape.shape[0] == 3
    assert set(Facts(found).looks) == {"N", "V"}
    _, v = Facts(found).looks["V"]
    assert v[0].max() == pytest.approx(2, abs=0.05)
    assert v[0].argmax() == round(0.25 * FS)


def test_the_least_sure_beats_are_readable_ones():
    sure = [0.9, 0.4, 0.8, 0.5, 0.6, 0.7, 0.95, 0.3]
    facts = Facts(classified("NNVNSNN?", [0.8] * 7, sure=sure))
    assert facts.unsure == [1, 3, 4, 5, 2]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("1:30", 90), ("90:00", 5400), ("1:00:00.5", 3600.5)],
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds
    assert seconds_of(clock(seconds)) == int(seconds)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1:60", "1:2:3:4", "1:", ":5", "1e3", "nan", "٣", "1:0.5:3", " 1"]
)
def test_what_is_no_time_is_named(text):
    with pytest.raises(UserError, match="write H:MM:SS"):
        seconds_of(text)
