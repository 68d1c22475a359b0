"""What a newer run should have had of an older report, by what was asked of it. Pure; documents in, answers out."""

from collections.abc import Mapping
from typing import Any

from arqonbus_conformance.depth import Depth

__all__ = ["Expectation"]

Document = Mapping[str, Any]
"""A report, as JSON values."""


class Expectation:
    """Which cases and requirements of ``old`` the run of ``new`` was asked for; a keyword is compared, not evaluated."""

    def __init__(self, old: Document, new: Document) -> None:
        self._asked = new["selection"]
        self._depth = Depth(new["level"])
        self._whole = not (new["interrupted"] or self._asked["shard"])
        self._same_keyword = self._asked["keyword"] in {"", old["selection"]["keyword"]}
        self._left_out = {one["case"] for one in self._asked["left_out"]}
        self._phase_of = {one["id"]: one["phase"] for one in old["requirements"]}

    def case(self, line: Document) -> bool:
        """Whether the newer run should have had the case of this line."""
        return (
            self._whole
            and self._same_keyword
            and line["id"] not in self._left_out
            and line["suite"] in (self._asked["suites"] or [line["suite"]])
            and self._depth.runs(Depth(line["level"]))
            and any(map(self._is_asked_for, line["requirements"]))
        )

    def requirement(self, name: str) -> bool:
        """Whether the newer run should have decided that requirement."""
        parts = ("suites", "keyword", "budget_seconds")
        decides_all = self._whole and self._depth is not Depth.SMOKE
        return decides_all and not any(self._asked[part] for part in parts) and self._is_asked_for(name)

    def _is_asked_for(self, name: str) -> bool:
        asked = self._asked
        area = name.partition("-")[0]
        # A requirement that the older report does not show was judged beside another one.
        phase = self._phase_of.get(name, 0)
        return (
            name in (asked["requirements"] or [name])
            and area in (asked["areas"] or [area])
            and phase <= (phase if asked["phase"] is None else asked["phase"])
        )
