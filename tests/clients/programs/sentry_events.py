"""Reports by sentry-sdk (1 or 2): `python sentry_events.py SCENARIO`, the DSN in SENTRY_DSN."""

import logging
import sys
import threading

import sentry_sdk


class OrderError(Exception):
    pass


def place(order: int) -> None:
    basket = {"order": order}
    if basket:
        raise OrderError(f"order {order} has no items")


def exceptions() -> None:
    try:
        place(7)
    except OrderError:
        sentry_sdk.capture_exception()
    sentry_sdk.capture_exception(KeyError("sku"))
    sentry_sdk.capture_exception(RuntimeError())


def chained() -> None:
    try:
        try:
            place(8)
        except OrderError as cause:
            raise ConnectionError("the shop is closed") from cause
    except ConnectionError:
        sentry_sdk.capture_exception()
    try:
        try:
            {}["price"]
        except KeyError:
            int("twelve")
    except ValueError:
        sentry_sdk.capture_exception()


def groups() -> None:
    try:
        try:
            place(9)
        except OrderError as first:
            raise ExceptionGroup("two of three failed", [first, TypeError("no price")]) from None
    except ExceptionGroup:
        sentry_sdk.capture_exception()


def uncaught() -> None:
    place(10)


def thread() -> None:
    worker = threading.Thread(target=place, args=(11,))
    worker.start()
    worker.join()


def levels() -> None:
    for level in ("debug", "info", "warning", "error", "fatal"):
        sentry_sdk.capture_message(f"a message at {level}", level=level)
    sentry_sdk.capture_message("a message at no level")


def logged() -> None:
    log = logging.getLogger("shop.orders")
    log.warning("only a breadcrumb")
    log.error("order %s failed after %d tries", "A-1", 3)
    log.critical("the till is on fire")
    try:
        place(12)
    except OrderError:
        log.exception("could not place it")


def details() -> None:
    sentry_sdk.set_tag("shop", "north")
    sentry_sdk.set_user({"id": "u-1", "email": "ada@example.org"})
    sentry_sdk.set_context("order", {"number": 7, "open": True})
    sentry_sdk.set_extra("basket", ["pear", "plum"])
    sentry_sdk.add_breadcrumb(category="cart", message="added a pear", level="info")
    sentry_sdk.capture_message("with details", level="warning")


def big() -> None:
    with sentry_sdk.configure_scope() as scope:
        scope.set_extra("report", "x" * 400_000)
        scope.set_tag("long", "y" * 5_000)
    sentry_sdk.capture_message("z" * 100_000, level="error")
    try:
        deep(150)
    except OrderError:
        sentry_sdk.capture_exception()


def deep(left: int) -> None:
    ballast = "w" * 1_000
    if left:
        deep(left - 1)
    else:
        raise OrderError(f"deep down below {len(ballast)}")


def unicode() -> None:
    sentry_sdk.set_tag("k\x00ey", "v\x00alue")
    sentry_sdk.set_extra("nul", {"a\x00": "b\x00"})
    sentry_sdk.capture_message("naïve \x00 日本語 \U0001f600")
    sentry_sdk.capture_message("half a pair: \ud83d!")
    sentry_sdk.capture_exception(OrderError("¿dónde está \x00?\nsecond line"))


def attachments() -> None:
    with sentry_sdk.configure_scope() as scope:
        scope.add_attachment(bytes=b'{}\n{"type":"event"}\n{"message":"not an event"}\n', filename="looks.txt")
        scope.add_attachment(bytes=bytes(range(256)) * 4_096, filename="binary.bin")
        scope.add_attachment(bytes=b"", filename="empty")
    sentry_sdk.capture_message("with attachments", level="error")


def duplicates() -> None:
    for _ in range(2):
        sentry_sdk.capture_event({"event_id": "c0ffee" + "0" * 26, "message": "sent twice", "level": "warning"})
    sentry_sdk.capture_event({"event_id": "c0ffee" + "1" * 26, "message": "sent once", "level": "warning"})


def burst() -> None:
    for number in range(200):
        sentry_sdk.capture_message(f"burst {number % 10}", level="error")


def noise() -> None:
    with sentry_sdk.start_transaction(op="job", name="nightly"), sentry_sdk.start_span(op="db"):
        sentry_sdk.capture_message("inside a transaction", level="info")
    if hasattr(sentry_sdk, "logger"):
        sentry_sdk.logger.error("a structured log, which is no event")
        sentry_sdk.metrics.count("orders", 1)
    sentry_sdk.Hub.current.start_session()
    sentry_sdk.Hub.current.end_session()


SCENARIOS = [exceptions, chained, groups, uncaught, thread, levels, logged, details, big, unicode, attachments,
             duplicates, burst, noise]  # fmt: skip


def main(name: str, *options: str) -> None:
    experiments = {"transport_compression_algo": options[0]} if options else {}
    sentry_sdk.init(
        release="shop@1.2.3",
        environment="staging",
        traces_sample_rate=1.0 if name == "noise" else None,
        transport_queue_size=300,
        max_value_length=200_000,
        # They would import every framework of the environment; the frameworks have programs of their own.
        auto_enabling_integrations=False,
        _experiments=experiments,
        **({"enable_logs": True} if name == "noise" and not sentry_sdk.VERSION.startswith("1.") else {}),
    )
    try:
        {scenario.__name__: scenario for scenario in SCENARIOS}[name]()
    finally:
        sentry_sdk.flush(timeout=30)


if __name__ == "__main__":
    main(*sys.argv[1:])
