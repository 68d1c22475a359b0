"""The verdict as a badge: a small SVG that is green only for a whole pass. Pure but for its writing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.verdict import ExitCode, Outcome

__all__ = ["as_badge", "is_whole_pass", "write_badge"]

Document = Mapping[str, Any]
"""A report, as JSON values."""

GREEN: Final = "#167c43"
GREY: Final = "#5b6773"
AMBER: Final = "#9a5b00"
RED: Final = "#b3142b"
COLOUR: Final = {Outcome.PASS: GREY, Outcome.FAIL: RED, Outcome.FAULT: RED}
"""Outcome -> colour, where it is no whole pass; a pass of a part is grey. Others are amber."""
LABEL: Final = "ArqonBus conformance"
CHARACTER_WIDTH: Final = 6.6
"""How wide a character is drawn, in pixels; the text is fitted to it."""
PADDING: Final = 8.0
"""The space beside each text, in pixels."""
HEIGHT: Final = 20
"""The height of a badge, in pixels."""
DEEP_LEVELS: Final = frozenset({"standard", "full"})
"""The levels that judge every requirement."""


def is_whole_pass(document: Document) -> bool:
    """Whether the run may be shown green: exit code 0, no shallow level, nothing left out, and nothing waived."""
    return (
        document["exit_code"] == ExitCode.PASS
        and document["verdict"] == Outcome.PASS
        and document["level"] in DEEP_LEVELS
        and document["selection"]["complete"] is True
        and not document["interrupted"]
        and not _waived(document)
    )


def _waived(document: Document) -> int:
    """How many requirements are violated and waived."""
    return sum(line["waived"] for line in document["requirements"])


def _said(document: Document) -> str:
    part = "" if document["selection"]["complete"] else ", in part"
    scope = ", endpoint" if document["scope"] == "endpoint" else ""
    waived = f", {count} waived" if (count := _waived(document)) else ""
    return readable(f"{document['verdict'].replace('_', ' ')} ({document['level']}{scope}{part}{waived})")


def as_badge(document: Document) -> ET.Element:
    """The badge as an element ``svg``, with a title that says the same."""
    said = _said(document)
    colour = GREEN if is_whole_pass(document) else COLOUR.get(document["verdict"], AMBER)
    left, right = (len(text) * CHARACTER_WIDTH + 2 * PADDING for text in (LABEL, said))
    title = f"{LABEL}: {said}"
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": f"{left + right:.0f}",
            "height": str(HEIGHT),
            "role": "img",
            "aria-label": title,
        },
    )
    ET.SubElement(root, "title").text = title
    clip = ET.SubElement(root, "clipPath", {"id": "round"})
    ET.SubElement(clip, "rect", {"width": f"{left + right:.0f}", "height": str(HEIGHT), "rx": "4"})
    group = ET.SubElement(root, "g", {"clip-path": "url(#round)"})
    ET.SubElement(group, "rect", {"width": f"{left:.1f}", "height": str(HEIGHT), "fill": "#2b3440"})
    ET.SubElement(
        group, "rect", {"x": f"{left:.1f}", "width": f"{right:.1f}", "height": str(HEIGHT), "fill": colour}
    )
    for text, x, width in ((LABEL, 0.0, left), (said, left, right)):
        _write_text(root, text, x, width)
    return root


def _write_text(root: ET.Element, text: str, x: float, width: float) -> None:
    element = ET.SubElement(
        root,
        "text",
        {
            "x": f"{x + width / 2:.1f}",
            "y": "14",
            "fill": "#ffffff",
            "text-anchor": "middle",
            "textLength": f"{width - 2 * PADDING:.1f}",
            "font-family": "Verdana,'DejaVu Sans',sans-serif",
            "font-size": "11",
            "aria-hidden": "true",
        },
    )
    element.text = text


def write_badge(document: Document, path: Path) -> None:
    """Write the badge; an older file stays as it is until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(ET.tostring(as_badge(document), encoding="utf-8") + b"\n")
    unfinished.replace(path)
