"""Events kept on disk until the server has them: one file for each, in a folder of each process's own."""

import os
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

SUPPORTED: Final = sys.platform != "win32"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event as it goes over the wire."""

    event_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size_bytes: int


class Spool:
    """A first-in, first-out store of at most `max_bytes` that outlives the process.

    Each process writes to a folder of its own below `root` and holds a lock on it. A folder whose lock is free
    belongs to a process that ended: `adopt` moves its events here. A file appears whole (rename) and goes when the
    server has answered, so an event is kept at least until then and is only ever sent under its own id.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self._mutex = threading.RLock()
        self._kept: deque[_Kept] = deque()
        self._size_bytes = 0
        self._number = 0
        self._folder: Path | None = None
        self._lock_file: int | None = None

    @property
    def count(self) -> int:
        """How many events are kept here."""
        return len(self._kept)

    def append(self, parcel: Parcel) -> bool:
        """Keep a parcel; False when it does not fit.

        Raises:
            OSError: The disk does not take it.
        """
        with self._mutex:
            if self._size_bytes + len(parcel.body) > self.max_bytes:
                return False
            path = self._next_path(parcel.event_id)
            part = path.with_suffix(".part")
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(parcel.body)
            part.rename(path)
            self._add(path, len(parcel.body))
        return True

    def head(self) -> Parcel | None:
        """Return the oldest parcel, None when there is none.

        Raises:
            OSError: Its file cannot be read; `pop` leaves it behind.
        """
        with self._mutex:
            if not self._kept:
                return None
            path = self._kept[0].path
            return Parcel(path.stem.partition("-")[2], path.read_bytes())

    def pop(self) -> None:
        """Forget the oldest parcel; when its file cannot be deleted, it may come again after a restart, same id.

        Raises:
            OSError: Its file cannot be deleted.
        """
        with self._mutex:
            oldest = self._kept.popleft()
            self._size_bytes -= oldest.size_bytes
        oldest.path.unlink(missing_ok=True)

    def adopt(self) -> int:
        """Take over the events of processes that ended; return how many. A second call finds nothing new.

        Raises:
            OSError: The folders cannot be listed or moved.
        """
        with self._mutex:
            own = self._own_folder()
            others = sorted(path for path in self.root.iterdir() if path.is_dir() and path != own)
            return sum(self._adopt_from(other) for other in others if not other.name.startswith("."))

    def close(self) -> None:
        """Let go of the folder, so that another process can adopt what is left in it."""
        with self._mutex:
            folder, self._folder = self._folder, None
            if folder is not None and not self._kept:
                (folder / _LOCK).unlink(missing_ok=True)
                folder.rmdir()
            if self._lock_file is not None:
                os.close(self._lock_file)
                self._lock_file = None

    def in_child(self) -> "Spool":
        """Return the spool of a forked child. Call it in the child: the parent's lock is no longer held there."""
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
        return Spool(self.root, self.max_bytes)

    def _own_folder(self) -> Path:
        if self._folder is None:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            unseen = self.root / f".{name}"
            unseen.mkdir(mode=0o700)
            # Locked before it can be seen: nobody may adopt the folder of a process that is just starting.
            self._lock_file = _locked(unseen / _LOCK)
            self._folder = unseen.rename(self.root / name)
        return self._folder

    def _adopt_from(self, other: Path) -> int:
        if not (other / _LOCK).exists():
            return 0
        lock_file = _locked(other / _LOCK)
        if lock_file is None:
            return 0
        try:
            files = sorted(other.glob("*.json"))
            for file in files:
                size_bytes = file.stat().st_size
                self._add(file.rename(self._next_path(file.stem.partition("-")[2])), size_bytes)
            for left in other.iterdir():
                left.unlink(missing_ok=True)
            other.rmdir()
            return len(files)
        finally:
            os.close(lock_file)

    def _next_path(self, event_id: str) -> Path:
        self._number += 1
        return self._own_folder() / f"{self._number:012d}-{event_id}.json"

    def _add(self, path: Path, size_bytes: int) -> None:
        self._kept.append(_Kept(path, size_bytes))
        self._size_bytes += size_bytes


def _locked(path: Path) -> int | None:
    """Return a descriptor that holds the lock of `path`, None when another process holds it."""
    if sys.platform == "win32":
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
