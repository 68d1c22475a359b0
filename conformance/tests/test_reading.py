import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from arqonbus_conformance.__main__ import main
from arqonbus_conformance.report.json_report import digest_of, report_schema, write_json
from arqonbus_conformance.report.model import Report
from arqonbus_conformance.report.reading import ReportError, as_report, parse_report, read_report
from made_reports import made_document, made_report


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "gate.json"
    write_json(made_report(failing=True), path)
    return path


def sealed(document: dict[str, Any]) -> bytes:
    document["footer"]["digest"] = digest_of(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize("failing", [False, True])
def test_a_report_comes_back_as_it_was_written(tmp_path: Path, failing: bool) -> None:  # noqa: FBT001
    """As a document and as a value."""
    report = made_report(failing=failing, text="\ud800 \x00")

    write_json(report, tmp_path / "gate.json")
    document = read_report(tmp_path / "gate.json")

    assert document == json.loads((tmp_path / "gate.json").read_text("utf-8"))
    assert as_report(document) == report


def test_a_report_cut_anywhere_is_refused(written: Path) -> None:
    """In its middle, before its footer, by its last brace, or to nothing."""
    whole = written.read_bytes()
    end = len(whole.rstrip())

    for length in (0, 1, end // 2, whole.index(b'"footer"'), end - 1):
        with pytest.raises(ReportError, match="truncated|empty"):
            parse_report(whole[:length], "it")


def test_an_edit_of_any_kind_of_value_is_refused(written: Path) -> None:
    """A verdict made better, a number, a sentence, a digit of the digest, a count of the footer."""
    whole = written.read_text("utf-8")
    edits = [
        ('"verdict": "violated"', '"verdict": "holds"'),
        ('"exit_code": 1', '"exit_code": 0'),
        ('"verdict": "fail"', '"verdict": "pass"'),
        ("astray", "Astray"),
        ('"seed": 20261125', '"seed": 20261126'),
        (f'"holds": {json.loads(whole)["footer"]["verdicts"]["holds"]}', '"holds": 1'),
    ]

    for old, new in edits:
        assert old in whole
        with pytest.raises(ReportError, match="edited"):
            parse_report(whole.replace(old, new).encode(), "it")


def test_a_footer_that_was_cut_out_is_missed(written: Path) -> None:
    """Though what is left is JSON."""
    document = json.loads(written.read_text("utf-8"))

    del document["footer"]

    with pytest.raises(ReportError, match="footer is missing"):
        parse_report(json.dumps(document).encode(), "it")


def test_a_key_that_is_there_twice_is_refused(written: Path) -> None:
    """Two readers could see two reports."""
    text = written.read_text("utf-8")

    twice = text.replace('"exit_code": 1', '"exit_code": 0, "exit_code": 1', 1)

    with pytest.raises(ReportError, match="'exit_code' is there more than once"):
        parse_report(twice.encode(), "it")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"[]", "a JSON object"),
        (b"\xff{}", "byte 0 is not UTF-8"),
        (b'{"footer": NaN}', "NaN is not allowed"),
        (b'{"footer": {}, "schema_version": "1.0"}', "schema_version '1.0' is not allowed; allowed: '2.0'"),
        (b'{"footer": {}, "schema_version": "2.0"}', "footer's digest is not that of its content"),
        (b'{"footer": 7, "schema_version": "2.0"}', "footer's digest is not that of its content"),
        (sealed({"footer": {}, "schema_version": "2.0"}), "does not fit the schema"),
        (b"[" * 200_000, "breaks as JSON"),
    ],
)
def test_what_is_no_report_is_named(raw: bytes, says: str) -> None:
    """With what was there and what is allowed."""
    with pytest.raises(ReportError, match=says):
        parse_report(raw, "it")


@pytest.mark.parametrize("field", ["verdict", "level", "scope", "exit_code", "cases", "waivers", "leftovers"])
def test_a_field_that_the_schema_does_not_allow_is_refused_though_sealed(field: str) -> None:
    """The error says where it is."""
    document = made_document()

    document[field] = "nonsense"

    with pytest.raises(ReportError, match=f"schema of reports: {field}"):
        parse_report(sealed(document), "it")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the reason of the system."""
    with pytest.raises(ReportError, match="nowhere.json' cannot be read: No such file"):
        read_report(tmp_path / "nowhere.json")


def test_schema_and_model_have_the_same_fields() -> None:
    """Each structure of the report, field by field, with none more on either side."""
    made = msgspec.json.schema(Report)
    published = report_schema()

    def fields(schema: dict[str, Any], root: dict[str, Any]) -> object:
        while "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        if options:
            return fields(options[0], root)
        if schema.get("properties"):
            return {name: fields(one, root) for name, one in schema["properties"].items()}
        return fields(schema["items"], root) if isinstance(schema.get("items"), dict) else None

    of_schema = fields(published, published)
    assert isinstance(of_schema, dict)
    footer = of_schema.pop("footer")

    timing = {"smoke": None, "standard": None, "full": None}
    of_model = fields(made, made)
    assert isinstance(of_model, dict)
    of_model["timing"]["by_level"] = timing
    assert of_schema == of_model
    assert set(footer) == {"cases", "requirements", "verdicts", "digest"}


def test_the_published_schema_is_the_one_that_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """`arqonbus-gate schema report` prints it, and a report fits it."""
    with pytest.raises(SystemExit) as ended:
        main(["schema", "report"])
    printed = json.loads(capsys.readouterr().out)

    assert ended.value.code == 0
    assert printed == report_schema()
    jsonschema_rs.validate(printed, made_document(failing=True))


def test_a_report_is_rendered_again_in_every_form(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And in the terminal where no form is asked for."""
    forms = {"--html": "a.html", "--sarif": "a.sarif", "--badge": "a.svg", "--junit": "a.xml"}
    options = [part for option, name in forms.items() for part in (option, str(written.with_name(name)))]

    for arguments in (options, []):
        with pytest.raises(SystemExit) as ended:
            main(["report", str(written), *arguments])
        assert ended.value.code == 0

    assert all(written.with_name(name).stat().st_size > 300 for name in forms.values())
    assert "violated ROUTE-007" in capsys.readouterr().out


def test_a_cut_report_is_rendered_in_no_form(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 64, the reason, and no file."""
    written.write_bytes(written.read_bytes()[:5000])

    with pytest.raises(SystemExit) as ended:
        main(["report", str(written), "--html", str(written.with_name("a.html"))])

    assert ended.value.code == 64
    assert "is truncated" in capsys.readouterr().err
    assert not written.with_name("a.html").exists()


def test_a_report_is_never_written_over_by_its_own_forms(written: Path) -> None:
    """A slip of the command line must not cost the record."""
    before = written.read_bytes()

    with pytest.raises(SystemExit) as ended:
        main(["report", str(written), "--html", str(written)])

    assert ended.value.code == 64
    assert written.read_bytes() == before
