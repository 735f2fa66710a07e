"""The key of a request, in every form that clients send it."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

_SENTRY: Final = re.compile(r"sentry(?:\s|$)", re.IGNORECASE)
_SENTRY_KEY: Final = re.compile(r"(?:^|[\s,])sentry_key\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
_NAMES: Final = frozenset((b"x-sentry-auth", b"authorization", b"x-api-key"))
_PARAMETERS: Final = 100


def keys_of(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> set[str]:
    """Return every key that a request names; more than one when its forms disagree.

    Args:
        headers: Names in lower case, and values.
        query: The query string.
    """
    found = {_key(name, value.decode("latin-1").strip()) for name, value in headers if name in _NAMES}
    if b"sentry_key" in query:
        found |= {value for name, value in _parameters(query) if name == "sentry_key"}
    return {key for key in found if key}


def dsn_key(dsn: Any) -> str | None:
    """Return the key in a DSN, or None."""
    try:
        return urlsplit(dsn).username or None if isinstance(dsn, str) else None
    except ValueError:
        return None


def _key(name: bytes, value: str) -> str | None:
    if name == b"x-api-key":
        return value
    if _SENTRY.match(value) or name == b"x-sentry-auth":
        found = _SENTRY_KEY.search(value)
        return found[1] if found else None
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return _basic(rest) if scheme.lower() == "basic" else None


def _basic(credentials: str) -> str | None:
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None


def _parameters(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), max_num_fields=_PARAMETERS)
    except ValueError:
        return []
