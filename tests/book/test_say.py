"""Sentences with numbers from runs."""

import pytest

from ecglib.book.say import NO_RUN, answer, fields, filled, number, say
from ecglib.stats import Interval


def missing():
    raise KeyError("no such arm")


def test_a_number_has_the_form_of_its_kind():
    text = filled("{a:f1}, {b:count}, {c:percent}", a=0.12345, b=lambda: 1234, c=0.5)
    assert text == "0.123, 1,234, 50.0\u202f%"
    assert number(Interval(0.012, -0.01, 0.03), "points") == "+1.2 points [−1.0, +3.0]"
    assert number(-0.0451, "amount") == "4.5 points"


@pytest.mark.parametrize(("value", "text"), [(47.3, "47"), (2.578, "2.6"), (60048, "60,048")])
def test_two_digits_that_count(value, text):
    assert number(value, "digits") == text


def test_a_setting_stands_in_plain_words():
    assert filled("{best} of {n}", best=lambda: "head_only", n=5) == "head only of 5"


def test_a_number_without_runs_says_so_and_others_stand():
    assert filled("{a:f1} and {b:f1}", a=missing, b=0.5) == f"{NO_RUN} and 0.500"


def test_roles_are_left_alone_and_names_are_found():
    text = "{numref}`fig-x` shows {gain:change} by {who}; {cite:t}`li2017`"
    assert fields(text) == ["gain", "who"]
    assert filled(text, gain=0.1, who="us").startswith("{numref}`fig-x` shows +0.100 by us")


def test_a_field_for_which_nothing_is_given_is_an_error():
    with pytest.raises(ValueError, match="'gain'"):
        filled("{gain:change}")


def test_only_missing_runs_are_forgiven():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        filled("{a:f1}", a=broken)


def test_the_book_reads_roles_and_a_notebook_plain_text():
    shown = say("**Gain** {a:f1}, see {numref}`fig-x`.", a=0.5)._repr_mimebundle_()
    assert shown["text/markdown"] == "**Gain** 0.500, see {numref}`fig-x`."
    assert shown["text/html"] == "<p><strong>Gain</strong> 0.500, see fig-x.</p>\n"


def test_an_answer_is_a_box_in_both():
    shown = answer("No: {a:f1}.", a=0.5)._repr_mimebundle_()
    box = ":::{admonition} The answer\n:class: answer\nNo: 0.500.\n:::"
    assert shown["text/markdown"] == box
    assert "border-left" in shown["text/html"]


def test_an_answer_without_its_runs_keeps_no_verdict():
    shown = answer("**Yes.** {a:f1}.", a=missing).markdown
    assert "Yes" not in shown
    assert "No run" in shown


def test_a_number_that_is_none_is_no_run():
    assert filled("{a:digits} s", a=float("nan")) == f"{NO_RUN} s"
