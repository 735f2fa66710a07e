"""Doing what a visitor asked for, and saying what became of it."""

from collections.abc import Coroutine
from typing import Any

import ipywidgets

from dashboards.client import ApiError, SessionEndedError
from dashboards.markup import muted, problem


async def do(note: ipywidgets.HTML, work: Coroutine[Any, Any, str]) -> bool:
    """Run `work`, show what it returns in `note`, or why it failed; return whether it was done.

    Raises:
        SessionEndedError: The token is no longer accepted.
    """
    note.value = muted("Working…")
    try:
        said = await work
    except SessionEndedError:
        raise
    except ApiError as error:
        note.value = problem(str(error))
        return False
    note.value = f'<div role="status">{muted(said)}</div>'
    return True
