"""Why an accepted event was not stored, in words, and what a reader can do about it."""

from typing import Final, NamedTuple


class Reason(NamedTuple):
    """A reason as people read it; `tone` is its colour in pictures."""

    name: str
    what: str
    advice: str
    tone: str = "other"


_KNOWN: Final = {
    "spike": Reason(
        "spike protection",
        "Far more events came in a short time than the project is used to; what was above its limit was dropped.",
        "Open Issues, sorted by events: the loudest one is the spike. Mend it, or discard it while you do.",
        "spike",
    ),
    "quota": Reason(
        "quota",
        "The project had used up its quota of events.",
        "Send less (sample in the SDK, discard what nobody reads) or raise the project's quota.",
        "quota",
    ),
    "rate_limit": Reason(
        "rate limit",
        "One API key sent more than its rate; clients were told to wait (429).",
        "Give the loud application a key of its own, or sample in its SDK.",
        "quota",
    ),
    "discarded": Reason(
        "discarded issues",
        "Somebody discarded the issue: its events are dropped on purpose.",
        "Nothing, if that is still meant. Undo the discard to keep the next ones.",
        "discarded",
    ),
    "duplicate": Reason(
        "duplicates",
        "The same event (by its id) had arrived already; it counts once.",
        "Nothing: clients send again when they did not see the answer.",
        "duplicate",
    ),
    "unreadable": Reason(
        "unreadable",
        "The event could not be read when it was to be stored; it is kept as a dead letter.",
        "Read the reason in the issue service's log.",
    ),
}  # fmt: skip

_UNKNOWN: Final = (
    "This page does not know the word.",
    "Look for it in the logs of ingestion and of the issue service.",
)


def reason(word: str) -> Reason:
    """Return what is known of a reason; one of a newer service is shown by its own word."""
    return _KNOWN.get(word) or Reason(word.replace("_", " "), *_UNKNOWN)
