"""An exception with its causes and its group: taken as plain values, so that nothing of the host is kept alive."""

from dataclasses import dataclass
from typing import Any, Final

from atlas_sdk.frames import Places, frame_data, places
from atlas_sdk.guard import attempt
from atlas_sdk.text import cut, storable, text_of

EXCEPTIONS: Final = 50
_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class Caught:
    """One exception. `number` is its index in the list, `parent` that of the one it explains or is a member of.

    A group has `members`, of which some may not have been taken; its `value` is its message without their number, so
    that it is the same error however many there are.
    """

    number: int
    parent: int | None
    source: str
    type: str
    module: str
    value: str
    notes: list[str]
    places: Places
    members: int


def catch(error: BaseException, *, with_variables: bool) -> list[Caught]:
    """Return `error` first, then what led to it (causes, contexts, members of groups), each once."""
    found: list[Caught] = []
    seen: set[int] = set()
    waiting: list[tuple[BaseException, int | None, str]] = [(error, None, "")]
    while waiting and len(found) < EXCEPTIONS:
        current, parent, source = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        number = len(found)
        found.append(_caught(current, number, parent, source, with_variables=with_variables))
        waiting.extend((child, number, name) for child, name in reversed(_origins(current)))
    return found


def exception_data(caught: list[Caught], mechanism: str, *, handled: bool) -> dict[str, Any]:
    """Return the exceptions as the wire has them: the oldest cause first, what was raised last."""
    return {"values": [_value_data(one, mechanism, handled=handled) for one in reversed(caught)]}


def _caught(error: BaseException, number: int, parent: int | None, source: str, *, with_variables: bool) -> Caught:
    kind = type(error)
    return Caught(
        number=number,
        parent=parent,
        source=source,
        type=storable(kind.__name__),
        module=storable(str(kind.__module__)),
        value=text_of(error.message if isinstance(error, BaseExceptionGroup) else error),
        notes=attempt(lambda: [text_of(note) for note in getattr(error, "__notes__", [])[:_NOTES]], list),
        places=places(error.__traceback__, with_variables=with_variables),
        members=len(error.exceptions) if isinstance(error, BaseExceptionGroup) else 0,
    )


def _origins(error: BaseException) -> list[tuple[BaseException, str]]:
    found: list[tuple[BaseException, str]] = []
    if error.__cause__ is not None:
        found.append((error.__cause__, "__cause__"))
    elif error.__context__ is not None and not error.__suppress_context__:
        found.append((error.__context__, "__context__"))
    if isinstance(error, BaseExceptionGroup):
        found.extend((member, f"exceptions[{n}]") for n, member in enumerate(error.exceptions[:EXCEPTIONS]))
    return found


def _value_data(one: Caught, mechanism: str, *, handled: bool) -> dict[str, Any]:
    how: dict[str, Any] = {"type": mechanism if one.parent is None else "chained", "handled": handled}
    if one.parent is not None:
        how |= {"parent_id": one.parent, "source": one.source}
    if one.members:
        how["is_exception_group"] = True
    return {
        "type": one.type,
        "value": cut("\n".join([one.value, *one.notes])),
        "module": one.module,
        "mechanism": {**how, "exception_id": one.number},
        "stacktrace": {"frames": [frame_data(place) for place in one.places.kept]},
    }
