"""asyncio: reports the exceptions that nobody awaited."""

import asyncio
from collections.abc import Callable
from typing import Any

from atlas_sdk.client import Client


def install(client: Client, loop: asyncio.AbstractEventLoop | None = None) -> Callable[[], None]:
    """Report what reaches the exception handler of `loop` (by default the running one); return what undoes it.

    Raises:
        RuntimeError: No loop was given and none is running.
    """
    chosen = loop if loop is not None else asyncio.get_running_loop()
    before = chosen.get_exception_handler()

    def handle(where: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            told = {"asyncio": {"message": context.get("message", "")}}
            client.capture_error(error, contexts=told, mechanism="asyncio", handled=False, once=True)
        if before is None:
            where.default_exception_handler(context)
        else:
            before(where, context)

    chosen.set_exception_handler(handle)

    def undo() -> None:
        if chosen.get_exception_handler() is handle:
            chosen.set_exception_handler(before)

    return undo
