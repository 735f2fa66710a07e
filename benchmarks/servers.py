"""What a benchmark measures against: processes and real servers of its own, on loopback, ended by it."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.servers.processes import KafkaServer, why_missing

READY_S = 60.0


@contextmanager
def process(command: Sequence[str], environment: Mapping[str, str], url: str) -> Iterator[psutil.Process]:
    """Yield a Python process once `url` answers anything at all; end it afterwards."""
    started = subprocess.Popen([sys.executable, *command], env={**os.environ, **environment})  # noqa: S603 - our own
    try:
        deadline = time.monotonic() + READY_S
        while not _answers(url):
            if started.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{' '.join(command)} does not answer")
            time.sleep(0.1)
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(30)


@contextmanager
def fresh_kafka() -> Iterator[str]:
    """Yield the address of a real broker."""
    if reason := why_missing("kafka"):
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="atlas-bench-kafka-") as folder:
        server = KafkaServer(Path(folder))
        server.start()
        try:
            yield server.bootstrap_servers
        finally:
            server.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
