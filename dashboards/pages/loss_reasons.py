"""Why something that was sent is not in Atlas, in words, and what a reader can do about it."""

from typing import Final, NamedTuple


class Reason(NamedTuple):
    """A reason as people read it.

    `tone` is its colour in pictures, `is_loss` whether anything is missing for it, `noun` what it counts where that is
    neither events nor requests.
    """

    name: str
    what: str
    advice: str
    tone: str = "other"
    is_loss: bool = True
    noun: str = ""


_KNOWN: Final = {
    "spike": Reason(
        "spike protection",
        "The project sent ten times what it usually sends, so it was cut off until the flood was over.",
        "Open Issues and sort by events: the loudest one is the flood. Mend it, or discard it. Is this much meant? "
        "Raise ATLAS_FLOOD_EVENTS.",
        "spike",
    ),
    "quota": Reason(
        "quota",
        "The project had sent all the events that it may send in a day (UTC).",
        "Sample in the SDK, discard what nobody reads, or raise the project's quota (ATLAS_EVENTS_PER_DAY).",
        "quota",
    ),
    "rate_limit": Reason(
        "rate limit",
        "One key sent faster than it may; its clients were told when to try again (429).",
        "Give the loud application a key of its own, sample in its SDK, or raise ATLAS_RATE_PER_KEY.",
        "rate",
    ),
    "discarded": Reason(
        "discarded issues",
        "Somebody discarded the issue: its events are dropped on purpose.",
        "Nothing, if that is still meant. Open one below and undo it, and its next events are kept.",
        "discarded",
        is_loss=False,
    ),
    "repeated": Reason(
        "came twice",
        "An event with the same id had arrived before: it counts once.",
        "Nothing: clients send again when they did not see the answer.",
        "repeated",
        is_loss=False,
    ),
    "dead_letter": Reason(
        "dead letters",
        "The event could not be processed. It is kept, unchanged, with the reason.",
        "Read the reason in the issue service's log and mend what it names.",
        "spike",
    ),
    "invalid": Reason(
        "unreadable",
        "The body was not what its protocol asks for; the client was told what is wrong (400 or 422).",
        "Look at the sender's own log for the answer that it got.",
        "other",
    ),
    "too_large": Reason(
        "too large",
        "The body, one of its events or their number was past its limit.",
        "Send less with each event: shorter contexts, fewer breadcrumbs, no attachments.",
        "other",
    ),
    "not_an_event": Reason(
        "not an event",
        "The SDK sent something beside errors (a session, a trace, a profile), which Atlas does not keep.",
        "Nothing, or switch it off in the SDK.",
        "aside",
        is_loss=False,
        noun="item",
    ),
    "unavailable": Reason(
        "not available",
        "Atlas could not write it down safely and said so (503); clients send it again.",
        "`atlas doctor` says what was down. What clients sent again is counted when it arrives.",
        "quota",
    ),
}
_UNKNOWN: Final = (
    "This page does not know the word.",
    "Look for it in the logs of ingestion and of the issue service.",
)


def reason(word: str) -> Reason:
    """Return what is known of a reason; one of a newer service is shown by its own word."""
    return _KNOWN.get(word) or Reason(word.replace("_", " "), *_UNKNOWN)
