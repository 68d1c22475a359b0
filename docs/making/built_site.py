"""Whether the built site stands alone: ``python -P docs/making/built_site.py FOLDER``; one line per problem, then exit 1.

zensical checks the links of the Markdown; this looks at what it made of it, with everything the theme adds. Links to
other hosts are looked at, never followed.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

ADDRESSES: Final = frozenset({"action", "data", "href", "poster", "src", "srcset", "xlink:href"})
"""Attributes that hold an address, or several."""
FOREIGN_STYLE: Final = re.compile(r"""(?:url\(|@import)\s*["']?\s*(?:https?:)?//[^\s"')]*""", re.IGNORECASE)
"""What makes a style sheet load something from another host."""
POLICY: Final = "default-src 'self'"
"""How the content security policy begins that each page must have."""


class Page(HTMLParser):
    """The parts of a page that matter here: its anchors, its links, what it loads, its policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.policy = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names and where it points."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given.get("content", "")
        for name in ADDRESSES & given.keys():
            several = given[name].split(",") if name == "srcset" else [given[name]]
            for value in several:
                address = value.split()[0] if name == "srcset" and value.split() else value
                (self.links if tag in {"a", "area"} else self.loaded).append(address)


@cache
def page_at(path: Path) -> Page:
    """The page in a file."""
    return Page(path.read_text("utf-8"))


def problems_of(site: Path) -> list[str]:
    """Everything that is wrong with a built site, sorted; nothing where it is well.

    Args:
        site: the folder with the built pages.
    """
    pages = sorted(site.rglob("*.html"))
    if not pages:
        return [f"{site}: no page was built"]
    found = [
        f"{file.relative_to(site)}: loads from another host: {address}"
        for file in [*pages, *site.rglob("*.css")]
        for address in FOREIGN_STYLE.findall(file.read_text("utf-8"))
    ]
    for file in pages:
        found += [f"{file.relative_to(site)}: {problem}" for problem in _problems_of_page(site, file)]
    return sorted(found)


def _problems_of_page(site: Path, file: Path) -> Iterator[str]:
    page = page_at(file)
    if not page.policy.startswith(POLICY):
        yield f"its content security policy is {page.policy!r}; needed: one that begins with {POLICY!r}"
    for address in page.loaded:
        parts = _split(address)
        if parts is None or parts.netloc or parts.scheme not in {"", "data"}:
            yield f"loads from another host: {address}"
        elif problem := _problem_inside(site, file, parts):
            yield problem
    for address in page.links:
        parts = _split(address)
        if parts is None:
            yield f"link that is no address: {address}"
        elif parts.netloc or parts.scheme:
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                yield f"link that is no http address: {address}"
        elif problem := _problem_inside(site, file, parts):
            yield problem


def _split(address: str) -> SplitResult | None:
    """The parts of an address; None where it is none."""
    if re.search(r"\s", address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _problem_inside(site: Path, file: Path, parts: SplitResult) -> str | None:
    """Why an address within the site leads nowhere, if it does."""
    if parts.scheme == "data":
        return None
    # The page for what is not there is served anywhere: its addresses begin at the root.
    start = site if parts.path.startswith("/") else file.parent
    goal = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else file
    if goal.is_dir():
        goal /= "index.html"
    if not goal.is_relative_to(site.resolve()) or not goal.is_file():
        return f"leads nowhere: {parts.geturl()}"
    anchor = unquote(parts.fragment)
    if anchor and goal.suffix == ".html" and anchor not in page_at(goal).anchors:
        return f"no such anchor: {parts.geturl()}"
    return None


def main() -> int:
    """Look at the folder that is named; 0 where all is well, 1 with one line per problem."""
    site = Path(sys.argv[1]).resolve()
    problems = problems_of(site)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{site}: {len(list(site.rglob('*.html')))} pages, no request to another host, no broken link")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
