"""Takes secrets out of an event before it leaves the process."""

import re
from typing import Any, Final

FILTERED: Final = "[Filtered]"

_WORDS: Final = r"passw(?:or)?d|passphrase|secret|token|authorization|cookie|api[-_ ]?key|private[-_]?key|credential"
_NAMES: Final = re.compile(rf"{_WORDS}|\bpwd\b|csrf|session[-_]?id", re.IGNORECASE)
# Every repetition is bounded or cannot overlap what follows it: the time is linear in the text.
_VALUES: Final = (
    (re.compile(r"\batlas_[0-9a-f]{16,64}", re.IGNORECASE), FILTERED),
    (re.compile(r"\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,4096}", re.IGNORECASE), rf"\1\2{FILTERED}"),
    (re.compile(r"\beyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{0,1024}"), FILTERED),
    (re.compile(r"(://[^\s:/@]{0,128}:)[^\s/@]{1,256}(?=@)"), rf"\1{FILTERED}"),
    (
        re.compile(rf"([?&][\w.-]{{0,64}}(?:{_WORDS})[\w.-]{{0,64}}=)[^&\s#\"']{{1,4096}}", re.IGNORECASE),
        rf"\1{FILTERED}",
    ),
    (
        re.compile(r"\b((?:set-)?cookie|authorization|x-api-key)(\s*:\s*)[^\r\n]{1,4096}", re.IGNORECASE),
        rf"\1\2{FILTERED}",
    ),
)
_SIGNS: Final = re.compile(r"atlas_|bearer|basic|eyJ|://|[?&]|cookie|authorization|x-api-key", re.IGNORECASE)


def scrub(value: Any, own_key: str = "") -> Any:
    """Return a copy of plain JSON without secrets: by the name of a field, by what a text looks like, and `own_key`."""
    if isinstance(value, str):
        return scrub_text(value, own_key)
    if isinstance(value, dict):
        return {
            scrub_text(name, own_key): FILTERED if _is_secret(name, child) else scrub(child, own_key)
            for name, child in value.items()
        }
    return [scrub(child, own_key) for child in value] if isinstance(value, list) else value


def scrub_text(text: str, own_key: str = "") -> str:
    """Return `text` with everything that looks like a secret, and `own_key`, replaced by `FILTERED`."""
    if own_key:
        text = text.replace(own_key, FILTERED)
    if _SIGNS.search(text):
        for pattern, replacement in _VALUES:
            text = pattern.sub(replacement, text)
    return text


def _is_secret(name: str, value: Any) -> bool:
    return value not in (None, "", [], {}) and _NAMES.search(name) is not None
