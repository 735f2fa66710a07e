"""From a draft to what is sent: dressed, shown to `before_send`, scrubbed, small enough. In the sender's thread."""

import copy
from collections.abc import Callable
from typing import Final, TypeAlias

from atlas_sdk.bodies import body_of
from atlas_sdk.counts import Counts
from atlas_sdk.events import Draft, Event, Origin, event_of
from atlas_sdk.guard import asking_host
from atlas_sdk.parcels import Parcel
from atlas_sdk.scrubbing import scrub
from atlas_sdk.text import plain

BeforeSend: TypeAlias = Callable[[Event], Event | None]
_DEPTH: Final = 16
_ITEMS: Final = 500_000


class Preparation:
    """Finishes drafts for one client."""

    def __init__(self, origin: Origin, before_send: BeforeSend | None, counts: Counts, api_key: str) -> None:
        self._origin = origin
        self._before_send = before_send
        self._counts = counts
        self._api_key = api_key

    def finish(self, draft: Draft) -> Parcel | None:
        """Return what is sent for `draft`, None when `before_send` dropped it or failed; the drop is counted."""
        event: Event | None = event_of(draft, self._origin, self._counts.dropped)
        if self._before_send is not None and event is not None:
            event = self._changed(self._before_send, event)
        if event is None:
            return None
        clean = scrub(event, self._api_key)
        # The id is the SDK's own, whatever it looks like and whatever the hook made of it.
        return Parcel(draft.event_id, body_of({**clean, "event_id": draft.event_id}))

    def _changed(self, before_send: BeforeSend, event: Event) -> Event | None:
        """Return what `before_send` makes of the event.

        When it fails the event is not sent: what it should have taken out must not leave the process.
        """
        try:
            with asking_host():
                changed = before_send(copy.deepcopy(event))
        except Exception:  # noqa: BLE001 - the hook is host code and may raise anything
            self._counts.drop("before_send_error")
            return None
        if not isinstance(changed, dict):
            self._counts.drop("before_send" if changed is None else "before_send_error")
            return None
        whole: Event = plain(changed, _DEPTH, _ITEMS)
        return whole
