"""Events for the tests of grouping: made, or of real exceptions as the SDK takes them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from atlas_core.events import Event, ExceptionValue, Frame, Level
from atlas_core.protocols import native
from atlas_sdk.exceptions import catch, exception_data

PROJECT = UUID("0a7fa5e0-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def event(message: str = "it broke", **fields: Any) -> Event:
    known = {"project_id": PROJECT, "event_id": UUID(int=1), "source": "api", "level": Level.ERROR}
    return Event(**known | {"message": message, "timestamp": AT, "received_at": AT} | fields)


def frame(function: str, module: str | None = "shop.cart", **fields: Any) -> Frame:
    return Frame(**{"function": function, "module": module, "in_app": True} | fields)


def raised(kind: str, *frames: Frame, message: str = "it broke", **fields: Any) -> Event:
    value = ExceptionValue(type=kind, value=message, frames=list(frames))
    return event(message, type=kind, exceptions=[value], **fields)


def reported(error: BaseException, **fields: Any) -> Event:
    """Return the event of a real exception, taken by the SDK and read by the native protocol."""
    data = exception_data(catch(error, with_variables=False), "test", handled=False)
    return native.event_of({"exception": data, "message": str(error) or None, **fields}, PROJECT, AT)
