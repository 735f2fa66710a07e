"""Bodies as they arrive: inflated within bounds, read as JSON within bounds."""

import json
import math
import zlib
from collections.abc import Callable
from typing import Any, Final

import brotli
import msgspec
import zstandard

from atlas_core import limits
from atlas_core.errors import RejectedError, TooLargeError, UnsupportedEncodingError

_PIECE: Final = 64 * 1024
_PLAIN: Final = ("", "identity", "utf-8")


def inflate(body: bytes, content_encoding: str, size_bytes: int) -> bytes:
    """Return the body without its content encoding; never makes more than `size_bytes` and a piece of it.

    Raises:
        UnsupportedEncodingError: An encoding that is not understood.
        TooLargeError: It would be larger than `size_bytes`.
        RejectedError: It is broken or ends early.
    """
    name = content_encoding.strip().lower()
    if name in _PLAIN:
        if len(body) > size_bytes:
            raise TooLargeError(f"the body is larger than {size_bytes:,} bytes")
        return body
    reader = _READERS.get(name)
    if reader is None:
        raise UnsupportedEncodingError("Content-Encoding is none of gzip, deflate, br, zstd, identity")
    try:
        return reader(body, size_bytes)
    except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
        raise RejectedError(f"the body is not {name}: {error}") from error


def read_json(body: bytes) -> Any:
    """Return the JSON value in `body`; what Python clients write beyond the standard (NaN, half surrogates) is read.

    Raises:
        RejectedError: It is not JSON, or nested deeper than `limits.JSON_DEPTH`.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = _lenient(body)
    if body.count(b"{") + body.count(b"[") > limits.JSON_DEPTH and _deeper_than(value, limits.JSON_DEPTH):
        raise RejectedError(f"the JSON is nested deeper than {limits.JSON_DEPTH}")
    return value


def _lenient(body: bytes) -> Any:
    try:
        text = body.decode("utf-8", "replace").lstrip("\ufeff")
        return json.loads(text, parse_constant=lambda _: None, parse_int=_integer, parse_float=_number, strict=False)
    except (ValueError, RecursionError) as error:
        raise RejectedError("the body is not JSON") from error


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= 20 else digits  # noqa: PLR2004 - longer ones are text to everybody


def _number(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _gzip(body: bytes, size_bytes: int) -> bytes:
    whole = bytearray()
    rest = body
    while rest:
        member = zlib.decompressobj(wbits=31)
        whole += _zlib(member, rest, size_bytes - len(whole))
        rest = member.unused_data.lstrip(b"\0")
    if not body:
        raise EOFError("it is empty")
    return bytes(whole)


def _deflate(body: bytes, size_bytes: int) -> bytes:
    try:
        return _zlib(zlib.decompressobj(), body, size_bytes)
    except zlib.error:
        return _zlib(zlib.decompressobj(wbits=-15), body, size_bytes)


def _zlib(reader: Any, body: bytes, size_bytes: int) -> bytes:
    made: bytes = reader.decompress(body, max(size_bytes, 0) + 1)
    if len(made) > size_bytes:
        raise TooLargeError(f"the inflated body is larger than {size_bytes:,} bytes")
    if not reader.eof:
        raise EOFError("it ends early")
    return made


def _brotli(body: bytes, size_bytes: int) -> bytes:
    reader = brotli.Decompressor()
    whole = bytearray(reader.process(body, output_buffer_limit=_PIECE))
    while not reader.is_finished():
        if len(whole) > size_bytes:
            raise TooLargeError(f"the inflated body is larger than {size_bytes:,} bytes")
        piece = reader.process(b"", output_buffer_limit=_PIECE)
        if not piece and reader.can_accept_more_data():
            raise EOFError("it ends early")
        whole += piece
    return _bounded(whole, size_bytes)


def _zstd(body: bytes, size_bytes: int) -> bytes:
    whole = bytearray()
    with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(body, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            whole += piece
            if len(whole) > size_bytes:
                raise TooLargeError(f"the inflated body is larger than {size_bytes:,} bytes")
    if body and not whole:
        raise EOFError("it ends early")
    return bytes(whole)


def _bounded(whole: bytearray, size_bytes: int) -> bytes:
    if len(whole) > size_bytes:
        raise TooLargeError(f"the inflated body is larger than {size_bytes:,} bytes")
    return bytes(whole)


_READERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
