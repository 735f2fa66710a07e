"""Takes secrets out of an event before it leaves the process."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

FILTERED: Final = "[Filtered]"

_WORDS: Final = (
    r"passw(?:or)?d|passphrase|secret|token|authorization|cookie|api[-_ ]?key|private[-_]?key|access[-_]?key|credential"
)
_WORD_SIGNS: Final = (
    "passw", "passphrase", "secret", "token", "authorization", "cookie", "api-key", "api_key", "api key", "apikey",
    "private-key", "private_key", "privatekey", "access-key", "access_key", "accesskey", "credential",
)  # fmt: skip
_NAMES: Final = re.compile(
    rf"{_WORDS}|\bpwd\b|csrf|session[-_]?id|\bauth\b|\bssn\b|\bcvv\b|card[-_ ]?number", re.IGNORECASE
)
_AFTER_LEAD: Final = rf"\1{FILTERED}"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a secret looks like. Its pattern runs only where one of its signs occurs in the lower-cased text.

    Finding a word is a hundred times quicker than a search by pattern. Repetitions in patterns are bounded, so the
    time is linear in the text.
    """

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str = FILTERED

    def may_occur(self, lowered: str) -> bool:
        for sign in self.signs:  # noqa: SIM110 - any() over a generator takes three times as long
            if sign in lowered:
                return True
        return False


_LOOKS: Final = (
    _Look(("atlas_",), re.compile(r"\batlas_[0-9a-f]{16,64}", re.IGNORECASE)),
    # A word of small letters only is no credential: "basic research", "bearer authentication".
    _Look(
        ("bearer", "basic"),
        re.compile(r"\b((?i:bearer|basic)\s{1,8})(?=[a-z]{0,64}[A-Z0-9=+/_~]|[a-z.-]{16})[A-Za-z0-9._~+/=-]{8,4096}"),
        _AFTER_LEAD,
    ),
    _Look(("eyj",), re.compile(r"\beyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{0,1024}")),
    _Look(("://",), re.compile(r"(://[^\s:/@]{0,128}:)[^\s/@]{1,256}(?=@)"), _AFTER_LEAD),
    _Look(("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    _Look(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "glpat-", "xox", "sk-"),
        re.compile(r"\b(?:gh[pousr]_|glpat-|xox[abprs]-|sk-)[\w-]{20,255}"),
    ),
    _Look(
        ("-----begin",),
        re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[A-Za-z0-9+/=\s\\:,]{1,8192}", re.IGNORECASE),
        _AFTER_LEAD,
    ),
    _Look(
        _WORD_SIGNS,
        re.compile(rf"([?&][\w.-]{{0,64}}(?:{_WORDS})[\w.-]{{0,64}}=)[^&\s#\"']{{1,4096}}", re.IGNORECASE),
        _AFTER_LEAD,
    ),
    _Look(
        ("cookie", "authorization", "x-api-key"),
        re.compile(
            r"\b((?:(?:set-)?cookie|authorization|x-api-key)\s{0,4}:\s{0,4})[^\s\"'][^\r\n]{0,4096}", re.IGNORECASE
        ),
        _AFTER_LEAD,
    ),
    # A literal after a name, as in a repr: {'db_password': 'x'}, Login(token="x").
    _Look(
        _WORD_SIGNS,
        re.compile(
            rf"((?:{_WORDS})[\w.-]{{0,64}}['\"]?\s{{0,4}}[:=]\s{{0,4}}b?(['\"]))(?:\\.|(?!\2)[^\\\r\n]){{1,8192}}",
            re.IGNORECASE,
        ),
        _AFTER_LEAD,
    ),
    # A word after a name, as in "host=db password=x"; code (`password=password)`) stays readable.
    _Look(
        (*_WORD_SIGNS, "pwd="),
        re.compile(rf"((?:{_WORDS}|\bpwd)=)[^\s'\"&;,()\[\]]{{1,1024}}+(?=[\s;]|\Z)", re.IGNORECASE),
        _AFTER_LEAD,
    ),
)
# Cards of today begin with 3 to 6: a time in nanoseconds does not, and the digits of a hexadecimal id stand in a word.
_CARD: Final = re.compile(r"(?<![\w.-])[3-6](?:[ -]?\d){12,18}(?![\w.-])")
_CARD_SIGNS: Final = re.compile(r"\d{13}|\d{4}[ -]\d{4}")


def scrub(value: Any, own_key: str = "") -> Any:
    """Return a copy of plain JSON without secrets: by the name of a field, by what a text looks like, and `own_key`."""
    whole = json.dumps(value, ensure_ascii=False)
    lowered = whole.lower()
    looks = tuple(look for look in _LOOKS if look.may_occur(lowered))
    card = _CARD_SIGNS.search(whole) is not None
    return _scrubbed(value, _Search(looks, card=card, own_key=own_key if own_key in whole else ""))


@dataclass(frozen=True, slots=True)
class _Search:
    """What has to be looked for in the texts of one value: what occurs nowhere in it is not looked for in each."""

    looks: tuple[_Look, ...]
    card: bool
    own_key: str

    def clean(self, text: str) -> str:
        if self.own_key:
            text = text.replace(self.own_key, FILTERED)
        if self.looks:
            lowered = text.lower()
            for look in self.looks:
                if look.may_occur(lowered):
                    text = look.pattern.sub(look.replacement, text)
        return _CARD.sub(_masked, text) if self.card else text


def _scrubbed(value: Any, search: _Search) -> Any:
    if isinstance(value, str):
        return search.clean(value)
    if isinstance(value, dict):
        return {
            search.clean(name): FILTERED if _is_secret(name, child) else _scrubbed(child, search)
            for name, child in value.items()
        }
    return [_scrubbed(child, search) for child in value] if isinstance(value, list) else value


def _is_secret(name: str, value: Any) -> bool:
    return value not in (None, "", [], {}) and _names_a_secret(name)


@lru_cache(maxsize=1_000)
def _names_a_secret(name: str) -> bool:
    return _NAMES.search(name) is not None


def _masked(found: re.Match[str]) -> str:
    """Return `FILTERED` for a number that is a card's by its check digit (ISO/IEC 7812, Luhn), else the number."""
    digits = [int(digit) for digit in found[0] if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - Luhn's doubling
    return FILTERED if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1 else found[0]
