"""`python -m benchmarks.sdk`: how long `capture_error` holds up its host, beside a bare `queue.put` of the same run.

The exception comes through ten frames of the host. The server is a process of its own that answers 202 at once.
`paced` captures come one every five milliseconds; `burst` ones as fast as Python goes, so that the host and the SDK's
thread compete for the interpreter. Processor time leaves out what other processes of the machine cost the host; on a
busy one, `chrt -f 1` before the command keeps them off. Then: how long until an event is on disk, and how quickly a
full spool drains.
"""

import argparse
import gc
import json
import multiprocessing
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.synchronize import Event

from atlas_sdk import Client
from tests.servers.ports import free_port

KEY = "atlas_" + "0" * 64
PACE_S = 0.005
DEPTH = 10
DRAINED = 2_000
ARITHMETIC = 1_500
SPOOLED_ONE_BY_ONE = 200


@dataclass(frozen=True)
class Times:
    """Microseconds of each call."""

    clock_us: list[float]
    cpu_us: list[float]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=int, default=2_000)
    count = parser.parse_args().captures
    port = free_port()
    print(f"{f'microseconds, {count} captures each':<44}{'p50':>9}{'p99':>9}{'max':>10}{'cpu p99':>9}{'lost':>6}")
    for name, pace_s in (("paced", PACE_S), ("burst", 0.0)):
        show_bare(name, count, pace_s)
        compare(f"server down, {name}", port, count, pace_s)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        to_disk(port, folder)
        with serving(port):
            drain(port, folder)
            for name, pace_s in (("paced", PACE_S), ("burst", 0.0)):
                show_bare(name, count, pace_s)
                compare(f"server up, {name}", port, count, pace_s)


def show_bare(name: str, count: int, pace_s: float) -> None:
    """Time the bare limits: handing an object to a thread, and what this machine does to any work of that length."""
    show(f"bare queue.put, a thread takes, {name}", timed(bare(), count, pace_s))
    show(f"arithmetic, no other thread, {name}", timed(lambda _error: sum(range(ARITHMETIC)), count, pace_s))


def bare() -> Callable[[Exception], object]:
    """Return what puts an object on a queue that a thread empties."""
    waiting: queue.Queue[object] = queue.Queue()
    threading.Thread(target=lambda: [None for _ in iter(waiting.get, None)], daemon=True).start()
    return waiting.put


def compare(name: str, port: int, count: int, pace_s: float) -> None:
    """Time the captures of a client without a spool, and of one with it."""
    for spooled in (False, True):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            client = made(port, folder if spooled else None, max_queue=count + 1)
            times = timed(client.capture_error, count, pace_s)
            dropped = client.stats().dropped
            client.close(0)
            lost = sum(dropped.values())
            show(f"capture_error, {name}{', spool' if spooled else ''}", times, lost)


def made(port: int, folder: str | None, *, max_queue: int) -> Client:
    """Return a client that is not patient at its end."""
    return Client(KEY, f"http://127.0.0.1:{port}", max_queue=max_queue, spool_dir=folder, exit_timeout_s=0)


def timed(call: Callable[[Exception], object], count: int, pace_s: float) -> Times:
    """Return how many microseconds each of `count` calls took, by the clock and of this thread's processor time."""
    call(raised())
    gc.collect()
    times = Times([], [])
    for _ in range(count):
        error = raised()
        started, worked = time.perf_counter_ns(), time.thread_time_ns()
        call(error)
        times.cpu_us.append((time.thread_time_ns() - worked) / 1_000)
        times.clock_us.append((time.perf_counter_ns() - started) / 1_000)
        if pace_s:
            time.sleep(pace_s)
    return times


def raised(depth: int = DEPTH) -> Exception:
    """Return an exception that came through `depth` frames."""

    def fail(left: int) -> None:
        if left:
            fail(left - 1)
        raise ValueError("the order has no lines")

    try:
        fail(depth - 2)
    except ValueError as error:
        return error
    raise AssertionError


def show(name: str, times: Times, lost: int = 0) -> None:
    """Print a line of the table."""
    clock, cpu = sorted(times.clock_us), sorted(times.cpu_us)
    middle, high = len(clock) // 2, int(len(clock) * 0.99)
    print(f"{name:<44}{clock[middle]:>9.1f}{clock[high]:>9.1f}{clock[-1]:>10.1f}{cpu[high]:>9.1f}{lost:>6}")


def to_disk(port: int, folder: str) -> None:
    """Print how long after the call an event outlives a kill of the host; leave `DRAINED` events there."""
    client = made(port, folder, max_queue=DRAINED)
    times = Times([], [])
    for n in range(1, SPOOLED_ONE_BY_ONE + 1):
        started, worked = time.perf_counter_ns(), time.thread_time_ns()
        client.capture_error(raised())
        times.cpu_us.append((time.thread_time_ns() - worked) / 1_000)
        while spooled(folder) < n:
            time.sleep(0.0005)
        times.clock_us.append((time.perf_counter_ns() - started) / 1_000)
    show("from the call to the disk", times)
    while (waiting := spooled(folder)) < DRAINED:
        if client.stats().queued < DRAINED:
            client.capture_error(raised())
        else:
            time.sleep(0.01)
    client.close(0)
    assert waiting == DRAINED


def spooled(folder: str) -> int:
    """Return how many events wait on disk."""
    return sum(name.endswith(".json") for _, _, names in os.walk(folder) for name in names)


def drain(port: int, folder: str) -> None:
    """Print how quickly events that waited on disk reach a server that is up again."""
    started = time.perf_counter()
    client = made(port, folder, max_queue=DRAINED)
    assert client.flush(120)
    took_s = time.perf_counter() - started
    client.close(0)
    print(f"a spool of {DRAINED} events drained in {took_s:.2f} s: {DRAINED / took_s:,.0f} events/s")


@contextmanager
def serving(port: int) -> Iterator[None]:
    """Run a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=serve, args=(port, ready), daemon=True)
    process.start()
    ready.wait()
    try:
        yield
    finally:
        process.terminate()
        process.join()


class _Accepts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Take everything."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"accepted": body.count(b"\n") + 1}).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Stay quiet."""


def serve(port: int, ready: Event) -> None:
    """Accept events until the process is ended."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Accepts) as server:
        ready.set()
        server.serve_forever()


if __name__ == "__main__":
    main()
