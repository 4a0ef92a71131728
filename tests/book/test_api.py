"""The reference: every room of the library is listed, and Sphinx makes its pages."""

import re

import pytest

from ecglib.system.paths import HTML, REPO


def test_every_folder_and_top_module_is_listed_once():
    text = (REPO / "chapters" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^   ecglib\.([\w.]+)$", text, flags=re.MULTILINE)
    library = REPO / "ecglib"
    folders = {".".join(path.parent.relative_to(library).parts)
               for path in library.rglob("__init__.py")}  # fmt: skip
    top = {path.stem for path in library.glob("*.py")} - {"__init__"}
    assert sorted(listed) == sorted((folders | top) - {""})


def test_every_module_has_a_section():
    pages = [p.read_text(encoding="utf-8") for p in (HTML / "chapters" / "api").glob("*.html")]
    if not pages:
        pytest.skip("needs the book: make book")
    sections = set(re.findall(r'id="module-(ecglib[\w.]*)"', " ".join(pages)))
    files = [file for file in (REPO / "ecglib").rglob("*.py") if file.read_text().strip()]
    names = {".".join(file.relative_to(REPO).with_suffix("").parts) for file in files}
    assert {name.removesuffix(".__init__") for name in names} - {"ecglib"} <= sections
