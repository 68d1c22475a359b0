"""Tokens that an attacker would try beyond the golden vectors: headers that point elsewhere, numbers, sizes, shapes."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

TOKEN_BYTES: Final = 8192
"""The longest token that is read, in bytes."""


class SignedAttack(NamedTuple):
    """A header and claims to be signed with the deployment's own secret, which must be refused all the same."""

    name: str
    requirement: str
    header: str
    claims: str


HEADER: Final = '{"alg":"HS256","typ":"JWT"}'
CLAIMS: Final = '{"sub":"ann","tenant_id":"@TENANT@","iat":@NOW@,"exp":@NOW+600@}'
"""Good claims as text, with the places that `arqonbus_fixtures.golden.filled` fills in."""

_CLAIMS_HEAD: Final = '{"sub":"ann","tenant_id":"@TENANT@"'

ALGORITHMS: Final = [
    "none",
    "None",
    "nONE",
    "none ",
    "no\\u006ee",
    "",
    " HS256",
    "HS256 ",
    "HS256\\u0000",
    "hs256",
    "Hs256",
    "\\uff28\\uff33\\uff12\\uff15\\uff16",
    "HS384",
    "HS512",
    "HS1",
    "RS256",
    "RS512",
    "PS256",
    "ES256",
    "ES256K",
    "EdDSA",
    "HMACSHA256",
    "dir",
    "A128KW",
    "HS256,none",
]
"""Spellings of `alg` that are not HS256, as they stand inside a JSON string."""

WRONG_ALGS: Final = ["5", "true", "{}", '["HS256"]', '{"alg":"HS256"}']
"""Values of `alg` that are no string, as JSON."""

CRITICALS: Final = [
    '["exp"]',
    '["b64"]',
    "[]",
    '["alg"]',
    '"exp"',
    "null",
    "{}",
    "1",
    '["http://example.invalid/x"]',
]
"""Values of `crit`, as JSON: any of them is refused, understood or not."""

NUMBERS: Final = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "-1",
    "9007199254740993",
    "18446744073709551616",
    "99999999999999999999999999",
    "7" * 5000,
    "-" + "7" * 5000,
]
"""Values of a time that are no time, as JSON or almost JSON."""


def _algorithms() -> list[SignedAttack]:
    spelled = [(f'"{one}"', one or "empty") for one in ALGORITHMS] + [(one, one) for one in WRONG_ALGS]
    return [
        SignedAttack(f"alg-{name}", "AUTH-004", f'{{"alg":{value},"typ":"JWT"}}', CLAIMS)
        for value, name in spelled
    ]


def _criticals() -> list[SignedAttack]:
    return [
        SignedAttack(f"crit-{value}", "AUTH-006", f'{{"alg":"HS256","crit":{value}}}', CLAIMS)
        for value in CRITICALS
    ]


def _unencoded() -> list[SignedAttack]:
    # RFC 7797: a payload that is not encoded must be announced in crit; without it b64 is another meaning smuggled in
    header = '{"alg":"HS256","b64":false,"crit":["b64"]}'
    return [SignedAttack("crit-b64-false", "AUTH-006", header, CLAIMS)]


def _numbers() -> list[SignedAttack]:
    attacks = []
    for claim in ("exp", "iat", "nbf"):
        times = {"iat": "@NOW@", "exp": "@NOW+600@"}
        for value in NUMBERS:
            listed = ",".join(f'"{name}":{one}' for name, one in (times | {claim: value}).items())
            attacks.append(
                SignedAttack(f"{claim}-{value[:20]}", "AUTH-006", HEADER, f"{_CLAIMS_HEAD},{listed}}}")
            )
    return attacks


def _duplicates() -> list[SignedAttack]:
    times = '"iat":@NOW@,"exp":@NOW+600@}'
    attacks = {
        "sub-escaped": (HEADER, f'{_CLAIMS_HEAD},"su\\u0062":"root",{times}'),
        "tenant-escaped": (HEADER, f'{_CLAIMS_HEAD},"tenant\\u005fid":"other",{times}'),
        "role-twice": (HEADER, f'{_CLAIMS_HEAD},"role":"user","role":"admin",{times}'),
        "exp-twice-alike": (HEADER, f'{_CLAIMS_HEAD},"exp":@NOW+600@,{times}'),
        "alg-escaped": ('{"alg":"HS256","al\\u0067":"none"}', CLAIMS),
        "typ-twice": ('{"alg":"HS256","typ":"JWT","typ":"JWT"}', CLAIMS),
    }
    return [
        SignedAttack(f"duplicate-{name}", "AUTH-006", header, claims)
        for name, (header, claims) in attacks.items()
    ]


SIGNED_ATTACKS: Final = [*_algorithms(), *_criticals(), *_unencoded(), *_numbers(), *_duplicates()]
"""Every attack that carries a right signature, each with a name of its own."""

SHAPES: Final = {
    "no-signature": "{h}.{c}",
    "empty-signature": "{h}.{c}.",
    "four-parts": "{h}.{c}.{s}.{s}",
    "five-parts": "{h}.{c}.{s}.{s}.{s}",
    "padded-signature": "{h}.{c}.{s}=",
    "padded-header": "{h}==.{c}.{s}",
    "empty-header": ".{c}.{s}",
    "empty-claims": "{h}..{s}",
    "swapped": "{c}.{h}.{s}",
    "signature-first": "{s}.{h}.{c}",
    "dots": "...",
    "space-inside": "{h} .{c}.{s}",
    "tab-inside": "{h}.{c}\t.{s}",
    "comma": "{h}.{c}.{s}, {h}.{c}.{s}",
    "quoted": '"{h}.{c}.{s}"',
    "json-serialisation": '{{"payload":"{c}","protected":"{h}","signature":"{s}"}}',
    "cut-signature": "{h}.{c}.{s:.20}",
    "two-tokens": "{h}.{c}.{s} {h}.{c}.{s}",
    "standard-base64": "{h}.{c}.+/{s}",
    "signature-repeated": "{h}.{c}.{s}{s}",
}
"""Shapes made of the three parts of a good token that are no token."""


def pointing_elsewhere(value: str) -> list[dict[str, Any]]:
    """Headers that name a key of the attacker's own, wherever a header can name one."""
    key = {"kty": "oct", "k": value}
    return [
        {"alg": "HS256", "jwk": key},
        {"alg": "HS256", "jku": "http://attacker.example/keys"},
        {"alg": "HS256", "x5u": "http://attacker.example/cert"},
        {"alg": "HS256", "x5c": [value]},
        {"alg": "HS256", "kid": "../../../../dev/null"},
        {"alg": "HS256", "kid": "x' UNION SELECT 'key"},
        {"alg": "HS256", "kid": "/proc/sys/kernel/random/boot_id"},
    ]
