"""The reference: every module of the library stands on one page, and a stray room is named."""

import re
from collections import Counter

import pytest

from ecglib.book import api
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO


def on_pages(folder):
    """Modules that the pages in a folder document, with how often."""
    texts = [page.read_text(encoding="utf-8") for page in folder.glob("api_*.rst")]
    return Counter(re.findall(r"automodule:: (\S+)", "\n".join(texts)))


def test_every_module_stands_on_one_page(tmp_path):
    api.write_pages(tmp_path)
    files = [file for file in (REPO / "ecglib").rglob("*.py") if file.read_text().strip()]
    names = {".".join(file.relative_to(REPO).with_suffix("").parts) for file in files}
    packages = {name.removesuffix(".__init__") for name in names} - {"ecglib"}
    assert on_pages(tmp_path) == Counter(dict.fromkeys(packages, 1))


def test_headings_are_as_long_as_their_lines(tmp_path):
    api.write_pages(tmp_path)
    for page in tmp_path.iterdir():
        lines = page.read_text(encoding="utf-8").splitlines()
        lined = [i for i, line in enumerate(lines) if line and not line.strip("=-")]
        assert lined[0] == 1
        assert all(len(lines[i]) == len(lines[i - 1]) for i in lined)


def test_room_without_a_page_is_named(tmp_path):
    placed = " ".join(rooms for _, rooms in api.GROUPS.values()).split()
    for room in (*placed, "attic"):
        file = tmp_path / "ecglib" / f"{room}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text('"""Something."""\n')
    with pytest.raises(UserError, match="differ in attic: give each room a page"):
        api.write_pages(tmp_path, root=tmp_path)
    (tmp_path / "ecglib" / "attic.py").unlink()
    api.write_pages(tmp_path, root=tmp_path)
    (tmp_path / "ecglib" / "aami.py").unlink()
    with pytest.raises(UserError, match="differ in aami"):
        api.write_pages(tmp_path, root=tmp_path)
