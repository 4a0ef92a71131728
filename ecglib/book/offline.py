"""Pages that read offline: what they would load from somewhere else."""

import re
from html.parser import HTMLParser
from pathlib import Path


def external_loads(html):
    """What the pages and style sheets below a folder would fetch from other machines.

    Texts `file: address`, sorted. Links that a reader may click are no such thing; scripts,
    images, styles, fonts are.
    """
    found = set()
    for page in Path(html).rglob("*.html"):
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        found |= {f"{page.relative_to(html)}: {address}" for address in loads.external}
    for sheet in Path(html).rglob("*.css"):
        addresses = _CSS_LOAD.findall(sheet.read_text(encoding="utf-8"))
        found |= {f"{sheet.relative_to(html)}: {address}" for address in addresses}
    return sorted(found)


_EXTERNAL = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_CSS_LOAD = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


class _Loads(HTMLParser):
    """Collects the external addresses that a browser fetches to show a page."""

    def __init__(self):
        super().__init__()
        self.external = []

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}
        loads = [attrs.get("src", ""), attrs.get("srcset", ""), attrs.get("poster", "")]
        if tag == "link" and attrs.get("rel") != "canonical":
            loads.append(attrs.get("href", ""))
        self.external += [address for address in loads if _EXTERNAL.match(address)]
        self.external += _CSS_LOAD.findall(attrs.get("style", ""))
