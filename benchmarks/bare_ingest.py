"""The bare limit of ingestion: the same body into the same group commit, with no checks at all.

`ATLAS_DATABASE_URL=... python -m benchmarks.bare_ingest PORT` (or with ATLAS_KAFKA_BROKERS), run by the benchmarks.
"""

import sys

import uvicorn
from starlette.types import Receive, Scope, Send

from atlas_core.ports import Message
from atlas_core.settings import read_settings
from atlas_core.topics import ATLAS_EVENTS
from services.channels import log_publisher
from services.ingestion.group_commit import GroupCommit

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


class Bare:
    """An ASGI app that answers 202 once the body is durable."""

    def __init__(self) -> None:
        self._commit = GroupCommit(log_publisher(read_settings(), ATLAS_EVENTS))
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the body as it is and answer."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if body:
            self._count += 1
            await self._commit.publish([Message(self._count.to_bytes(8, "big"), body)])
        await send({"type": "http.response.start", "status": 202, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    uvicorn.run(Bare(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
