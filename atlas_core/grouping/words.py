"""One word of a message, without its neighbours: what of it varies and what names the problem.

A part that varies becomes a `SLOT`. There is one kind of slot, not one for each type: where one event has an address
the next has a name. Words are split at delimiters, so `state=a1` and `total=a1` stay apart.

Every pattern is linear: it starts at a fixed character or behind a look-behind that fails inside a part, and its
repeats are possessive or bounded. Frozen with `normalized`.
"""

import re
from functools import lru_cache
from typing import Final

from atlas_core.grouping import hosts, vocabulary
from atlas_core.grouping.vocabulary import DIGITS, SLOT

_CACHED: Final = 16_384
_CACHED_CHARACTERS: Final = 96
_CODE_DIGITS: Final = 5
_HEX_CHARACTERS: Final = 6
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SEGMENT: Final = r"[^\s\"'<>|;,:()\[\]{}/]++"

_FORMS: Final = (
    ("\\", re.compile(r"\\(?:042|047|x22|x27|u0022|u0027|[\"'])"), '"'),
    ("://", re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}+://[^\"'<>)\]},|]++"), SLOT),
    ("@", re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,6}+"), SLOT),
    ("\\", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]:\\[^\"'<>|:;,]*+"), SLOT),
    ("\\", re.compile(r"(?<![\\\w])\\\\?+[A-Za-z][^\"'<>|:;,\\]*+\\[^\"'<>|:;,]*+"), SLOT),
    ("/", re.compile(rf"/(?<![\w/<)\]>{SLOT}-]/)/*+{_SEGMENT}(?:/++{_SEGMENT})*+/?+"), SLOT),
    ("/", re.compile(r"(?<![\w/.~+$@-])[\w.~+$@-]++(?:/++[\w.~+$@%*-]++){2,}+/?+"), SLOT),
    ("~", re.compile(r"(?<![\w.~-])[\w.-]++~[\w.-]*+~[\w.~-]*+"), SLOT),
    ("eyJ", re.compile(r"(?<![\w-])eyJ[\w-]{8,}+(?:\.[\w-]++)*+"), SLOT),
    (".", hosts.DOTTED, hosts.slot),
    (
        "-",
        re.compile(
            r"(?<![0-9A-Za-z])(?=[a-fA-F-]{0,40}+[0-9])(?:[0-9a-fA-F]{2,12}+-){3,15}+[0-9a-fA-F]{2,12}+(?![0-9A-Za-z])"
        ),
        SLOT,
    ),
    (
        ":",
        re.compile(
            r"(?<![0-9A-Za-z])(?=[a-fA-F:]{0,40}+[0-9])(?:(?:[0-9a-fA-F]{1,4}+:){3,31}+:?[0-9a-fA-F]{1,4}+"
            r"|(?:(?:[0-9a-fA-F]{1,4}+:){1,6}+|:):(?:[0-9a-fA-F]{1,4}+:){0,6}+[0-9a-fA-F]{1,4}+)(?![0-9A-Za-z])"
        ),
        SLOT,
    ),
)
"""What has a form of its own, tried where its hint occurs: escaped quotes (mended), URLs, mail addresses, Windows
paths, paths, relative paths, package identities, web tokens, hosts, UUIDs, IPv6 and hardware addresses."""

_NUMBER: Final = re.compile(
    r"([(\[{\"'=]{0,3}+)[-+]?[0-9]++(?:[.:,/-][0-9]++)*+(?:(?:[munµ]?s|[kKMGT]?i?B|%)(?!\w))?+([)\]}>\"',;.:]{0,3}+)"
)
"""The most frequent form, known at a glance: a number, a time, an address, between brackets and quotes."""
_PART: Final = re.compile(
    r"(?:(?<![A-Za-z0-9])([A-Za-z]++)([=:#\[(\"'-]{1,3}+))?+"
    r"(?<![A-Za-z0-9])([A-Za-z]*+[0-9][A-Za-z0-9]*+(?:\.[0-9][A-Za-z0-9]*+)*+)"
)
"""The name before and what stands between, if any; a part with a digit and its dotted rest (`python2.7`)."""
_ALL_F: Final = re.compile(r"(?<![A-Za-z0-9])f{6,16}+(?![A-Za-z0-9])")
_STARS: Final = re.compile(rf"\*{{3,40}}+(?={SLOT})")
_UNIT: Final = r"(?:(?:[kKMGTP]?i?[Bb]|[munµ]?s|%)(?!\w))?+"
_RUN: Final = re.compile(
    rf"(?:(?<![A-Za-z0-9)\]])[-+<>~#.]{{1,2}}+)?+{SLOT}{_UNIT}(?:(?:_[a-z]_|[.:_/,+~@#x-]{{1,3}}+)?+[-+]?+{SLOT}{_UNIT})*+"
)
"""Slots side by side with their signs and units: a version, an address with its port, a duration."""
_BRACKETED_HOST: Final = f"[{SLOT}]:{SLOT}"
_OPAQUE: Final = re.compile(rf"(?<![\w.~+{SLOT}-])(?:[\w.~+-]{{0,80}}+{SLOT}){{3,}}+[\w.~+-]*+")
"""An identifier of many parts."""

