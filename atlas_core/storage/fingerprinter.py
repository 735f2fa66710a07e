"""`python -m atlas_core.storage.fingerprinter`: a process that fingerprints stored events for the one that started it.

Its standard input has a grouping and then batches of bodies, its standard output the fingerprints of each batch, all in
MessagePack behind a length of four bytes. It ends with its input. A process of its own and not one of
`multiprocessing`, which would import whatever its starter has as `__main__`.
"""

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, Final, TypeVar

import msgspec

from atlas_core.errors import TransientError
from atlas_core.grouping import Grouping
from atlas_core.storage.bodies import Fingerprinted, fingerprints_of

T = TypeVar("T")
_LENGTH_BYTES: Final = 4


class Fingerprinter:
    """The other end: starts the process, and talks to it. For one thread at a time."""

    def __init__(self, grouping: Grouping) -> None:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ours
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._write(grouping)

    def fingerprints(self, bodies: Sequence[bytes]) -> list[Fingerprinted]:
        """Return the fingerprint of each event.

        Raises:
            TransientError: The process was killed.
        """
        self._write(bodies)
        answer = _read(self._output, list[Fingerprinted])
        if answer is None:
            raise TransientError("a process that fingerprints events ended")
        return answer

    def close(self) -> None:
        """End the process; a second call does nothing."""
        with contextlib.suppress(OSError):
            self._input.close()
        self._output.close()
        self._process.wait()

    def _write(self, record: object) -> None:
        try:
            _write(self._input, record)
        except OSError as error:
            raise TransientError("a process that fingerprints events ended") from error


def main() -> None:
    """Answer batches until there are no more."""
    grouping = _read(sys.stdin.buffer, Grouping)
    while grouping and (bodies := _read(sys.stdin.buffer, list[bytes])) is not None:
        _write(sys.stdout.buffer, fingerprints_of(grouping, bodies))


def _write(stream: IO[bytes], record: object) -> None:
    encoded = msgspec.msgpack.encode(record)
    stream.write(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    stream.flush()


def _read(stream: IO[bytes], kind: type[T]) -> T | None:
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "big")
    return msgspec.msgpack.decode(stream.read(length), type=kind) if length else None


if __name__ == "__main__":
    main()
