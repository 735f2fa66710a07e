"""One fresh project of a running Atlas, and the exact set of what clients reported into it."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.stack import QUIET_S, User, eventually

PROGRAMS = Path(__file__).parent / "programs"
PROGRAM_S = 90
# What a client sent was durable before its program ended; this is for what should not have come.
STRAGGLERS_S = 0.3

Reported = tuple[str | None, str, str]
"""Type, message and level of an event."""


class Project:
    """What clients are pointed at, and what they left there."""

    def __init__(self, user: User, name: str) -> None:
        self._user = user
        made = user.new_project(name)
        self.id: str = made["id"]
        self.key: str = made["api_key"]
        self.dsn: str = made["dsn"]
        self.otlp_endpoint: str = made["otlp_endpoint"]
        self._said = ""

    def python(
        self, program: str, *arguments: str, before: Path | None = None, status: int = 0, **environment: str
    ) -> None:
        """Run a program of `programs/`; modules in the folder `before` win over the installed ones."""
        path = {"PYTHONPATH": str(before)} if before else {}
        self._run(sys.executable, str(PROGRAMS / program), *arguments, environment=environment | path, status=status)

    def node(self, modules: Path, program: str, *arguments: str, status: int = 0, **environment: str) -> None:
        """Run a program of `programs/` with the packages of the folder `modules`."""
        # Node looks for packages beside the file, so NODE_PATH stands in for node_modules there.
        path = {"NODE_PATH": str(modules / "node_modules"), **environment}
        self._run("node", str(PROGRAMS / program), *arguments, environment=path, status=status)

    def holds(self, *expected: Reported, times: int = 1) -> None:
        """Fail unless these events, each so many times, are in the project, counted by its issues, and no others."""
        wanted = Counter({event: times * count for event, count in Counter(expected).items()})
        eventually(
            lambda: self._user.counted(self.id) >= wanted.total(),
            within_s=QUIET_S,
            what=lambda: self._compared(wanted),
        )
        time.sleep(STRAGGLERS_S)
        assert self._reported() == wanted, self._compared(wanted)
        of_issue = Counter(event["issue_id"] for event in self.events())
        assert {issue["id"]: issue["count"] for issue in self._user.issues(self.id)} == of_issue

    def events(self) -> list[dict[str, Any]]:
        """All events as the list shows them, newest first."""
        listed: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            path = f"/projects/{self.id}/events?limit=100" + (f"&cursor={cursor}" if cursor else "")
            page = self._user.get("issues", path)
            listed += page["events"]
            cursor = page["next_cursor"]
        return listed

    def event(self, message: str) -> dict[str, Any]:
        """The one event with this message, whole."""
        (found,) = [event for event in self.events() if event["message"] == message]
        whole: dict[str, Any] = self._user.get("issues", f"/projects/{self.id}/events/{found['event_id']}")["event"]
        return whole

    def _run(self, *command: str, environment: Mapping[str, str], status: int) -> None:
        """Run a client's program to its end, with this project's addresses in its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SENTRY_", "OTEL_"))}
        addresses = {
            "SENTRY_DSN": self.dsn,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp_endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": f"X-API-Key={self.key}",
        }
        done = subprocess.run(
            command,
            env={**kept, **addresses, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_S,
            check=False,
        )
        self._said = (done.stdout + done.stderr)[-3000:]
        assert done.returncode == status, self._said

    def _compared(self, wanted: Counter[Reported]) -> str:
        found = self._reported()
        return f"missing: {wanted - found}\nnot expected: {found - wanted}\nthe client said: {self._said}"

    def _reported(self) -> Counter[Reported]:
        return Counter((event["type"], event["message"], event["level"]) for event in self.events())