_TECHNICAL: Final = re.compile(
    r"(?:u?int|float|bf|fp)(?:8|16|32|64|128|256)"
    r"|(?:utf|ucs|iso|cp|latin|koi|gb|big|utf8mb|sha|md|crc|aes|hs|rs|es|ed|blake|pkcs|base)[1-9][0-9]{0,4}"
    r"|(?:ipv|http|tlsv?|sslv?|oauth|python|py|java|jdk|jre|php|ruby|perl|psycopg|urllib|boto|jinja|sqlite|log4j"
    r"|slf4j|bz|lz|qt|gtk|vue|v)[0-9]{1,4}(?:\.[0-9]{1,5})*"
    r"|x86|x64|x509|i[3-6]86|amd64|arm64|armv[5-9]|win32|win64|s3|ec2|d3|h26[45]|mp[34]|k8s|i18n|l10n|neo4j|e2e|p2p",
    re.IGNORECASE,
)
_HTTP_ERROR: Final = re.compile(r"[45][0-9]{2}")
_CODE: Final = re.compile(r"[A-Z]{1,4}[0-9]{3,5}")
_DIGIT_RUN: Final = re.compile(r"[0-9.]++")


def slotted(word: str) -> str | None:
    """Return the word with a slot for each part that varies, None when no part does."""
    if word.isdecimal():
        return SLOT
    return cached(word) if len(word) <= _CACHED_CHARACTERS else _slotted(word)


def _slotted(word: str) -> str | None:
    if number := _NUMBER.fullmatch(word):
        return f"{number[1]}{SLOT}{number[2]}"
    text = word
    for hint, pattern, slot in _FORMS:
        if hint in text:
            text = pattern.sub(slot, text)
    text = _PART.sub(_part, text)
    if "ffffff" in text:
        text = _ALL_F.sub(SLOT, text)
    if SLOT in text:
        text = _RUN.sub(SLOT, _STARS.sub("", text))
        text = _OPAQUE.sub(SLOT, text.replace(_BRACKETED_HOST, SLOT))
    return None if text == word else text


cached = lru_cache(_CACHED)(_slotted)
"""Most words of a program's messages come again."""


def _part(match: re.Match[str]) -> str:
    before, between, part = match.groups()
    name = "" if before is None else before.lower()
    if part[0] in DIGITS:
        shown = part if is_named(name, part) else SLOT
    else:
        shown = letters(part)
        if shown is not part and is_code(part, name):
            shown = part
    return shown if before is None else before + between + shown


def is_named(name: str, number: str) -> bool:
    """Tell whether the (lower-case) word before a number makes it say which problem it is: a code, a version."""
    if name == "status":
        return _HTTP_ERROR.fullmatch(number) is not None
    if name not in vocabulary.NAMES_A_NUMBER:
        return False
    return len(number) <= _CODE_DIGITS or number.count(".") in {1, 2} or name in {"hresult", "version"}


def is_code(part: str, name: str) -> bool:
    """Tell whether a part is an error code such as `E1001`: by its letters, or by the name before it."""
    if not _CODE.fullmatch(part):
        return False
    return part.rstrip("0123456789") in vocabulary.CODE_LETTERS or name.endswith(("error", "exception", "code"))


def letters(part: str) -> str:
    """Return a part that starts with a letter and has digits, with a slot for the digits.

    Technical words stay (`sha256`), identifiers go as a whole (`a1`, `9f4ef63`, `8n7xum`), `bglio716` keeps `bglio`.
    """
    if _TECHNICAL.fullmatch(part):
        return part
    if part[1] in DIGITS or (len(part) >= _HEX_CHARACTERS and _HEX.issuperset(part)):
        return SLOT
    shown = _DIGIT_RUN.sub(SLOT, part)
    return shown if shown.count(SLOT) == 1 else SLOT
