"""Bodies without their content encoding, piece by piece, so that a bomb never exists in memory."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import brotli
import zstandard

from atlas_core.errors import RejectedError, TooLargeError, UnsupportedEncodingError

_PIECE: Final = 64 * 1024
# A zstd block of 4 bytes makes 128 KiB: this many bytes at a time make at most 4 MiB.
_ZSTD_STEP: Final = 128
# What RFC 8878 asks every reader for; a larger window is memory that the sender chooses.
_ZSTD_WINDOW: Final = 8 * 1024 * 1024
# sentry-ruby 5 sends an empty encoding, the old Android SDK `UTF-8`.
_PLAIN: Final = frozenset(("", "identity", "utf-8"))


class Inflater(Protocol):
    """Takes an encoding off, as the bytes arrive."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to, in pieces of bounded size."""

    def finish(self) -> None:
        """Return if the body was whole."""


def inflater_for(content_encoding: str) -> Inflater | None:
    """Return what takes a content encoding off, or None where there is nothing to take off.

    Raises:
        UnsupportedEncodingError: The encoding is not understood.
    """
    name = content_encoding.strip().lower()
    if name in _PLAIN:
        return None
    if name not in _INFLATERS:
        raise UnsupportedEncodingError("Content-Encoding is none of gzip, deflate, br, zstd, identity")
    return _Translated(name, _INFLATERS[name]())


def inflate(body: bytes, content_encoding: str, size_bytes: int) -> bytes:
    """Return a whole body without its content encoding.

    Raises:
        UnsupportedEncodingError: The encoding is not understood.
        TooLargeError: It is larger than `size_bytes`.
        RejectedError: It is broken or ends early.
    """
    inflater = inflater_for(content_encoding)
    whole = bytearray()
    for piece in (body,) if inflater is None else inflater.feed(body):
        whole += piece
        if len(whole) > size_bytes:
            raise TooLargeError(f"the inflated body is larger than {size_bytes:,} bytes")
    if inflater is not None:
        inflater.finish()
    return bytes(whole)


class _Translated:
    """An inflater whose library's errors are Atlas's."""

    def __init__(self, name: str, inner: Inflater) -> None:
        self._name = name
        self._inner = inner

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            yield from self._inner.feed(data)
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise RejectedError(f"the body is not {self._name}") from error

    def finish(self) -> None:
        try:
            self._inner.finish()
        except EOFError as error:
            raise RejectedError(f"the body is not {self._name}: it ends early") from error


class _Gzip:
    """One or several members, zero bytes between or after them."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._member.eof:
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._member = zlib.decompressobj(wbits=31)
            piece = self._member.decompress(data, _PIECE)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < _PIECE:
                return

    def finish(self) -> None:
        _require(whole=self._member.eof)


class _Deflate:
    """What the standard calls deflate (zlib), and what some clients send by that name (raw)."""

    def __init__(self) -> None:
        self._head = b""
        self._reader: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._reader is None:
            self._head += data
            if len(self._head) < 2:  # noqa: PLR2004 - the zlib header's two bytes tell the forms apart
                return
            data = self._head
            zlib_header = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
            self._reader = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
        while not self._reader.eof:
            piece = self._reader.decompress(data, _PIECE)
            data = self._reader.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < _PIECE:
                return

    def finish(self) -> None:
        _require(whole=self._reader is not None and self._reader.eof)


class _Brotli:
    def __init__(self) -> None:
        self._reader = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        piece = self._reader.process(data, output_buffer_limit=_PIECE) if data else b""
        # It may ask for more input while output waits: done is when nothing more comes out.
        while piece:
            yield piece
            piece = b"" if self._reader.is_finished() else self._reader.process(b"", output_buffer_limit=_PIECE)

    def finish(self) -> None:
        _require(whole=self._reader.is_finished())


class _Zstd:
    """One or several frames."""

    def __init__(self) -> None:
        self._frame = self._new_frame()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP):
            rest = data[start : start + _ZSTD_STEP]
            while rest:
                if self._frame.eof:
                    self._frame = self._new_frame()
                if piece := self._frame.decompress(rest):
                    yield piece
                self._begun = True
                rest = self._frame.unused_data if self._frame.eof else b""

    def finish(self) -> None:
        _require(whole=self._begun and self._frame.eof)

    def _new_frame(self) -> Any:
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _require(*, whole: bool) -> None:
    if not whole:
        raise EOFError


_INFLATERS: Final[dict[str, Callable[[], Inflater]]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
