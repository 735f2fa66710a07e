import os
import signal
import time
from pathlib import Path

import pytest

from atlas_sdk import Client
from tests.sdk import hosts
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, eventually, serving, unused_port


def messages(server: ScriptedServer) -> list[str]:
    return sorted(event["message"] for event in server.events)


def test_the_end_of_the_process_sends_what_waits(server: ScriptedServer) -> None:
    hosts.run("for n in range(30): client().capture_message(str(n))", server.url)
    assert len(server.events) == 30


def test_an_exception_that_ends_the_process_is_sent_and_still_printed(server: ScriptedServer) -> None:
    code = "from atlas_sdk.integrations.excepthook import install; install(client()); 1 / 0"
    _, errors = hosts.run(code, server.url, expected=1)
    assert errors.endswith("ZeroDivisionError: division by zero\n")
    (event,) = server.events
    assert (event["type"], event["level"]) == ("ZeroDivisionError", "critical")


@pytest.mark.slow
def test_a_server_that_is_away_holds_up_the_end_for_as_long_as_it_was_told() -> None:
    def took_s(exit_timeout_s: float) -> float:
        # The SDK was imported first: its exit handler runs last, after this one has told the time.
        code = f"""
import atexit
client(exit_timeout_s={exit_timeout_s}).capture_message("x")
atexit.register(lambda: print(time.time(), flush=True))
"""
        output, _ = hosts.run(code, f"http://127.0.0.1:{unused_port()}")
        return time.time() - float(output)

    assert took_s(0) < 2 <= took_s(2)


def test_a_forked_child_reports_for_itself_and_the_parent_for_the_parent(server: ScriptedServer) -> None:
    code = """
shared = client()
shared.capture_message("before the fork")
shared.flush(10)
pids = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        assert shared.stats().sent == 0, shared.stats()
        shared.capture_message(f"child {n}")
        sys.exit(0)
    pids.append(pid)
shared.capture_message("parent")
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert shared.flush(10) and shared.stats().sent == 2, shared.stats()
"""
    hosts.run(code, server.url)
    assert messages(server) == ["before the fork", "child 0", "child 1", "child 2", "child 3", "parent"]


def test_what_waited_at_the_fork_is_sent_by_the_parent_alone() -> None:
    code = """
shared = client()
for n in range(50):
    shared.capture_message(str(n))
pid = os.fork()
if pid == 0:
    assert shared.flush(0) and shared.stats().queued == 0
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
print("forked", flush=True)
assert shared.flush(30)
"""
    port = unused_port()
    process = hosts.start(code, f"http://127.0.0.1:{port}")
    assert process.stdout is not None
    assert process.stdout.readline() == "forked\n"
    with serving(port) as server:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert len(server.events) == 50


def test_a_fork_while_a_request_is_under_way_leaves_child_and_parent_whole(
    server: ScriptedServer, tmp_path: Path
) -> None:
    code = """
shared = client(timeout_s=30)
shared.capture_message("under way")
while not os.path.exists(os.environ["SPOOL"]):
    time.sleep(0.005)
pid = os.fork()
if pid == 0:
    shared.capture_message("child")
    sys.exit(0 if shared.flush(20) else 1)
assert os.waitpid(pid, 0)[1] == 0
assert shared.flush(20)
"""
    server.gate.clear()
    process = hosts.start(code, server.url, tmp_path / "arrived")
    eventually(lambda: server.requests)
    (tmp_path / "arrived").touch()
    eventually(lambda: len(server.requests) == 2)
    server.gate.set()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert messages(server) == ["child", "under way"]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing_report_before_they_end(
    server: ScriptedServer, tmp_path: Path, method: str
) -> None:
    (tmp_path / "jobs.py").write_text(
        f"import os, atlas_sdk\n"
        f"shared = atlas_sdk.Client({KEY!r}, os.environ['URL'])\n"
        f"def work(n):\n    shared.capture_message(f'job {{n}}')\n"
        f"def own(n):\n    atlas_sdk.Client({KEY!r}, os.environ['URL']).capture_message(f'own {{n}}')\n"
    )
    code = f"""
sys.path.insert(0, os.environ["SPOOL"])
import multiprocessing, jobs
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    processes = [context.Process(target=target, args=(n,)) for n in range(2) for target in (jobs.work, jobs.own)]
    for process in processes: process.start()
    for process in processes: process.join()
    assert all(process.exitcode == 0 for process in processes)
"""
    hosts.run(code, server.url, tmp_path)
    assert messages(server) == ["job 0", "job 1", "own 0", "own 1"]


def test_a_prefork_server_reports_from_its_workers_and_leaves_nothing_in_the_spool(
    server: ScriptedServer, tmp_path: Path
) -> None:
    code = """
shared = client(spool_dir=os.environ["SPOOL"])  # the application is loaded before the workers are forked
workers = []
for n in range(3):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        for m in range(20):
            with shared.scope():
                shared.set_tag("worker", n)
                shared.capture_message(f"{n} {m}")
        os.write(1, b"ready\\n")
        while True:
            time.sleep(60)
    workers.append(pid)
sys.stdin.readline()
for pid in workers:
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0
"""
    process = hosts.start(code, server.url, tmp_path)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["ready\n"] * 3
    _, errors = process.communicate("end\n", timeout=60)
    assert process.returncode == 0, errors
    assert len({event["message"] for event in server.events}) == len(server.events) == 60
    assert {(event["message"][0], event["tags"]["worker"]) for event in server.events} == {(n, n) for n in "012"}
    assert spooled(tmp_path) == 0


def spooled(spool: Path) -> int:
    """How many events wait on disk; folders may come and go meanwhile."""
    return sum(name.endswith(".json") for _, _, names in os.walk(spool) for name in names)


def kill_when_spooled(code: str, url: str, spool: Path, number: int) -> None:
    process = hosts.start(code, url, spool)
    try:
        eventually(lambda: spooled(spool) == number, within_s=30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)


def test_what_a_killed_host_had_spooled_is_sent_by_its_next_start_in_order(tmp_path: Path) -> None:
    code = """
away = client(spool_dir=os.environ["SPOOL"])
for n in range(150):
    away.capture_message(f"{n:03}")
time.sleep(60)
"""
    port = unused_port()
    kill_when_spooled(code, f"http://127.0.0.1:{port}", tmp_path, 150)
    with serving(port) as server, Client(KEY, server.url, spool_dir=tmp_path, **QUICK) as client:
        assert client.flush(30)
        assert [event["message"] for event in server.events] == [f"{n:03}" for n in range(150)]
        assert (client.stats().sent, client.stats().dropped) == (150, {})
    assert spooled(tmp_path) == 0


def test_a_host_that_is_killed_again_and_again_while_it_sends_loses_no_event(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.gate.clear()
    code = """
silent = client(spool_dir=os.environ["SPOOL"])
for n in range(300):
    silent.capture_message(f"{n:03}")
time.sleep(60)
"""
    kill_when_spooled(code, server.url, tmp_path, 300)
    server.gate.set()
    for _ in range(4):
        sent = len(server.events)
        process = hosts.start("client(spool_dir=os.environ['SPOOL'])\ntime.sleep(60)", server.url, tmp_path)
        eventually(lambda sent=sent: len(server.events) > sent or not spooled(tmp_path))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    with Client(KEY, server.url, spool_dir=tmp_path, **QUICK) as client:
        assert client.flush(30)
    assert {event["message"] for event in server.events} == {f"{n:03}" for n in range(300)}
    # Sent twice perhaps, but never under two ids: the server counts each once.
    assert len({event["event_id"] for event in server.events}) == 300
    assert spooled(tmp_path) == 0
