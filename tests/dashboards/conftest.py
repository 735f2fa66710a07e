"""A fake API, and a real Voila in front of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.dashboards.browsing import ARTIFACTS, Watch
from tests.dashboards.fake_api import EMAIL, JWT_KEY, PASSWORD, FakeApi, World, token_of
from tests.servers.install import CHROMIUM_FLAGS
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]
SECRET = "the-database-password"
_PROGRAM = """
import json, sys
from dashboards.client import ServiceUrls
from dashboards.server import serve
from dashboards.settings import DashboardSettings
given = json.loads(sys.argv[1])
serve(DashboardSettings(urls=ServiceUrls(*[given.pop("api")] * 4), **given))
"""


@dataclass(frozen=True)
class Dashboards:
    """A running server."""

    url: str
    pid: int
    log: Path

    def visitor(self, email: str = EMAIL, **options: Any) -> httpx.Client:
        """A signed-in visitor's browser, as far as HTTP goes."""
        cookies = {"atlas_session": token_of(email)}
        return httpx.Client(base_url=self.url, cookies=cookies, timeout=60, trust_env=False, **options)

    def kernels(self) -> int:
        """How many kernels the server says are alive."""
        return int(httpx.get(f"{self.url}/readyz", trust_env=False).json()["kernels"])

    def kernel_processes(self) -> list[psutil.Process]:
        """The kernels as processes of this machine."""
        children = psutil.Process(self.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]

    def wait_for_kernels(self, count: int, bound_s: float = 30) -> None:
        """Return when so many kernels are alive."""
        ends_at = time.monotonic() + bound_s
        while self.kernels() != count:
            assert time.monotonic() < ends_at, f"{self.kernels()} kernels are alive, {count} were expected"
            time.sleep(0.2)


Serve = Callable[..., AbstractContextManager[Dashboards]]


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends_at, log.read_text()
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Starts a dashboards server with the settings given by name."""

    @contextmanager
    def start(*, python_path: str = "", **given: Any) -> Iterator[Dashboards]:
        port = free_port()
        log = tmp_path_factory.mktemp("dashboards") / "server.log"
        environment = os.environ | {
            "ATLAS_JWT_KEY": JWT_KEY,
            "ATLAS_DATABASE_URL": f"postgresql://atlas:{SECRET}@127.0.0.1/atlas",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "PYTHONPATH": python_path,
        }
        settings = json.dumps({"jwt_key": JWT_KEY, "port": port, **given})
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, settings], env=environment, cwd=ROOT, stdout=output, stderr=output
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(url, process, log)
            yield Dashboards(url, process.pid, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return start


@pytest.fixture(scope="session")
def api() -> Iterator[FakeApi]:
    with FakeApi(World()) as running:
        yield running


@pytest.fixture
def world(api: FakeApi) -> World:
    """A fresh world behind the fake API."""
    api.world = World()
    return api.world


@pytest.fixture(scope="session")
def shared_server(serve: Serve, api: FakeApi) -> Iterator[Dashboards]:
    with serve(api=api.url) as running:
        yield running


@pytest.fixture
def server(shared_server: Dashboards, world: World) -> Iterator[Dashboards]:
    """A running server in front of a fresh world; its kernels are gone after the test."""
    assert world.issues
    yield shared_server
    for email in (EMAIL, "bob@example.com"):
        with shared_server.visitor(email) as visitor:
            visitor.post("/sign-out")
    for process in shared_server.kernel_processes():
        process.kill()


@pytest.fixture
def form() -> dict[str, str]:
    """What a visitor types to sign in."""
    return {"email": EMAIL, "password": PASSWORD, "next": "/issues"}


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """A running Chromium; a module's, because asyncio cannot run beside it."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def watch() -> Watch:
    """What the page does beside what one sees."""
    return Watch()


@pytest.fixture
def page(browser: Browser, server: Dashboards, watch: Watch) -> Iterator[Page]:
    """An empty tab in front of the server."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server.url, color_scheme="light")
    opened = context.new_page()
    watch.over(opened, urlsplit(server.url).netloc)
    yield opened
    context.close()
