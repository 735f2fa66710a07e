"""Protobuf's wire format, as far as it takes to find the messages in a message without reading them.

Read as a whole, a body of 64 MiB can become gigabytes of empty messages, and nothing else runs meanwhile.

Source: protobuf.dev, Encoding, read 2026-11.
"""

from collections.abc import Iterator
from typing import Final

from atlas_core.errors import RejectedError, TooLargeError

Place = tuple[int, int]
_KIND: Final = 7
_VARINT: Final = 0
_LENGTH: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
_VARINT_BYTES: Final = 10
_MORE: Final = 0x80


class Wire:
    """Finds messages in a body.

    Args:
        body: Of a message.
        most_others: How many fields that nobody asks for may be passed over, in all.
    """

    def __init__(self, body: bytes, most_others: int) -> None:
        self._body = body
        self._others_left = most_others

    def inside(self, place: Place, number: int) -> Iterator[Place]:
        """Yield the places of the fields of this number in the message at `place`, whatever else it holds.

        Raises:
            RejectedError: It is no message; what was yielded before may be none either.
            TooLargeError: Too many fields were passed over.
        """
        at, end = place
        while at < end:
            tag, at = _varint(self._body, at)
            start, at = self._value(tag & _KIND, at, end)
            if at > end or not tag > _KIND:
                raise RejectedError("the body is not protobuf")
            if tag == number << 3 | _LENGTH:
                yield start, at
            elif self._others_left:
                self._others_left -= 1
            else:
                raise TooLargeError("the request holds too many fields that nobody knows")

    def _value(self, kind: int, at: int, end: int) -> Place:
        """Return where a field's value starts and ends; past the end where it is none."""
        if kind == _LENGTH:
            size, at = _varint(self._body, at)
            return at, at + size
        if kind == _VARINT:
            return at, _varint(self._body, at)[1]
        return at, at + _FIXED_BYTES.get(kind, end)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = shift = 0
    for byte in body[at : at + _VARINT_BYTES]:
        at += 1
        value |= (byte & ~_MORE) << shift
        if byte < _MORE:
            return value, at
        shift += 7
    raise RejectedError("the body is not protobuf")
