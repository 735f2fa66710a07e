"""Reports by raven 6.10, the SDK before sentry-sdk: deflated store bodies, protocol version 6."""

import logging
import os

from raven import Client
from raven.handlers.logging import SentryHandler

client = Client(os.environ["SENTRY_DSN"], release="shop@1.2.3", environment="staging")


def place(order: int) -> None:
    raise LookupError(f"order {order} has no items")


def main() -> None:
    try:
        place(7)
    except LookupError:
        client.captureException()
    try:
        try:
            place(8)
        except LookupError as cause:
            raise ConnectionError("the shop is closed") from cause
    except ConnectionError:
        client.captureException()
    for level in ("debug", "info", "warning", "error", "fatal"):
        client.captureMessage(f"a message at {level}", level=level)
    log = logging.getLogger("shop.orders")
    log.addHandler(SentryHandler(client, level=logging.ERROR))
    log.warning("nothing")
    log.error("order %s failed", "A-1")
    client.captureMessage("naïve \x00 日本語", level="info", tags={"shop": "north"}, extra={"long": "x" * 100_000})


if __name__ == "__main__":
    main()
