"""The default strategy: the same message is the same issue, whatever its stack trace."""

import hashlib
from typing import Final

from atlas_core.events import Event

NAME: Final = "message"


def fingerprint(event: Event) -> bytes:
    """Return the SHA-256 (32 bytes) of the message's UTF-8 bytes, as the application reported it."""
    if event.reported_sha256:
        return bytes.fromhex(event.reported_sha256)
    return hashlib.sha256(event.message.encode()).digest()


def explain(_event: Event) -> list[str]:
    """Return how the fingerprint came about, a line for each step."""
    return ["message, byte for byte"]
