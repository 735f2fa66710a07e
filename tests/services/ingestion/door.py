"""A real uvicorn with the ingestion app on a log in memory, and a client that sends exactly the bytes it is given."""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from atlas_core.events import Event
from atlas_core.ports import Publisher
from atlas_core.projects import KeyOwner, key_hash
from atlas_core.topics import ATLAS_EVENTS
from atlas_core.transports.memory import MemoryLog
from services.ingestion.app import make_ingestion_app
from services.ingestion.group_commit import GroupCommit
from services.ingestion.intake import Intake
from services.ingestion.keys import KeyCache, KeyFinder
from services.ingestion.ledger import ACCEPTED, Ledger
from services.ingestion.rates import Allowances, Rates
from services.serving import make_server, new_loop, run

KEY = "atlas_" + "a1" * 32
OTHER_KEY = "atlas_" + "b2" * 32
UNKNOWN_KEY = "atlas_" + "0" * 64
PROJECT = UUID("00000000-0000-4000-8000-000000000001")
OTHER_PROJECT = UUID("00000000-0000-4000-8000-000000000002")


class Keys:
    """Two projects, 1 and 2, with a key each."""

    def __init__(self) -> None:
        self.owners = {key_hash(KEY): KeyOwner(PROJECT, 1), key_hash(OTHER_KEY): KeyOwner(OTHER_PROJECT, 2)}

    def find(self, digest: bytes) -> KeyOwner | None:
        return self.owners.get(digest)


class MemoryOutcomes:
    """What the ledger wrote down."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[UUID, datetime, str]] = Counter()
        self.used: list[UUID] = []

    def add(self, counts: Mapping[tuple[UUID, datetime, str], int]) -> None:
        self.counts.update(counts)

    def accepted_since(self, project_ids: Collection[UUID], since: datetime) -> dict[UUID, int]:
        found: Counter[UUID] = Counter()
        for (project_id, hour, outcome), number in self.counts.items():
            if project_id in project_ids and hour >= since and outcome == ACCEPTED:
                found[project_id] += number
        return found

    def forget(self, now: datetime) -> None:
        """Nothing is old here."""

    def mark_used(self, key_ids: Collection[UUID]) -> None:
        self.used += key_ids


@dataclass
class Request:
    """What goes over the wire. `chunks`, where given, is the body in chunked encoding."""

    path: str = "/api/ingest/events"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    chunks: Sequence[bytes] | None = None

    def head(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: atlas"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.chunks is not None:
            lines.append("Transfer-Encoding: chunked")
        elif self.body or self.method == "POST":
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def payload(self) -> bytes:
        if self.chunks is None:
            return self.body
        return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in self.chunks) + b"0\r\n\r\n"


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """The ingestion service on a port of its own."""

    def __init__(self, publisher: Publisher | None = None, finder: KeyFinder | None = None) -> None:
        self.log = MemoryLog(1, ATLAS_EVENTS.name)
        self.commit = GroupCommit(publisher or self.log.publisher())
        known = Keys()
        self.owners = known.owners
        self.keys = KeyCache(finder or known)
        self.rates = Rates(Allowances())
        self.outcomes = MemoryOutcomes()
        self.ledger = Ledger(self.outcomes, self.outcomes, self.rates)
        self.intake = Intake(self.commit, self.keys, self.rates, self.ledger)
        self._server = make_server(make_ingestion_app(self.intake, checks={}))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        for close in (self.intake.close, self.commit.close, self.ledger.close, self.keys.close):
            close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(run(self._server, self._socket))

    @contextmanager
    def connection(self) -> Iterator["Connection"]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            yield Connection(sock)

    def send(self, request: Request) -> Response:
        with self.connection() as connection:
            connection.write(request.head() + request.payload())
            return connection.read()

    def take(self) -> list[Event]:
        """Return the events that were kept since the last call."""
        with self.log.changed:
            messages, self.log.partitions[0][:] = list(self.log.partitions[0]), []
        return [ATLAS_EVENTS.decode(message.body) for message in messages]


class Connection:
    """One TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._rest = b""

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Response:
        """Return the next whole answer."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return Response(int(first.split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Wait for the other end to close; tell whether it did, having said no more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        assert data, f"closed after {self._rest!r}"
        self._rest += data
