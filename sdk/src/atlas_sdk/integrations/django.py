"""Django: its signal tells of every exception that it answers with 500, in sync and async views."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

from atlas_sdk.client import Client
from atlas_sdk.guard import attempt
from atlas_sdk.integrations.wsgi import request_of


def install(client: Client) -> Callable[[], None]:
    """Report every exception that Django answers with 500; return what undoes it.

    Wrap the application in `AtlasWsgiMiddleware` or `AtlasMiddleware` too, so that each request has tags and
    breadcrumbs of its own.
    """
    signal: Any = importlib.import_module("django.core.signals").got_request_exception

    def report(*, request: Any = None, **_more: Any) -> None:
        error = sys.exc_info()[1]
        if error is None:
            return
        nothing: dict[str, Any] = {}
        contexts = {"request": attempt(lambda: request_of(request.META), lambda: nothing)}
        client.capture_error(error, contexts=contexts, mechanism="django", handled=False, once=True)

    signal.connect(report, weak=False)

    def undo() -> None:
        signal.disconnect(report)

    return undo
