import os
import shutil
import signal
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_sdk.parcels import Parcel
from atlas_sdk.spool import Spool, folder_of


def parcel(number: int, size_bytes: int = 20) -> Parcel:
    return Parcel(f"{number:032x}", b"{" + b"x" * (size_bytes - 2) + b"}")


def read_all(spool: Spool) -> list[Parcel | None]:
    return [spool.read(n) for n in range(spool.count)]


def test_parcels_come_back_in_order_and_unchanged(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000)
    parcels = [parcel(n) for n in range(5)]
    assert all(spool.append(one) for one in parcels)
    assert read_all(spool) == parcels
    spool.remove(0)
    spool.remove(1)
    assert read_all(spool) == [parcels[1], parcels[3], parcels[4]]


def test_it_takes_no_more_than_its_bytes_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    assert [spool.append(parcel(n)) for n in range(6)] == [True] * 5 + [False]
    spool.remove(0)
    assert spool.append(parcel(6))


def test_what_an_ended_process_left_is_adopted_and_comes_first(tmp_path: Path) -> None:
    ended = Spool(tmp_path, 1_000)
    for n in range(3):
        ended.append(parcel(n))
    ended.close()
    spool = Spool(tmp_path, 1_000)
    spool.adopt()
    spool.append(parcel(9))
    spool.adopt()
    assert read_all(spool) == [parcel(0), parcel(1), parcel(2), parcel(9)]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_folder_of_a_live_process_is_left_alone(tmp_path: Path) -> None:
    alive = Spool(tmp_path, 1_000)
    alive.append(parcel(1))
    other = Spool(tmp_path, 1_000)
    other.adopt()
    assert (other.count, read_all(alive)) == (0, [parcel(1)])


def test_a_killed_process_leaves_its_events_to_the_next(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        spool = Spool(tmp_path, 1_000)
        spool.append(parcel(1))
        next(tmp_path.rglob("*.json")).with_name("000000000002-half.part").write_bytes(b"{")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    spool = Spool(tmp_path, 1_000)
    spool.adopt()
    assert read_all(spool) == [parcel(1)]
    assert len(list(tmp_path.rglob("*.part"))) == 0


def test_a_forked_child_has_a_folder_of_its_own_and_the_parent_keeps_its_lock(tmp_path: Path) -> None:
    parent = Spool(tmp_path, 1_000)
    parent.append(parcel(1))
    pid = os.fork()
    if pid == 0:
        child = parent.in_child()
        child.append(parcel(2))
        child.adopt()
        os._exit(child.count)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    other = Spool(tmp_path, 1_000)
    other.adopt()
    assert (read_all(other), read_all(parent)) == ([parcel(2)], [parcel(1)])


def test_a_torn_or_missing_file_is_told_from_one_that_cannot_be_read_now(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000)
    for n in range(4):
        spool.append(parcel(n))
    torn, empty, gone, unreadable = sorted(tmp_path.rglob("*.json"))
    torn.write_bytes(b'{"a":')
    empty.write_bytes(b"")
    gone.unlink()
    unreadable.unlink()
    unreadable.mkdir()
    assert [spool.read(n) for n in range(3)] == [None] * 3
    with pytest.raises(OSError, match="directory"):
        spool.read(3)


def test_an_empty_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000)
    spool.append(parcel(1))
    spool.remove(0)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_can_read_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1_000)
    spool.append(parcel(1))
    (file,) = tmp_path.rglob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_disk_that_refuses_is_an_oserror_and_the_next_try_may_succeed(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    spool = Spool(tmp_path / "spool", 1_000)
    with pytest.raises(OSError, match="exists"):
        spool.append(parcel(1))
    (tmp_path / "spool").unlink()
    assert spool.append(parcel(1))


def test_projects_and_servers_do_not_mix(tmp_path: Path) -> None:
    folders = {folder_of(tmp_path, url, key) for url in ("http://a", "http://b") for key in ("k1", "k2")}
    assert len(folders) == 4
    assert folder_of(tmp_path, "http://a", "k1") in folders
    assert not any("k1" in str(folder) for folder in folders)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["append", "remove", "restart"]), max_size=30))
def test_whatever_happens_it_is_a_queue_that_survives_restarts(tmp_path: Path, steps: list[str]) -> None:
    shutil.rmtree(tmp_path / "queue", ignore_errors=True)
    spool, expected = Spool(tmp_path / "queue", 200), list[Parcel]()
    for number, step in enumerate(steps):
        if step == "append":
            assert spool.append(parcel(number)) == (len(expected) < 10)
            expected = [*expected, parcel(number)][:10]
        elif step == "remove" and expected:
            spool.remove(0)
            del expected[0]
        elif step == "restart":
            spool.close()
            spool = Spool(tmp_path / "queue", 200)
            spool.adopt()
        assert read_all(spool) == expected
    spool.close()
