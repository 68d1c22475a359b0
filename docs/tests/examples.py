"""The examples of the pages: their blocks of code, and the marker of one that a test elsewhere runs.

A marker is a comment before its block, invisible on the page: ``<!-- covered by PATH::TEST: why not run here -->``, or
``covered by .ci/run`` for what every change runs as a whole.
"""

import re
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
GENERATED = ("commands.md", "configuration.md", "regression.md", "requirements.md")
PAGES = sorted(
    {ROOT / "README.md"}
    | {page for page in (ROOT / "docs").rglob("*.md") if page.name not in GENERATED or "spec" in page.parts}
)
PROGRAMS = ("python3", "arqonbus-gate", "arqonbus-reference", "nox", ".venv/bin/nox", ".venv/bin/pip")
SHELL = ("sh", "bash", "console")
MARKER = re.compile(r"<!-- covered by (?P<test>[^\s:]+(?:::\w+)?): (?P<reason>[^\n]+) -->")


class Example(NamedTuple):
    """One block of code of a page."""

    page: str
    line: int
    language: str
    text: str
    covered_by: str | None

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


def examples_of(page: Path) -> list[Example]:
    """The blocks of code of a page; indented ones are of the shell where they begin with a program."""
    found, marker = [], None
    for token in MarkdownIt("commonmark").parse(page.read_text("utf-8")):
        if token.type in {"fence", "code_block"}:
            language = token.info.strip() if token.type == "fence" else "text"
            if token.type == "code_block" and token.content.split()[0] in PROGRAMS:
                language = "sh"
            line = (token.map or [0])[0] + 1
            found.append(Example(str(page.relative_to(ROOT)), line, language, token.content, marker))
        said = MARKER.search(token.content) if token.type == "html_block" else None
        marker = said["test"] if said else None
    return found


EXAMPLES = [example for page in PAGES for example in examples_of(page)]
