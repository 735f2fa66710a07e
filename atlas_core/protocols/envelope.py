r"""Envelopes as they arrive: split into items, of which only events are kept.

    Envelope = Headers { "\n" Item } [ "\n" ] ;   Item = Headers "\n" Payload

Source: Sentry's developer documentation on envelopes, read 2026-11; and what SDKs really send.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.protocols.decoding import read_json

NOT_AN_EVENT: Final = "not_an_event"
TOO_LARGE: Final = "too_large"
INVALID: Final = "invalid"


class EnvelopeReader:
    """Takes an envelope piece by piece and holds no more of it than its events.

    Lenient: items may lack their length, blank lines are skipped, unknown items too. What comes before broken framing
    is kept, and what comes after is not looked at; nor is what comes after `limits.ENVELOPE_ITEMS` items, which counts
    as one more that is too large.
    """

    def __init__(self) -> None:
        self.header: dict[str, Any] | None = None
        self.events: list[bytes] = []
        self.dropped: Counter[str] = Counter()
        self.broken = False
        self.full = False
        self._items = self._leading_bytes = 0
        self._step: Callable[[bytes, int], int] = self._line_step
        self._line = b""
        self._left = 0
        self._kept = bytearray()
        self._keeping = False
        self._room = limits.ENVELOPE_EVENT_BYTES

    @property
    def held_bytes(self) -> int:
        """How much of the envelope is kept."""
        return limits.ENVELOPE_EVENT_BYTES - self._room + len(self._kept)

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        at = 0
        while at < len(data) and not (self.broken or self.full):
            at = self._step(data, at)

    def finish(self) -> None:
        """Take the end of the envelope."""
        if self.broken or self.full:
            return
        if self._step == self._line_step:
            self._take_line()
            if self._step == self._line_step or self.broken:
                return
        if self._step == self._rest_of_line_step:
            self._end_item()
        elif self._step == self._sized_step and self._left:
            self.broken = True

    def _line_step(self, data: bytes, at: int) -> int:
        if not self._line and data[at : at + 1].isspace():
            return self._skip_blanks(data, at)
        end = data.find(b"\n", at)
        self._line += data[at : len(data) if end < 0 else min(end, at + limits.HEADER_LINE_BYTES + 1)]
        if len(self._line) > limits.HEADER_LINE_BYTES:
            self.broken = True
        if end < 0:
            return len(data)
        self._take_line()
        return end + 1

    def _skip_blanks(self, data: bytes, at: int) -> int:
        """Return where something stands again, found in C: a gzip of 4 kB holds four million blank lines.

        The envelope's header must come soon.
        """
        found = len(data) - len(data[at:].lstrip())
        if self.header is None:
            self._leading_bytes += found - at
            self.broken = self._leading_bytes > limits.HEADER_LINE_BYTES
        return found

    def _take_line(self) -> None:
        line, self._line = self._line, b""
        if not line or self.broken:
            return
        header = _object(line)
        if header is None:
            self.broken = True
        elif self.header is None:
            self.header = header
        else:
            self._begin_item(header)

    def _begin_item(self, header: dict[str, Any]) -> None:
        self._items += 1
        if self._items > limits.ENVELOPE_ITEMS:
            self.full = True
            self.dropped[TOO_LARGE] += 1
            return
        self._keeping = header.get("type") == "event"
        if not self._keeping:
            self.dropped[NOT_AN_EVENT] += 1
        length = header.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            self._left = length
            self._step = self._sized_step
            if not length:
                self._end_item()
        else:
            self._step = self._rest_of_line_step

    def _sized_step(self, data: bytes, at: int) -> int:
        if not self._left:
            # Between the payload and the next item.
            self.broken = data[at] != ord("\n")
            self._step = self._line_step
            return at + 1
        end = min(len(data), at + self._left)
        self._keep(data[at:end])
        self._left -= end - at
        if not self._left:
            self._end_item()
        return end

    def _rest_of_line_step(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        self._keep(data[at : len(data) if end < 0 else end])
        if end < 0:
            return len(data)
        self._end_item()
        self._step = self._line_step
        return end + 1

    def _keep(self, piece: bytes) -> None:
        if not self._keeping:
            return
        size_bytes = len(self._kept) + len(piece)
        full = len(self.events) >= limits.ENVELOPE_EVENTS
        if size_bytes > limits.EVENT_ITEM_BYTES or size_bytes > self._room or full:
            self.dropped[TOO_LARGE] += 1
            self._keeping = False
            self._kept.clear()
        else:
            self._kept += piece

    def _end_item(self) -> None:
        if self._keeping:
            self.events.append(bytes(self._kept))
            self._room -= len(self._kept)
            self._keeping = False
        self._kept.clear()


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(line)
    except RejectedError:
        return None
    return value if isinstance(value, dict) else None
