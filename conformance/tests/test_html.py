import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from arqonbus_conformance.report import html, view
from arqonbus_conformance.report.html import report_page, write_html
from arqonbus_conformance.report.model import ExternalLine
from arqonbus_conformance.report.readable import readable
from arqonbus_conformance.waivers import WaiverLine
from made_reports import EXTERNAL, HOSTILE, made_document

VOID = {"meta", "link", "input", "br", "img", "rect"}


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, and text by element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"script", "style"}:
            self.said += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def hostile() -> Page:
    waiver = WaiverLine(
        "GRP-001", HOSTILE, HOSTILE, "javascript:alert(1)", HOSTILE, HOSTILE, "stale", (), HOSTILE
    )
    return Page(
        report_page(
            made_document(
                failing=True,
                text=HOSTILE,
                sentence=HOSTILE,
                notes=(HOSTILE,),
                faults=(HOSTILE,),
                vanished=(HOSTILE,),
                waivers=(waiver,),
                environment={HOSTILE: HOSTILE},
                external=(ExternalLine(HOSTILE, "violated", HOSTILE, 0.0, None, HOSTILE),),
            )
        )
    )


def test_a_page_is_well_formed(hostile: Page) -> None:
    """Every element that is opened is closed, in order, and ids are there once."""
    ids = [attributes["id"] for _, attributes in hostile.elements if "id" in attributes]

    assert hostile.open == []
    assert len(ids) == len(set(ids)) > 200


def test_hostile_text_becomes_text(hostile: Page) -> None:
    """It opens no element, names no handler, and is there to be read."""
    handlers = [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]

    assert len(hostile.all("script")) == 1
    assert hostile.all("img") == []
    assert handlers == []
    assert "</script></style></pre><script>document.title='owned'</script>" in hostile.said
    assert "{{7*7}} \\u202egnp.exe \\x00\\x1b[31m \\ud800" in hostile.said


def test_no_address_leads_out(hostile: Page) -> None:
    """Links stay on the page; nothing is fetched, no style stands in an attribute."""
    links = [attributes["href"] or "" for attributes in hostile.all("a")]
    icons = [attributes["href"] or "" for attributes in hostile.all("link")]
    fetched = [one for _, one in hostile.elements if {"src", "srcset", "style", "action", "ping"} & set(one)]

    assert links
    assert all(link.startswith("#") for link in links)
    assert [icon.partition(",")[0] for icon in icons] == ["data:image/svg+xml"]
    assert fetched == []


def test_every_link_has_its_place(hostile: Page) -> None:
    """No link of the page points at nothing."""
    ids = {f"#{attributes['id']}" for _, attributes in hostile.elements if "id" in attributes}

    assert {attributes["href"] for attributes in hostile.all("a")} - ids == set()


