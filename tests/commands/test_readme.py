"""README's findings are those of the committed runs, and no other result is typed in it."""

import re

import pytest

from ecglib.commands.readme import END, START, with_findings, write
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO, RESULTS
from tests.test_form import NO_RESULT, RESULT

README = (REPO / "README.md").read_text(encoding="utf-8")


def test_readme_is_up_to_date():
    assert with_findings(README, RESULTS) == README, "run `python -m ecglib readme`"


def test_no_result_is_typed_in_readme():
    before, _, rest = README.partition(START)
    text = before + rest.partition(END)[2]
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)  # commands, and minutes to expect
    typed = [match.group() for match in RESULT.finditer(NO_RESULT.sub("", text))]
    assert typed == []


def test_other_runs_give_other_numbers_and_none_say_so(tmp_path):
    text = with_findings(README, tmp_path)
    findings = text.partition(START)[2].partition(END)[0]
    assert "no run" in findings
    assert not re.search(r"\d\.\d{3}", findings)


@pytest.mark.parametrize("text", ["", START, f"{END} {START}", f"{START} {END} {END}"])
def test_a_readme_without_its_place_is_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"README\.md must hold the lines"):
        with_findings(text, tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no folder .*nowhere"):
        write(tmp_path / "nowhere", tmp_path / "README.md", tmp_path / "figure.png")
