"""The one place where an error of anybody is swallowed: a reporter must never break what it reports on."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def attempt(call: Callable[[], Result], fallback: Callable[[], Result]) -> Result:
    """Return what `call` returns, or what `fallback` returns when it raises an `Exception`."""
    try:
        return call()
    except Exception:  # noqa: BLE001 - the guard of the SDK: host code (str, repr, before_send) may raise anything
        return fallback()
