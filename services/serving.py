"""Runs services in one process: an HTTP server each, their workers, one clean stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec
import uvicorn
from starlette.types import ASGIApp

from atlas_core.errors import MisconfiguredError
from services.http_protocol import GuardedProtocol, sweep

log = logging.getLogger(__name__)

DRAIN_S = 4
KEEP_ALIVE_S = 75
WORKER_STOP_S = 8.0


class Worker(Protocol):
    """A loop of its own beside the HTTP server."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Ask it to finish what it has begun."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has."""


class Service(msgspec.Struct):
    """One service of this process: its app and port, its workers, and what to close at the end, in order."""

    name: str
    app: ASGIApp
    port: int
    workers: Sequence[Worker] = ()
    closers: Sequence[Callable[[], None]] = ()


class _Server(uvicorn.Server):
    """A server that leaves signals to `serve`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: one process runs several servers, and stops them together."""
        yield


def serve(services: Sequence[Service], host: str) -> None:
    """Run services until SIGTERM or SIGINT; then stop accepting, finish what was accepted, and return.

    Raises:
        MisconfiguredError: A port is taken.
    """
    sockets = [_listen(host, service) for service in services]
    _spare_collector()
    workers = [worker for service in services for worker in service.workers]
    for worker in workers:
        worker.start()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_serve(services, sockets))
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(WORKER_STOP_S)
        for service in services:
            for close in service.closers:
                close()
    log.info("stopped: %s", ", ".join(service.name for service in services))


def _spare_collector() -> None:
    """Have the garbage collector leave alone what is there for good, and look less often at what comes and goes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def new_loop() -> asyncio.AbstractEventLoop:
    """Return the fastest event loop that this system has."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not made for Windows

    return uvloop.new_event_loop()


async def _serve(services: Sequence[Service], sockets: Sequence[socket.socket]) -> None:
    servers = [make_server(service.app) for service in services]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
    await asyncio.gather(*(run(server, sock) for server, sock in zip(servers, sockets, strict=True)))


async def run(server: uvicorn.Server, sock: socket.socket) -> None:
    """Serve on a listening socket until `server.should_exit` is set."""
    sweeping = asyncio.get_running_loop().create_task(sweep(server.server_state.connections))
    try:
        await server.serve([sock])
    finally:
        sweeping.cancel()


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return a server for an app, with our timeouts and bounds."""
    return _Server(_config(app))


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        http=GuardedProtocol,
        ws="none",
        server_header=False,
        backlog=2048,
    )


def _listen(host: str, service: Service) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by its number: asyncio's own loop switches Nagle's algorithm off only where it stands.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, service.port))
    except OSError as error:
        sock.close()
        variable = f"ATLAS_{service.name.upper()}_PORT"
        raise MisconfiguredError(
            f"{service.name}: port {service.port} on {host} cannot be used ({error.strerror}). "
            f"Stop what listens there, or choose another port: {variable}=..."
        ) from error
    sock.listen(2048)
    return sock


def stop_when_starter_is_gone() -> None:
    """Ask this process to stop when its standard input closes: its starter holds the other end.

    So nothing is left running when the starter is killed.
    """

    def watch() -> None:
        # Not sys.stdin: a thread that waits in it holds its lock and breaks the interpreter's end.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
