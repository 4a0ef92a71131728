"""The reference: every room of the library is listed, and Sphinx makes its pages."""

import re

import pytest

from ecglib.system.paths import HTML, REPO


def test_every_room_is_listed_once():
    text = (REPO / "chapters" / "api.md").read_text(encoding="utf-8")
    rooms = [path for path in (REPO / "ecglib").iterdir() if path.name != "__pycache__"]
    names = {path.stem for path in rooms if path.suffix in (".py", "")} - {"__init__"}
    listed = re.findall(r"^   ecglib\.(\w+)$", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(names)
    assert listed


def test_every_module_has_a_page():
    pages = {path.stem for path in (HTML / "chapters" / "api").glob("*.html")}
    if not pages:
        pytest.skip("needs the book: make book")
    files = [file for file in (REPO / "ecglib").rglob("*.py") if file.read_text().strip()]
    names = {".".join(file.relative_to(REPO).with_suffix("").parts) for file in files}
    modules = {name.removesuffix(".__init__") for name in names} - {"ecglib"}
    assert modules <= pages
