"""sys.excepthook: reports the exception that ends the process."""

import sys
from collections.abc import Callable
from types import TracebackType

from atlas_sdk.client import Client


def install(client: Client) -> Callable[[], None]:
    """Report what no one caught, then do what was done before; return what undoes it. The exit flush sends it."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            client.capture_error(error, level="critical", mechanism="excepthook", handled=False, once=True)
        before(kind, error, trace)

    sys.excepthook = hook

    def undo() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    return undo
