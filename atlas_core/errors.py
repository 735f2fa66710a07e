"""Every error that Atlas raises on purpose.

AtlasError
|-- RejectedError       "never": the same input will fail again; dead letter, 4xx
|   |-- TooLargeError       past a limit of limits.py; 413
|   |-- WrongShapeError     readable, but not what the reader asks for; 422
|   |-- UnreadableError       a query or rule that breaks its language's rules, and where; 400
|   `-- UnsupportedEncodingError  a content encoding that is not understood; 415
|-- TransientError      "not now": the same input may pass later; retry, 503
|-- NotFoundError       no such thing, or not yours to see; 404
|-- ConflictError       it exists already, or changed under you; 409
`-- MisconfiguredError  start refused; the text says what to do
"""

from collections.abc import Sequence


class AtlasError(Exception):
    """Any error that Atlas raises on purpose; `detail`, which can be JSON, says more to a program."""

    def __init__(self, *args: object, detail: object = None) -> None:
        super().__init__(*args)
        self.detail = detail


class RejectedError(AtlasError):
    """The same input will fail again: dead letter now, 4xx."""


class TooLargeError(RejectedError):
    """The input is past a limit."""


class WrongShapeError(RejectedError):
    """The input can be read but is not what was asked for."""


class UnsupportedEncodingError(RejectedError):
    """The content encoding is not understood."""


class UnreadableError(RejectedError):
    """Text in one of Atlas's own languages that cannot be read.

    Args:
        problem: What is wrong, for people.
        position: Where, in characters from 0.
        expected: What could stand there.
    """

    def __init__(self, problem: str, *, position: int, expected: Sequence[str] = ()) -> None:
        hint = f"; expected {' or '.join(expected)}" if expected else ""
        super().__init__(
            f"at position {position}: {problem}{hint}", detail={"position": position, "expected": list(expected)}
        )
        self.position = position


class TransientError(AtlasError):
    """A dependency does not answer now; the same input may pass later."""


class NotFoundError(AtlasError):
    """There is no such thing, or the asker may not know of it."""


class ConflictError(AtlasError):
    """It exists already, or somebody changed it meanwhile."""


class MisconfiguredError(AtlasError):
    """Atlas cannot start or connect like this; the text says what to do."""
