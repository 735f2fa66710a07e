"""A finished event on its way: what the sender, the spool and the connection hand to one another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event as it goes over the wire."""

    event_id: str
    body: bytes
