"""What keeps host code from breaking the SDK, or from going round in it: a reporter must never break its host."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")
_here = threading.local()


@contextmanager
def asking_host() -> Iterator[None]:
    """Mark that this thread runs host code (a `__str__`, a `before_send`) on behalf of the SDK."""
    _here.is_asking = True
    try:
        yield
    finally:
        _here.is_asking = False


def is_asking_host() -> bool:
    """Whether what happens in this thread now was set off by the SDK: reporting it would go round."""
    return getattr(_here, "is_asking", False)


def attempt(call: Callable[[], Result], fallback: Callable[[], Result]) -> Result:
    """Return what `call` returns, or what `fallback` returns when it raises an `Exception`."""
    try:
        return call()
    except Exception:  # noqa: BLE001 - the guard of the SDK: host code (str, repr, before_send) may raise anything
        return fallback()
