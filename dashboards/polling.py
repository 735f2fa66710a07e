"""Asyncio tasks of a page: none loses its exception, none outlives what it was started for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from dashboards.client import ApiError, SessionEndedError

log = logging.getLogger(__name__)

PERIOD_S: Final = 2.0
LONGEST_S: Final = 30.0
Sleep = Callable[[float], Awaitable[object]]


class Tasks:
    """Tasks that end together; an exception in one is logged and told to `on_error`."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` on the kernel's loop."""
        task = asyncio.get_event_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """End every task that is still running."""
        for task in tuple(self._tasks):
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, ApiError):
            log.error("a task of the page failed", exc_info=error)
        self._on_error(error)


async def poll(
    load: Callable[[], Awaitable[None]],
    failed: Callable[[ApiError, float], None],
    sleep: Sleep = asyncio.sleep,
    period_s: float = PERIOD_S,
) -> None:
    """Call `load` every `period_s`, for ever; after a failure wait twice as long, up to half a minute.

    Raises:
        SessionEndedError: The token is no longer accepted; asking again would not help.
    """
    wait_s = period_s
    while True:
        try:
            await load()
            wait_s = period_s
        except SessionEndedError:
            raise
        except ApiError as error:
            wait_s = min(wait_s * 2, LONGEST_S)
            failed(error, wait_s)
        await sleep(wait_s)
