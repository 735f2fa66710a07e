"""Secrets do not leave the process: by the name of a field, and by what a value looks like."""

import re
from typing import Any, Final

FILTERED: Final = "[Filtered]"
_NAMES: Final = re.compile(r"passw(?:or)?d|secret|token|authorization|cookie|api[-_]?key|session_?id", re.IGNORECASE)
_VALUES: Final = re.compile(
    r"\batlas_[0-9a-f]{64}\b|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,2048}|(?<=://)[^\s:/@]{1,128}:[^\s/@]{1,256}(?=@)",
    re.IGNORECASE,
)


def scrubbed(value: Any) -> Any:
    """Return a JSON value without secrets; the keys of API and the shape stay."""
    if isinstance(value, str):
        return _VALUES.sub(FILTERED, value)
    if isinstance(value, dict):
        return {key: FILTERED if child and _NAMES.search(str(key)) else scrubbed(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(child) for child in value]
    return value
