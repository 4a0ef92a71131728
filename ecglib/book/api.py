"""Pages of the library's reference: which rooms stand on which page, and their text.

Sphinx fills the pages from the docstrings; here is only what stands on which page. A room that
is in no group is an error, so the reference cannot fall behind the library.
"""

from pathlib import Path

from ecglib.system.errors import UserError
from ecglib.system.paths import REPO

GROUPS = {
    "data": ("Data", "aami data puzzle"),
    "models": ("Models", "models"),
    "quant": ("Fewer bits", "quant"),
    "training": ("Training and personalization", "training personalize"),
    "compress": ("Compression", "compress"),
    "deploy": ("On a device, and on a recording", "deploy holter"),
    "results": ("Studies, results and metrics", "config studies results metrics stats"),
    "book": ("Tables, figures and the book", "tables plots book commands system __main__"),
}
"""Page -> its title, and the rooms on it: modules and packages directly below `ecglib`."""


def write_pages(folder, root=REPO):
    """Write a page for each group, `api_<group>.rst`.

    Parameters
    ----------
    folder : path
        Where the pages go.
    root : path
        Folder that holds `ecglib`.

    Raises
    ------
    UserError
        A room stands on no page, or a page names a room that does not exist.
    """
    rooms = {}
    for name in modules(root):
        rooms.setdefault(name.split(".")[1], []).append(name)
    placed = [room for _, members in GROUPS.values() for room in members.split()]
    if strays := sorted(rooms.keys() ^ set(placed)):
        raise UserError(
            f"ecglib.book.api.GROUPS and the library differ in {', '.join(strays)}: give each "
            "room a page, or take it out"
        )
    for group, (title, members) in GROUPS.items():
        sections = [_section(module) for room in members.split() for module in rooms[room]]
        text = "\n".join([title, "=" * len(title), "", *sections])
        (Path(folder) / f"api_{group}.rst").write_text(text, encoding="utf-8")


def modules(root=REPO):
    """Dotted names of all modules that say something about themselves, sorted.

    Returns
    -------
    list of str
    """
    files = sorted((Path(root) / "ecglib").rglob("*.py"))
    paths = [file.relative_to(root).with_suffix("") for file in files if file.stat().st_size]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return sorted(name for name in names if name != "ecglib")


def _section(module):
    """A heading and what Sphinx shall put below it."""
    heading = f"``{module}``"
    return f"{heading}\n{'-' * len(heading)}\n\n.. automodule:: {module}\n"
