"""Why a request is refused: the errors of ingestion alone, and what each is over HTTP."""

from typing import Final

from atlas_core.errors import AtlasError, RejectedError, TooLargeError
from services.http import status_of

_LONGEST: Final = 300


class KeyMissingError(AtlasError):
    """No key, no usable one, or two that differ; 401."""


class WrongKeyError(AtlasError):
    """The key is not a live key of this project; 403."""


class HeadersTooLargeError(TooLargeError):
    """The headers are past their limits; 431."""


class ClientGoneError(RejectedError):
    """The client closed the connection before its body was whole; nobody reads the answer."""


_STATUS: Final = {KeyMissingError: 401, WrongKeyError: 403, HeadersTooLargeError: 431}


def refusal_status(error: AtlasError) -> int:
    """Return the HTTP status of a refusal."""
    return _STATUS.get(type(error)) or status_of(error)


def refusal_text(error: AtlasError) -> str:
    """Return what a client is told: one line, never its own input."""
    return str(error).replace("\n", " ")[:_LONGEST]
