"""Why a request is refused: the errors of ingestion alone, and what each is over HTTP."""

from typing import Final

from atlas_core.errors import AtlasError, RejectedError, TooLargeError, TransientError
from services.http import status_of
from services.ingestion.rates import LimitedError

_LONGEST: Final = 300


class KeyMissingError(AtlasError):
    """No key, no usable one, or two that differ; 401."""


class WrongKeyError(AtlasError):
    """The key is not a live key of this project; 403."""


class HeadersTooLargeError(TooLargeError):
    """The headers are past their limits; 431."""


class ClientGoneError(RejectedError):
    """The client closed the connection before its body was whole; nobody reads the answer."""


_STATUS: Final = {KeyMissingError: 401, WrongKeyError: 403, HeadersTooLargeError: 431, LimitedError: 429}
_UNAVAILABLE_S: Final = 5


def refusal_status(error: AtlasError) -> int:
    """Return the HTTP status of a refusal."""
    return _STATUS.get(type(error)) or status_of(error)


def refusal_text(error: AtlasError) -> str:
    """Return what a client is told: one line, never its own input."""
    return str(error).replace("\n", " ")[:_LONGEST]


def retry_after_s(error: AtlasError) -> int | None:
    """Return when it is worth another try, where that is known."""
    if isinstance(error, LimitedError):
        return error.retry_after_s
    return _UNAVAILABLE_S if isinstance(error, TransientError) else None


def outcome_of(error: AtlasError) -> str:
    """Return what a refused request counts as."""
    if isinstance(error, LimitedError):
        return error.reason
    if isinstance(error, TransientError):
        return "unavailable"
    return "too_large" if isinstance(error, TooLargeError) else "invalid"
