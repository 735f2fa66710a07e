"""Organizations, projects and their API keys."""

import hashlib
import re
import secrets
from datetime import datetime
from uuid import UUID

import msgspec

_KEY = re.compile(r"atlas_[0-9a-f]{64}")


class Organization(msgspec.Struct):
    """Who owns projects; `user_id` is its founder."""

    id: UUID
    organization_name: str
    user_id: UUID
    created_at: datetime
    updated_at: datetime


class Project(msgspec.Struct):
    """One application that reports; `ingest_id` is its number in a DSN."""

    id: UUID
    project_name: str
    organization_id: UUID
    ingest_id: int
    created_at: datetime
    updated_at: datetime


class KeyOwner(msgspec.Struct, frozen=True):
    """The project that a live API key writes to, and what that project allows it.

    `rate_per_s` is what each of its keys may send, `events_per_day` what all of them together may; None is what the
    settings say.
    """

    project_id: UUID
    ingest_id: int
    key_id: UUID | None = None
    rate_per_s: int | None = None
    events_per_day: int | None = None


def new_api_key() -> str:
    """Return a fresh key: `atlas_` and 64 hex digits (256 random bits)."""
    return f"atlas_{secrets.token_hex(32)}"


def is_api_key(text: str) -> bool:
    """Tell whether `text` has the shape of a key; a cheap check before any lookup."""
    return _KEY.fullmatch(text) is not None


def key_hash(api_key: str) -> bytes:
    """Return the 32 bytes that are stored instead of the key.

    Plain SHA-256: the key has 256 random bits, so a slow hash would add nothing.
    """
    return hashlib.sha256(api_key.encode()).digest()


def dsn(api_key: str, host: str, ingest_id: int, *, scheme: str = "http") -> str:
    """Return what a Sentry SDK takes as its DSN; `host` is `name:port`."""
    return f"{scheme}://{api_key}@{host}/{ingest_id}"
