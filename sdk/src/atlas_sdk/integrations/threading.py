"""threading.excepthook: reports the exception that ends a thread."""

import threading
from collections.abc import Callable

from atlas_sdk.client import Client


def install(client: Client) -> Callable[[], None]:
    """Report what ended a thread, then do what was done before; return what undoes it."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            tags = {"thread": args.thread.name} if args.thread is not None else None
            client.capture_error(args.exc_value, tags=tags, mechanism="threading", handled=False, once=True)
        before(args)

    threading.excepthook = hook

    def undo() -> None:
        if threading.excepthook is hook:
            threading.excepthook = before

    return undo
