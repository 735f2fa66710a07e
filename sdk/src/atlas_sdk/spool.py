"""Events kept on disk until the server has them: one file for each, in a folder of each process's own."""

import errno
import hashlib
import os
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from atlas_sdk.parcels import Parcel

if sys.platform != "win32":
    import fcntl

SUPPORTED: Final = sys.platform != "win32"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size_bytes: int


class Spool:
    """A first-in, first-out store of at most `max_bytes` that outlives the process.

    Each process writes to a folder of its own below `root` and holds a lock on it. A folder whose lock is free
    belongs to a process that ended: `adopt` moves its events here. A file appears whole (rename) and goes when the
    server has answered, so an event is kept at least until then and is only ever sent under its own id. Files are not
    synced: they outlive the process, not a power cut. Used by one thread; `count` may be read by any.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
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
        if self._size_bytes + len(parcel.body) > self.max_bytes:
            return False
        path = self._next_path(parcel.event_id)
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(parcel.body)
        part.rename(path)
        self._add(path, len(parcel.body))
        return True

    def read(self, number: int) -> Parcel | None:
        """Return the parcel with `number` older ones before it; None when its file is gone, or torn by a power cut.

        Raises:
            OSError: It cannot be read now, as when the host has no file descriptor left.
        """
        path = self._kept[number].path
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return None
        whole = body.startswith(b"{") and body.endswith(b"}") and b"\n" not in body
        return Parcel(path.stem.partition("-")[2], body) if whole else None

    def remove(self, number: int) -> None:
        """Forget the parcel with `number` older ones before it.

        Raises:
            OSError: Its file cannot be deleted: it may come again after a restart, under the same id.
        """
        kept = self._kept[number]
        del self._kept[number]
        self._size_bytes -= kept.size_bytes
        kept.path.unlink(missing_ok=True)

    def adopt(self) -> None:
        """Take over the events of processes that ended. A second call finds nothing new.

        Raises:
            OSError: The folders cannot be listed or moved; what was moved before is kept.
        """
        own = self._own_folder()
        for other in sorted(path for path in self.root.iterdir() if path.is_dir() and path != own):
            if not other.name.startswith("."):
                self._adopt_from(other)

    def close(self) -> None:
        """Let go of the folder, so that another process can adopt what is left in it.

        Raises:
            OSError: The empty folder cannot be deleted.
        """
        folder, self._folder = self._folder, None
        lock_file, self._lock_file = self._lock_file, None
        try:
            if folder is not None and not self._kept:
                (folder / _LOCK).unlink(missing_ok=True)
                folder.rmdir()
        finally:
            if lock_file is not None:
                os.close(lock_file)

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
            self._lock_file = _locked(unseen / _LOCK, os.O_CREAT)
            if self._lock_file is None:
                raise OSError(errno.ENOLCK, "this file system has no locks", str(unseen))
            self._folder = unseen.rename(self.root / name)
        return self._folder

    def _adopt_from(self, other: Path) -> None:
        lock_file = _locked(other / _LOCK)
        if lock_file is None:
            return
        try:
            for file in sorted(other.glob("*.json")):
                size_bytes = file.stat().st_size
                self._add(file.rename(self._next_path(file.stem.partition("-")[2])), size_bytes)
            for left in other.iterdir():
                left.unlink(missing_ok=True)
            other.rmdir()
        except FileNotFoundError:
            # Another process looked at the same time, found the lock free just before, and was quicker.
            return
        finally:
            os.close(lock_file)

    def _next_path(self, event_id: str) -> Path:
        self._number += 1
        return self._own_folder() / f"{self._number:012d}-{event_id}.json"

    def _add(self, path: Path, size_bytes: int) -> None:
        self._kept.append(_Kept(path, size_bytes))
        self._size_bytes += size_bytes


def folder_of(spool_dir: str | os.PathLike[str], base_url: str, api_key: str) -> Path:
    """Return the folder below `spool_dir` for one server and key: another project's events must not mix with these."""
    digest = hashlib.sha256(f"{base_url}\n{api_key}".encode(errors="replace")).hexdigest()
    return Path(spool_dir) / digest[:16]


def _locked(path: Path, flags: int = 0) -> int | None:
    """Return a descriptor that holds the lock of `path`; None when another process holds it, or it is gone."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
