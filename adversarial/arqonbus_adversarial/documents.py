"""Documents made to hurt a parser: bombs of nesting, numbers beyond every type, keys in disguise, names in disguise."""

from __future__ import annotations

from typing import Final

BOMB_LEVELS: Final = 50_000

BOMBS: Final = {
    "arrays": "[" * BOMB_LEVELS + "]" * BOMB_LEVELS,
    "objects": '{"a":' * BOMB_LEVELS + "0" + "}" * BOMB_LEVELS,
    "mixed": '[{"a":' * (BOMB_LEVELS // 2) + "0" + "}]" * (BOMB_LEVELS // 2),
    "arrays-never-closed": "[" * BOMB_LEVELS,
    "objects-never-closed": '{"a":' * BOMB_LEVELS,
    "closed-too-often": "[" * 10 + "]" * BOMB_LEVELS,
    "commas-inside": "[[]," * (BOMB_LEVELS // 2) + "0" + "]" * (BOMB_LEVELS // 2),
}
"""JSON or almost JSON, each deeper than any recursion goes."""

HUGE_NUMBERS: Final = {
    "1e999": "1e999",
    "minus-1e999": "-1e999",
    "1e-999999": "1e-999999",
    "exponent-of-20-digits": "1e99999999999999999999",
    "4000-digits": "7" * 4000,
    "4000-digits-after-the-point": "0." + "3" * 4000,
    "2-to-63": str(2**63),
    "2-to-64": str(2**64),
    "minus-2-to-63-minus-1": str(-(2**63) - 1),
}
"""Numbers that JSON allows and machine types do not hold."""

NO_LIMITS: Final = [
    "1e999",
    "-1e999",
    "1e3",
    "1.0",
    "5" * 5000,
    "-" + "5" * 5000,
    "99999999999999999999",
    "-0.0",
]
"""Numbers as JSON text that no `limit` of 1 to 1000 may be."""

DISGUISED_KEYS: Final = {
    "first-letter": ("room", "\\u0072oom"),
    "all-letters": ("room", "\\u0072\\u006f\\u006f\\u006d"),
    "upper-case-hex": ("metadata", "m\\u0065t\\u0061data"),
    "id": ("id", "\\u0069d"),
    "type": ("type", "typ\\u0065"),
}
"""Keys and the same keys spelled with escapes."""

LOOK_ALIKES: Final = {
    "cyrillic-a": "lounge\u0430",
    "cyrillic-o": "l\u043eunge",
    "greek-omicron": "l\u03bfunge",
    "full-width": "\uff4c\uff4f\uff55\uff4e\uff47\uff45",
    "dotless-i": "\u0131nbox",
    "kelvin-sign": "\u212aing",
    "combining": "loun\u0301ge",
    "soft-hyphen": "lou\u00adnge",
    "zero-width-space": "lou\u200bnge",
    "zero-width-joiner": "lou\u200dnge",
    "word-joiner": "lou\u2060nge",
    "right-to-left-override": "lou\u202enge",
    "byte-order-mark": "\ufefflounge",
    "full-width-dot": "lounge\uff0e",
    "non-breaking-hyphen": "lounge\u2011a",
    "mathematical": "\U0001d459ounge",
    "superscript-digit": "lounge\u00b2",
}
"""Names that look, fold or normalise like allowed ones and are not."""

INJECTIONS: Final = {
    "crlf": "lounge\r\nX: y",
    "lf": "lounge\n",
    "cr": "lounge\r",
    "nul": "lounge\x00",
    "nul-first": "\x00lounge",
    "escape": "lounge\x1b[2J",
    "resp": "*1\r\n$8\r\nFLUSHALL\r\n",
    "glob": "lounge*",
    "braces": "{lounge}",
    "path": "../../etc/passwd",
    "query": "lounge?x=1&y",
    "sql": "' OR 1=1 --",
    "template": "{{7*7}}",
    "shell": "$(reboot)",
    "percent": "%00",
    "slash": "lounge/",
    "quote": 'lounge"',
}
"""Names that mean something to a key space, a log, a terminal, a shell or a browser."""

CONTENTS: Final = {
    "resp": "*1\r\n$8\r\nFLUSHALL\r\n",
    "http": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "frame": "\x81\x85\x00\x00\x00\x00hello",
    "json-document": '{"id":"arq_1_1_abcdef","type":"message"}',
    "json-breakout": '"},"sender":"arqonbus","x":{"y":"',
    "escaped-breakout": '\\"},\\"sender\\":\\"arqonbus\\"',
    "backslashes": "\\" * 999,
    "html": "<script>alert(1)</script>",
    "template": "${7*7}{{7*7}}#{7*7}",
    "format": "%s%n%x{0}{0.__class__}",
    "nul": "a\x00b",
    "controls": "".join(map(chr, range(0x20))),
    "separators": "\u2028\u2029\u0085",
    "terminal": "\x1b]0;owned\x07\x1b[2J",
    "noncharacters": "\ufffe\uffff\U0010ffff",
}
"""Payload texts that are only text, however much they look like something else."""
