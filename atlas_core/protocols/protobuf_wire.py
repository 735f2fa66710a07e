"""Protobuf's wire format, as far as it takes to find the messages in a message without reading them.

Read as a whole, a body of 64 MiB can become gigabytes of empty messages, and nothing else runs meanwhile.

Source: protobuf.dev, Encoding, read 2026-11.
"""

from collections.abc import Iterator
from typing import Final

from atlas_core.errors import RejectedError

_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
_VARINT_BYTES: Final = 10
_MORE: Final = 0x80


def members(body: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of every field of the message at `start` that holds bytes.

    Raises:
        RejectedError: It is no message; what was yielded before may be none either.
    """
    at = start
    while at < end:
        tag, at = _varint(body, at)
        kind = tag & 7
        if kind == _LENGTH:
            size, at = _varint(body, at)
            if at + size <= end:
                yield tag >> 3, at, at + size
            at += size
        elif kind == _VARINT:
            _, at = _varint(body, at)
        else:
            at += _FIXED_BYTES.get(kind, end)
    if at != end:
        raise RejectedError("the body is not protobuf")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and where it ends; a number past the body's end is one that is too large."""
    value = shift = 0
    for byte in body[at : at + _VARINT_BYTES]:
        at += 1
        value |= (byte & ~_MORE) << shift
        if byte < _MORE:
            return value, at
        shift += 7
    raise RejectedError("the body is not protobuf")
