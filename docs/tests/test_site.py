"""The site of docs/: its navigation leads to every page, and the check of what was built finds what is wrong."""

import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROJECT = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
problems_of = runpy.run_path(str(DOCS / "making/built_site.py"))["problems_of"]
POLICY = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'self'\">"


def pages_in(nav: list[Any]) -> list[str]:
    """The pages of a navigation, in order."""
    below = [entry if isinstance(entry, str) else next(iter(entry.values())) for entry in nav]
    return [page for one in below for page in (pages_in(one) if isinstance(one, list) else [one])]


def site(folder: Path, body: str) -> list[str]:
    """What is wrong with a site of two pages, one of them with this body."""
    (folder / "index.html").write_text(f"{POLICY}{body}", "utf-8")
    (folder / "other.html").write_text(f"{POLICY}<h2 id='there'>There</h2>", "utf-8")
    return list(problems_of(folder))


def test_the_navigation_leads_to_each_page_once() -> None:
    """A new page is added to nav in zensical.toml, where readers look for it."""
    pages = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "tests" not in page.parts)

    assert sorted(pages_in(PROJECT["nav"])) == pages


def test_the_theme_takes_no_font_from_elsewhere() -> None:
    """And its own template forbids everything else."""
    template = (ROOT / PROJECT["theme"]["custom_dir"] / "main.html").read_text("utf-8")

    assert PROJECT["theme"]["font"] is False
    assert "content=\"default-src 'self';" in template


def test_a_site_that_stands_alone_is_well(tmp_path: Path) -> None:
    """Links within, to an anchor, and to other hosts."""
    body = "<a href='other.html#there'>a</a> <a href='https://example.com/x'>b</a> <img src='data:,x'>"

    assert site(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<script src='https://cdn.example/x.js'></script>", "loads from another host: https://cdn.example/x.js"),
        ("<img src='//cdn.example/x.png'>", "loads from another host: //cdn.example/x.png"),
        ("<link href='http://f.example/f.css'>", "loads from another host: http://f.example/f.css"),
        ("<img srcset='https://i.example/a 2x'>", "loads from another host: https://i.example/a"),
        ("<style>a{b:url(https://f.example/f)}</style>", "loads from another host: url(https://f.example/f"),
        ("<img src='missing.png'>", "leads nowhere: missing.png"),
        ("<a href='missing.html'>x</a>", "leads nowhere: missing.html"),
        ("<a href='../index.html'>x</a>", "leads nowhere: ../index.html"),
        ("<a href='other.html#nowhere'>x</a>", "no such anchor: other.html#nowhere"),
        ("<a href='#nowhere'>x</a>", "no such anchor: #nowhere"),
        ("<a href='https://'>x</a>", "link that is no http address: https://"),
        ("<a href='javascript:x()'>x</a>", "link that is no http address: javascript:x()"),
        ("<a href='https://exa mple/'>x</a>", "link that is no address: https://exa mple/"),
        ("<a href='https://example:port/'>x</a>", "link that is no address: https://example:port/"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_page_is_named(tmp_path: Path, body: str, problem: str) -> None:
    """With the page and the address."""
    assert site(tmp_path, body) == [f"index.html: {problem}"]


def test_a_page_without_the_policy_is_named(tmp_path: Path) -> None:
    """Whatever loads what from where, a browser would follow it."""
    (tmp_path / "index.html").write_text("<p>page</p>", "utf-8")

    (problem,) = problems_of(tmp_path)

    assert problem.startswith("index.html: its content security policy is ''")


def test_a_style_sheet_that_loads_a_font_from_another_host_is_named(tmp_path: Path) -> None:
    """Files of the theme are looked at as well."""
    (tmp_path / "theme.css").write_text("@import '//fonts.example/css';", "utf-8")

    assert site(tmp_path, "") == ["theme.css: loads from another host: @import '//fonts.example/css"]


def test_a_site_without_pages_is_not_well(tmp_path: Path) -> None:
    """Nothing built is nothing checked."""
    assert problems_of(tmp_path) == [f"{tmp_path}: no page was built"]
