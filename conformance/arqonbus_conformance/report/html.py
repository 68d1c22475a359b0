"""The report as one page of HTML that stands alone: no request leaves it, and nothing in it can become code."""

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from arqonbus_conformance.report import view
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.requirements import SUITES
from arqonbus_conformance.verdict import Verdict

__all__ = ["page", "report_page", "write_html", "write_page"]

PAGE_FOLDER: Final = "report/page"
"""Where the templates, the style and the script are, in the package."""
UTF8_REPLACED: Final = "replace"
"""What is written for a lone surrogate that came through unseen."""


def _source(name: str) -> str:
    """One file of the page folder that is put into the page as it is.

    Raises:
        ValueError: it holds ``</``, with which it would end its own element.
    """
    text = resources.files("arqonbus_conformance").joinpath(PAGE_FOLDER, name).read_text("utf-8")
    if "</" in text:
        raise ValueError(f"{name} holds '</', which would end the element that it stands in")
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _finalize(value: object) -> object:
    # Markup is what our own templates made; all else may have come from the deployment.
    return readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("arqonbus_conformance", PAGE_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = view.words
    environment.globals.update(
        sign={str(verdict): sign for verdict, sign in view.SIGN.items()},
        verdicts=[str(verdict) for verdict in reversed(Verdict)],
        suites=SUITES,
        view=view,
    )
    return environment


def page(template: str, **values: object) -> str:
    """A page of this template, with the style and the script in it and a policy that allows nothing else."""
    style, script = _source("page.css"), _source("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    # The two are files of this package without '</'; everything else is escaped by the template.
    inline = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return _environment().get_template(template).render(policy=policy, **inline, **values)


def report_page(document: Mapping[str, Any]) -> str:
    """The page of a report in its JSON form."""
    sentences = {line["id"]: line["sentence"] for line in document["requirements"]}
    return page("report.html.j2", report=document, facts=view.facts(document), sentences=sentences)


def write_html(document: Mapping[str, Any], path: Path) -> None:
    """Write the page; an older file stays as it is until the new one is complete."""
    write_page(report_page(document), path)


def write_page(text: str, path: Path) -> None:
    """Write a page; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, "utf-8", errors=UTF8_REPLACED)
    unfinished.replace(path)
