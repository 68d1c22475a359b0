"""What a run must never show: its credentials, in whatever form a deployment sends them back. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

import msgspec

__all__ = ["CUT", "Redaction", "credentials_in", "names_a_secret"]

CUT: Final = "***"
"""What stands where a credential stood."""
SHORT_CHARACTERS: Final = 4
"""A credential shorter than this is cut only where it stands alone; else it would take half of every word."""
EDGE_CHARACTERS: Final = 6
"""So much of a credential at the edge of a text that was cut to length is cut as well."""
RUN_CHARACTERS: Final = 8
"""The shortest run of characters that is looked at as base64."""
DEPTH: Final = 2
"""How many encodings inside each other are looked through."""
PATH_ENDINGS: Final = (".pem", ".key", ".crt", ".p12", ".der")
"""What the name of a file with a key ends with; such a name is no secret."""

_SECRET_NAME = re.compile(r"(?i)(secret|token|password|passwd|passphrase|credential|(^|_)pass$|_key$|apikey)")
_WORDED = re.compile(
    r"(?i)((?:authorization[\"']?\s*[:=]\s*[\"']?)?(?:bearer|basic)\s+|[?&]?\btoken=)[^\s\"'&,;<>\\]+"
)
_ASSIGNED = re.compile(
    r"(?i)\b([a-z0-9_]{0,64}?(?:secret|password|passwd|passphrase|token|api_?key)[a-z0-9_]{0,64}+=)"
    r"(?!\*\*\*)[^\s\"'&,;]+"
)
_USER_INFO = re.compile(r"://[^/\s@\"'<>]+@")
_TOKEN = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}"
    r"|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++\.(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"
)
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{RUN_CHARACTERS},}}={{0,2}}")
_PERCENT = re.compile(r"[^\s\"'<>&=?/:,;]+")
_PLACEHOLDER = re.compile(r"\{\w+\}")

Value = TypeVar("Value")


def credentials_in(value: object, name: str = "") -> Iterator[str]:
    """Every credential in a nested value: what a secret's name stands for, and what URLs carry before the ``@``.

    Looks into mappings, tuples, lists and whatever has fields; ``name`` is what the value is called. A field that
    ends in ``_env`` holds the name of a variable and no secret.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        yield from _told(value, name)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from credentials_in(inner, key if isinstance(key, str) else name)
    elif fields := getattr(value, "_fields", None) or getattr(value, "__dataclass_fields__", None):
        for field in fields:
            yield from credentials_in(getattr(value, field), field)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from credentials_in(inner, name)


def names_a_secret(name: str) -> bool:
    """Whether what has this name is taken for a credential."""
    return bool(_SECRET_NAME.search(name)) and not name.endswith("_env")


def _told(text: str, name: str) -> Iterator[str]:
    for word in re.findall(r"[a-z][a-z0-9+.-]*://[^\s\"']+", text, re.IGNORECASE):
        try:
            user_info, at, _ = urlsplit(word).netloc.rpartition("@")
        except ValueError:
            continue  # no address, so nothing of it is a password
        if at:
            user, colon, password = user_info.partition(":")
            yield password if colon else user
    if names_a_secret(name) and not _PLACEHOLDER.fullmatch(text) and not text.endswith(PATH_ENDINGS):
        yield text


