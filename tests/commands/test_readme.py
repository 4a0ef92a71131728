"""What README and the model card say is what files and committed runs say; nothing is typed."""

import re
import shutil

import pytest

from ecglib.commands.readme import END, START, with_findings, with_numbers, write, write_card
from ecglib.data.find.identity import sha256_of
from ecglib.deploy import integers
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO, RESULTS
from tests.test_form import NO_RESULT, RESULT

README = (REPO / "README.md").read_text(encoding="utf-8")
CARD = integers.CARD.read_text(encoding="utf-8")


def test_readme_is_up_to_date():
    assert with_findings(README, RESULTS) == README, "run `python -m ecglib readme`"


@pytest.mark.parametrize("whole", [README, CARD], ids=["README", "card"])
def test_no_result_is_typed(whole):
    before, _, rest = whole.partition(START)
    text = before + rest.partition(END)[2]
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)  # commands, and minutes to expect
    typed = [match.group() for match in RESULT.finditer(NO_RESULT.sub("", text))]
    assert typed == []


def test_other_runs_give_other_numbers_and_none_say_so(tmp_path):
    text = with_findings(README, tmp_path)
    findings = text.partition(START)[2].partition(END)[0]
    assert "no run" in findings
    assert not re.search(r"\d\.\d{3}", findings)


def test_the_card_is_up_to_date():
    assert with_numbers(CARD, RESULTS) == CARD, "run `python -m ecglib readme`"


def test_a_stale_card_is_noticed_and_written_anew(tmp_path):
    stale = CARD.replace(sha256_of(integers.WEIGHTS)[:8], "01234567")
    assert stale != CARD
    (tmp_path / "card.md").write_text(stale, encoding="utf-8")
    write_card(RESULTS, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == CARD


def test_the_card_names_the_file_and_its_day():
    assert sha256_of(integers.WEIGHTS) in CARD
    assert re.search(rf"bytes of the file \| {integers.WEIGHTS.stat().st_size:,} ", CARD)
    assert f"frozen on | {integers.frozen()['date']} |" in CARD
    assert "study blind" in CARD


def test_a_card_without_runs_says_so(tmp_path):
    text = with_numbers(CARD, tmp_path)
    assert "no run" in text
    assert not re.search(r"\d\.\d{3}", text.partition(START)[2])
    assert with_numbers(text, tmp_path) == text


@pytest.mark.parametrize("text", ["", START, f"{END} {START}", f"{START} {END} {END}"])
def test_a_readme_without_its_place_is_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"README\.md must hold the lines"):
        with_findings(text, tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        write(tmp_path / "nowhere", tmp_path / "README.md", tmp_path / "figure.png")


@pytest.mark.parametrize(("there", "lacking"), [([], "baseline"), (["baseline"], "budget")])
def test_runs_that_the_figure_lacks_are_named(tmp_path, there, lacking):
    for study in there:
        shutil.copytree(RESULTS / study, tmp_path / study)
        shutil.copytree(RESULTS / "h200", tmp_path / "h200")
    (tmp_path / "README.md").write_text(README)
    with pytest.raises(UserError, match=f"lacks runs of {lacking}.* for README's figure"):
        write(tmp_path, tmp_path / "README.md", tmp_path / "figure.png")
    assert not (tmp_path / "figure.png").exists()
