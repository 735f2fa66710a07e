"""What every ingest route does, whatever its protocol: check the key, hold the limits, take out secrets, publish."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, TypeVar

from atlas_core import limits, metrics
from atlas_core.errors import AtlasError
from atlas_core.events import Event, utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols import native, otlp, sentry
from atlas_core.protocols.credentials import keys_of
from atlas_core.protocols.fitting import fitted_event
from atlas_core.scrubbing import may_hold_secrets, scrub
from atlas_core.topics import ATLAS_EVENTS, event_key
from services.ingestion.group_commit import GroupCommit
from services.ingestion.keys import KeyCache
from services.ingestion.ledger import ACCEPTED, Ledger
from services.ingestion.rates import Rates
from services.ingestion.refusals import ClientGoneError, KeyMissingError, WrongKeyError, outcome_of, refusal_status
from services.ingestion.requests import Call

T = TypeVar("T")

_LARGE_BYTES: Final = 128 * limits.KIB
_ACCEPTED: Final = {source: metrics.ACCEPTED.labels(source) for source in (native.SOURCE, sentry.SOURCE, otlp.SOURCE)}


class Intake:
    """Between a request and the log. Use from one event loop."""

    def __init__(self, commit: GroupCommit, keys: KeyCache, rates: Rates, ledger: Ledger) -> None:
        self._commit = commit
        self._keys = keys
        self._rates = rates
        self._ledger = ledger
        # One: large bodies wait for each other, not everybody for them.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="large-bodies")

    def key_of(self, call: Call) -> str | None:
        """Return the one key that a request's headers and query name, or None.

        Raises:
            KeyMissingError: They name two that differ.
        """
        found = keys_of(call.scope["headers"], call.scope["query_string"])
        if len(found) > 1:
            raise KeyMissingError("the request names two different keys")
        return found.pop() if found else None

    async def owner(self, call: Call, key: str, ingest_id: int | None = None) -> KeyOwner:
        """Return the project that a key writes to, and note it on the call.

        Raises:
            WrongKeyError: It is not a live key, or not one of the project with this number.
            LimitedError: It may not send more now.
            TransientError: The database does not answer and the key was not seen lately.
        """
        owner = await self._keys.owner(key)
        if owner is None or ingest_id not in (None, owner.ingest_id):
            raise WrongKeyError("the key is not a live key of this project")
        call.owner = owner
        self._rates.check(owner)
        return owner

    async def run(self, size_bytes: int, work: Callable[[], T]) -> T:
        """Return what `work` makes of a body of this size: at once, or beside the event loop where it is large."""
        if size_bytes < _LARGE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def accept(self, owner: KeyOwner, source: str, messages: list[Message], at: datetime) -> None:
        """Return when every message is durable, and counted.

        Args:
            owner: Whose they are.
            source: By which protocol they came.
            messages: The events.
            at: When they came.

        Raises:
            TransientError: It is not, or not known to be, in time; send again with the same event ids.
            TooLargeError: A message is past what the log takes.
        """
        self._ledger.use(owner.key_id)
        if messages:
            self._rates.take(owner, len(messages))
            await self._commit.publish(messages)
            self._ledger.count(owner.project_id, ACCEPTED, len(messages), at)
            _ACCEPTED[source].inc(len(messages))

    def leave_out(self, owner: KeyOwner, reasons: Mapping[str, int], at: datetime) -> None:
        """Count what an accepted request held that is not kept."""
        for reason, number in reasons.items():
            self._ledger.count(owner.project_id, reason, number, at)
            metrics.DROPPED.labels(reason).inc(number)

    def refuse(self, call: Call, error: AtlasError) -> None:
        """Count a request that is not accepted; one whose client has gone is none."""
        if isinstance(error, ClientGoneError):
            return
        metrics.REFUSED.labels(str(refusal_status(error))).inc()
        if call.owner is not None:
            self.leave_out(call.owner, {outcome_of(error): 1}, utc_now())

    def close(self) -> None:
        """Let go of the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def clean_messages(events: Iterable[Event]) -> list[Message]:
    """Return events as they travel: without secrets, and none larger than a message may be."""
    return [_clean_message(event) for event in events]


def _clean_message(event: Event) -> Message:
    body = ATLAS_EVENTS.encode(event)
    if may_hold_secrets(body):
        event = scrub(event)
        body = ATLAS_EVENTS.encode(event)
    if len(body) > limits.MESSAGE_BYTES:
        event = fitted_event(event)
        body = ATLAS_EVENTS.encode(event)
    return Message(event_key(event), body)