class Redaction:
    """Cuts credentials out of text: those it knows, and whatever looks like one.

    A known one is found as it is, escaped as in JSON, Python or a URL, in base64 of either alphabet, inside such an
    encoding of something longer, and where the edge of a shortened text has cut it in two. What looks like one is a
    JSON Web Token, what follows ``Bearer`` or ``token=``, what a variable named like a secret is set to, and what
    stands before the ``@`` of a URL.
    """

    def __init__(self, credentials: Iterable[str] = ()) -> None:
        known = sorted({one for one in credentials if one}, key=len, reverse=True)
        forms = {form for one in known for form in _forms(one)}
        self._long = sorted((one for one in forms if len(one) >= SHORT_CHARACTERS), key=len, reverse=True)
        short = sorted(one for one in forms if len(one) < SHORT_CHARACTERS)
        alone = "|".join(map(re.escape, short))
        self._short = re.compile(rf"(?<![A-Za-z0-9])(?:{alone})(?![A-Za-z0-9])") if short else None

    @classmethod
    def of_run(cls, target: object, environ: Mapping[str, str]) -> "Redaction":
        """What a run against ``target`` must not show; of ``environ`` the variables named like secrets."""
        return cls([*credentials_in(target), *credentials_in(dict(environ))])

    def clean(self, text: str) -> str:
        """The text without any credential; what needs no cut comes back as it is."""
        return self._clean(text, DEPTH)

    def cleaned(self, value: Value, *, keep: frozenset[str] = frozenset()) -> Value:
        """The same value with every text in it cleaned; fields of structs named in ``keep`` stay as they are."""
        made: Any = value
        if isinstance(value, str):
            made = self.clean(value)
        elif isinstance(value, msgspec.Struct):
            changed = {
                name: self.cleaned(getattr(value, name), keep=keep)
                for name in value.__struct_fields__
                if name not in keep
            }
            made = msgspec.structs.replace(value, **changed)
        elif isinstance(value, dict):
            made = {name: self.cleaned(inner, keep=keep) for name, inner in value.items()}
        elif isinstance(value, (tuple, list)):
            made = type(value)(self.cleaned(inner, keep=keep) for inner in value)
        same: Value = made
        return same

    def _clean(self, text: str, depth: int) -> str:
        if not text:
            return text
        for form in self._long:
            if form in text:
                text = text.replace(form, CUT)
        if self._short is not None:
            text = self._short.sub(CUT, text)
        text = _WORDED.sub(rf"\g<1>{CUT}", _USER_INFO.sub(f"://{CUT}@", text))
        text = _ASSIGNED.sub(rf"\g<1>{CUT}", _TOKEN.sub(CUT, text))
        if depth:
            text = _PERCENT.sub(lambda run: self._encoded(run[0], _unquoted, depth - 1), text)
            text = _BASE64.sub(lambda run: self._encoded(run[0], _decoded, depth - 1), text)
        return self._without_edges(text)

    def _encoded(self, run: str, readings: Callable[[str], Iterable[str]], depth: int) -> str:
        """The run as it is, or cut where what it encodes has something to cut."""
        return CUT if any(self._clean(one, depth) != one for one in readings(run)) else run

    def _without_edges(self, text: str) -> str:
        """The text without the first or last part of a credential at its end or beginning."""
        if len(text) < EDGE_CHARACTERS:
            return text
        head, tail = text[:EDGE_CHARACTERS], text[-EDGE_CHARACTERS:]
        for form in self._long:
            if tail in form:
                text = _cut_end(text, form)
            if head in form:
                text = _cut_end(text[::-1], form[::-1])[::-1]
        return text


def _cut_end(text: str, form: str) -> str:
    """The text without the longest beginning of ``form`` at its end."""
    for length in range(min(len(form), len(text)), EDGE_CHARACTERS - 1, -1):
        if text.endswith(form[:length]):
            return text[:-length] + CUT
    return text


def _forms(credential: str) -> Iterator[str]:
    """The ways in which a credential is written where it is not encoded with something else."""
    raw = credential.encode("utf-8", "surrogateescape")
    plain = {credential, unquote(credential), raw.decode("utf-8", "replace")}
    plain.add(raw.decode("utf-8", "backslashreplace"))
    for text in plain:
        whole = text.encode("utf-8", "replace").decode("utf-8")
        yield from (whole, repr(whole)[1:-1], ascii(whole)[1:-1])
        yield from (json.dumps(whole)[1:-1], json.dumps(whole, ensure_ascii=False)[1:-1])
        yield from (quote(whole), quote(whole, safe=""), quote_plus(whole))
    yield from (
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    )
    yield from (raw.hex(), raw.hex().upper())


def _unquoted(run: str) -> Iterator[str]:
    if "%" in run:
        yield from (unquote(run), unquote_plus(run))


def _decoded(run: str) -> Iterator[str]:
    """What a run means as base64 from each of its first four characters on: it may be glued to something."""
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        part = bare[start:]
        whole = part[: len(part) - (len(part) % 4 == 1)]
        try:
            yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            continue  # not base64 from here on
