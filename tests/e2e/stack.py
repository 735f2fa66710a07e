"""A whole Atlas as a user starts it: `atlas up` in a process, on free ports and a data directory of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.servers.ports import free_port

NAMES = ("identity", "ingestion", "issues", "intelligence", "alerts", "dashboards")
READY_S = 90
QUIET_S = 60


class Stack:
    """`atlas up` with everything of its own; `environment` chooses real servers."""

    def __init__(self, data_dir: Path, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.ports = {name: free_port() for name in NAMES}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")},
            "ATLAS_OLLAMA_URL": "http://127.0.0.1:9",
            **(environment or {}),
            "ATLAS_DATA_DIR": str(data_dir),
            **{f"ATLAS_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
        }
        self.log_path = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Stack":
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "up"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
            )
        return self

    def wait_ready(self) -> "Stack":
        eventually(self._all_ready, within_s=READY_S, what=lambda: f"all services ready\n{self.log()[-6000:]}")
        return self

    def stop(self) -> int:
        """Ctrl-C; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def family(self) -> list[psutil.Process]:
        """Every process of this Atlas: the supervisor and all below it."""
        assert self.process is not None
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def kill_all(self) -> None:
        """Kill -9 of all of it at once."""
        assert self.process is not None
        for member in self.family():
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait(30)

    def child(self, words: str) -> psutil.Process:
        """Return the process whose command line contains `words`, waiting for one that is being started again."""
        found: list[psutil.Process] = []

        def runs() -> bool:
            for member in self.family():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if words in " ".join(member.cmdline()):
                        found.append(member)
            return bool(found)

        eventually(runs, within_s=20, what=f"a process of this Atlas runs {words!r}")
        return found[0]

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def url(self, name: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def account(self) -> dict[str, str]:
        account: dict[str, str] = json.loads((self.data_dir / "first-account.json").read_text())
        return account

    def user(self) -> "User":
        account = self.account()
        return User(self, account["email"], account["password"])

    def send(self, key: str, **event: Any) -> httpx.Response:
        body = {"level": "error", "message": "boom", **event}
        return httpx.post(
            self.url("ingestion", "/api/ingest/events"), json=body, headers={"X-API-Key": key}, timeout=10
        )

    def _all_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"atlas up ended\n{self.log()[-6000:]}"
        try:
            return all(httpx.get(self.url(name, "/readyz"), timeout=3).status_code == 200 for name in NAMES)
        except httpx.HTTPError:
            return False


class User:
    """A signed-in person, by HTTP alone."""

    def __init__(self, stack: Stack, email: str, password: str) -> None:
        self.stack = stack
        answer = httpx.post(
            stack.url("identity", "/auth/signin"), json={"email": email, "password": password}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        self.token: str = answer.json()["token"]

    def get(self, service: str, path: str, status: int = 200) -> Any:
        answer = httpx.get(self.stack.url(service, path), headers=self.headers, timeout=20)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, service: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = httpx.post(self.stack.url(service, path), json=body, headers=self.headers, timeout=20)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def patch(self, service: str, path: str, body: object, status: int = 200) -> Any:
        answer = httpx.patch(self.stack.url(service, path), json=body, headers=self.headers, timeout=20)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def delete(self, service: str, path: str, status: int = 200) -> Any:
        answer = httpx.delete(self.stack.url(service, path), headers=self.headers, timeout=20)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def issues(self, project_id: str) -> list[dict[str, Any]]:
        issues: list[dict[str, Any]] = self.get("issues", f"/projects/{project_id}/issues")["issues"]
        return issues

    def counted(self, project_id: str) -> int:
        return sum(issue["count"] for issue in self.issues(project_id))

    def new_project(self, name: str = "shop") -> dict[str, Any]:
        organizations = self.get("identity", "/project/organizations")["organizations"]
        body = {"organization_id": organizations[0]["id"], "project_name": name}
        project: dict[str, Any] = self.post("identity", "/project/create-project", body, 201)["project"]
        return project


def eventually(met: Callable[[], bool], *, within_s: float, what: Callable[[], str] | str) -> None:
    """Wait until `met()`; fail with what was waited for."""
    deadline = time.monotonic() + within_s
    while not met():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.2)
