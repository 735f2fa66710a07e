import errno
from pathlib import Path

import pytest

from atlas_sdk.counts import Counts
from atlas_sdk.outbox import BATCH_BYTES, BATCH_EVENTS, Outbox
from atlas_sdk.parcels import Parcel
from atlas_sdk.spool import Spool


class Told:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> bool:
        self.texts.append(text)
        return False


def parcel(number: int, size_bytes: int = 20) -> Parcel:
    return Parcel(f"{number:032x}", b"{" + b"x" * (size_bytes - 2) + b"}")


def numbers(parcels: list[Parcel]) -> list[int]:
    return [int(one.event_id, 16) for one in parcels]


def test_without_a_spool_a_batch_waits_in_memory_and_no_more() -> None:
    outbox = Outbox(None, Counts(), Told())
    added = 0
    while outbox.has_room():
        outbox.add(parcel(added))
        added += 1
    assert (added, outbox.held, outbox.spooled, outbox.lasts) == (BATCH_EVENTS, BATCH_EVENTS, 0, False)
    assert numbers(outbox.oldest(3)) == [0, 1, 2]
    outbox.forget(2)
    assert (outbox.has_room(), numbers(outbox.oldest(2))) == (True, [2, 3])


def test_large_parcels_fill_memory_sooner_and_go_in_smaller_batches() -> None:
    outbox = Outbox(None, Counts(), Told())
    for n in range(2):
        assert outbox.has_room()
        outbox.add(parcel(n, BATCH_BYTES * 2 // 3))
    assert not outbox.has_room()
    assert numbers(outbox.oldest(100)) == [0]


def test_a_full_spool_leaves_the_newest_in_memory_and_takes_them_when_there_is_room(tmp_path: Path) -> None:
    outbox = Outbox(Spool(tmp_path, 60), Counts(), Told())
    for n in range(5):
        outbox.add(parcel(n))
    assert (outbox.spooled, outbox.held) == (3, 2)
    assert numbers(outbox.oldest(100)) == [0, 1, 2, 3, 4]
    outbox.forget(1)
    assert outbox.has_room()
    assert (outbox.spooled, outbox.held) == (3, 1)
    outbox.forget(4)
    assert outbox.count == 0


def test_a_spool_that_cannot_be_written_is_told_and_memory_serves(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    told = Told()
    outbox = Outbox(Spool(tmp_path / "spool", 1_000), Counts(), told)
    outbox.add(parcel(1))
    outbox.adopt()
    assert (outbox.held, numbers(outbox.oldest(1))) == (1, [1])
    assert set(told.texts) == {"the spool cannot be written", "the spool cannot be read"}


def test_a_torn_file_costs_itself_and_is_counted(tmp_path: Path) -> None:
    counts = Counts()
    outbox = Outbox(Spool(tmp_path, 1_000), counts, Told())
    for n in range(3):
        outbox.add(parcel(n))
    sorted(tmp_path.rglob("*.json"))[1].write_bytes(b"{")
    assert numbers(outbox.oldest(100)) == [0, 2]
    assert (counts.dropped, outbox.count) == ({"spool_unreadable": 1}, 2)


def test_a_host_without_file_descriptors_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise OSError(errno.EMFILE, "too many open files")

    counts, told = Counts(), Told()
    outbox = Outbox(Spool(tmp_path, 1_000), counts, told)
    outbox.add(parcel(1))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert outbox.oldest(100) == []
    assert numbers(outbox.oldest(100)) == [1]
    assert (counts.dropped, told.texts) == ({}, ["the spool cannot be read"])
