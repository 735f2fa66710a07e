"""`atlas up`: the database and three processes, restarted when they die, stopped together."""

import logging
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.errors import MisconfiguredError, TransientError

log = logging.getLogger(__name__)

GROUPS: Mapping[str, tuple[str, ...]] = {
    "ingestion": ("ingestion",),
    "services": ("identity", "issues", "alerts", "intelligence"),
    "dashboards": ("dashboards",),
}
STOP_S = 12.0
QUICK_DEATH_S = 5.0
MAX_PAUSE_S = 10.0
MISCONFIGURED_EXIT = 78


class Child:
    """One supervised `atlas run ...` process; its standard input is its lifeline to us."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = dict(environment)
        self._pause_s = 0.0
        self._not_before = 0.0
        self._started_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        self._started_at = time.monotonic()
        # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            self._command, env=self._environment, stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self) -> None:
        """Start the process again when it has died; wait longer each time that it dies young.

        Raises:
            MisconfiguredError: It said that it cannot run like this; starting it again would not help.
        """
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self.process = None
            if code == MISCONFIGURED_EXIT:
                raise MisconfiguredError(f"{self.name} cannot run like this; its message is above")
            young = time.monotonic() - self._started_at < QUICK_DEATH_S
            self._pause_s = min(max(self._pause_s * 2, 0.5), MAX_PAUSE_S) if young else 0.0
            self._not_before = time.monotonic() + self._pause_s
            log.warning("%s ended with code %d; starting it again in %.1f s", self.name, code, self._pause_s)
        if time.monotonic() >= self._not_before:
            self.start()

    def stop(self) -> None:
        """Ask the process to finish."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait until the process is gone; kill it at the deadline."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in time; killing it", self.name)
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


class Supervisor:
    """Keeps the database and the children running until told to stop.

    Args:
        postgres: The embedded database, or None when another one is used.
        children: What to keep running.
    """

    def __init__(self, postgres: EmbeddedPostgres | None, children: list[Child]) -> None:
        self._postgres = postgres
        self._children = children
        self._stopping = False

    def run(self, is_ready: Callable[[], bool], when_ready: Callable[[], None]) -> None:
        """Start the children and watch until SIGINT or SIGTERM; call `when_ready` once.

        Raises:
            MisconfiguredError: A child cannot run like this.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        told = False
        try:
            for child in self._children:
                child.start()
            while not self._stopping:
                self._watch()
                if not told and is_ready():
                    told = True
                    when_ready()
                time.sleep(0.1)
        finally:
            self._end()

    def _watch(self) -> None:
        for child in self._children:
            child.watch()
        if self._postgres is not None and not self._postgres.is_running():
            log.warning("PostgreSQL died; starting it again")
            try:
                self._postgres.start()
            except TransientError as error:
                log.warning("%s", error)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _end(self) -> None:
        for child in self._children:
            child.stop()
        deadline = time.monotonic() + STOP_S
        for child in self._children:
            child.end(deadline)
        if self._postgres is not None:
            self._postgres.stop()


def run_command(names: tuple[str, ...]) -> list[str]:
    """Return the command line that runs services of these names under our lifeline."""
    return [sys.executable, "-m", "services.cli", "run", *names, "--lifeline"]


def all_answer(urls: list[str]) -> bool:
    """Tell whether every URL answers 200 now."""
    return all(_answers(url) for url in urls)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (urllib.error.URLError, OSError):
        return False


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `extra`."""
    return {**os.environ, **extra}