def test_the_policy_allows_this_style_and_script_only() -> None:
    """By their hashes; nothing else may load or run."""
    text = report_page(made_document())
    policy = next(
        one["content"] or "" for one in Page(text).all("meta") if "Content-Security-Policy" in one.values()
    )
    inline = [re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script")]

    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert all(found is not None and html._hash(found.group(1)) in policy for found in inline)


def test_a_style_that_could_end_its_element_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page is not made at all."""
    (tmp_path / "report").mkdir()
    (tmp_path / "report/page").mkdir()
    (tmp_path / "report/page/page.css").write_text("a {} </style>")
    monkeypatch.setattr(html.resources, "files", lambda _: tmp_path)

    with pytest.raises(ValueError, match="would end the element"):
        html._source("page.css")


@pytest.mark.parametrize(
    "part",
    [
        "exit 1: 3 MUST requirements are violated",
        "No way around authentication",
        "violated by AUTH-003",
        "blocked by phase 1",
        "ann@example.org",
        "['sentinel']",
        "17 earlier entries are not shown here.",
        "1011 internal error",
        "arqonbus-gate run -k 'unit/test_route::test_route_007'",
        "seed 20261125",
        "Signature, for a waiver: expected 1008, got 1011",
        "blocker",
        "Nothing was said on the wire.",
        "Traceback (most recent call last):",
        "the Valkey of this run was embedded",
        "Left out: 1 cases",
    ],
)
def test_a_failing_report_tells(part: str) -> None:
    """What happened, what it means, and how to see it again."""
    assert part in Page(report_page(made_document(failing=True))).said


@pytest.mark.parametrize(
    "part",
    [
        "What other programs found out",
        "shield_rust/test",
        "cargo test -p shield --tests",
        "101",
        "test a ... FAILED",
    ],
)
def test_what_other_programs_found_out_is_shown(part: str) -> None:
    """Name, command, how it ended and why."""
    assert part in Page(report_page(made_document(external=EXTERNAL))).said


def test_each_result_of_another_program_shows_its_verdict() -> None:
    """As a chip, the worst as red as a violated case."""
    page = report_page(made_document(external=EXTERNAL))
    section = page.partition('<section id="external"')[2].partition("</section>")[0]

    assert re.findall(r"chip v-(\w+)", section) == ["holds", "violated", "unverified"]


def test_a_report_of_an_older_gate_has_a_page() -> None:
    """It has no section of other programs at all."""
    document = made_document()
    del document["external"]

    assert "What other programs found out" not in Page(report_page(document)).said


def test_a_passing_report_has_no_section_of_failures() -> None:
    """And no waivers where there are none."""
    page = Page(report_page(made_document()))

    ids = {attributes.get("id") for _, attributes in page.elements}

    assert ids & {"failures", "waivers", "remarks", "external"} == set()
    assert "exit 0: every MUST requirement holds" in page.said


def test_an_empty_report_has_a_page() -> None:
    """No case, no requirement, no bin is no reason to break."""
    document = made_document(requirements=(), cases=(), failures=(), criteria=(), phases=())
    document["timing"]["slowest"] = document["timing"]["histogram"] = []

    assert "0 cases, 0 requirements" in Page(report_page(document)).said


def test_many_long_transcripts_share_one_page() -> None:
    """Each keeps its end, and says how much of it is not shown."""
    document = made_document(failing=True)
    one = document["failures"][0]
    many = [{**one, "transcript": one["transcript"] * 25} for _ in range(2000)]

    shown = view.shown_failures({**document, "failures": many})

    assert sum(len(each.entries) for each in shown) <= view.PAGE_ENTRIES
    assert {each.not_shown for each in shown} == {190}
    assert shown[0].entries[-1][0] == one["transcript"][-1]


def test_the_worst_failures_come_first() -> None:
    """Waived ones last."""
    document = made_document(failing=True)
    document["failures"][0]["waived"] = True

    verdicts = [(each.failure["verdict"], each.failure["waived"]) for each in view.shown_failures(document)]

    assert verdicts == [
        ("violated", False),
        ("violated", False),
        ("broken", False),
        ("unknown", False),
        ("violated", True),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\t", "two\nlines\t"),
        ("gr\u00fc\u00df \u4f60 \U0001f600", "gr\u00fc\u00df \u4f60 \U0001f600"),
        ("\x00\x1b\x7f\x85\xad", "\\x00\\x1b\\x7f\\x85\\xad"),
        ("a\u202eb\u2066\u200b\ufeff\u2028", "a\\u202eb\\u2066\\u200b\\ufeff\\u2028"),
        ("\ud800\ue000\U000e0041", "\\ud800\\ue000\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    """Letters of every script stay as they are."""
    assert readable(text) == shown


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """In a folder that is made for it, without leftovers."""
    write_html(made_document(failing=True, text=HOSTILE), tmp_path / "deep" / "gate.html")

    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["gate.html"]
    assert (tmp_path / "deep/gate.html").read_text("utf-8").endswith("</html>")
