"""What nobody catches: in the main thread and in every other."""

import sys
import threading
from types import TracebackType

from atlas_sdk.client import Client


def install(client: Client) -> None:
    """Report what ends the program or a thread; the hooks that were there before still run."""
    before, before_in_thread = sys.excepthook, threading.excepthook

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            client.capture_error(error, level="critical", handled=False)
            client.flush(2.0)
        before(kind, error, trace)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            client.capture_error(args.exc_value, handled=False)
        before_in_thread(args)

    sys.excepthook, threading.excepthook = in_main, in_thread
