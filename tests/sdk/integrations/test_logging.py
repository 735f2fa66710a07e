import logging
from collections.abc import Iterator
from typing import Any

import pytest

from atlas_sdk import Client
from atlas_sdk.integrations.logging import AtlasHandler, install
from tests.sdk.scripted_server import ScriptedServer


@pytest.fixture
def logger(client: Client) -> Iterator[logging.Logger]:
    """A logger whose records go to the handler alone."""
    made = logging.getLogger("shop.orders")
    made.setLevel(logging.DEBUG)
    made.propagate = False
    made.addHandler(AtlasHandler(client))
    yield made
    made.handlers.clear()


def test_an_error_record_is_an_event_with_its_logger_level_and_extra(
    server: ScriptedServer, client: Client, logger: logging.Logger
) -> None:
    logger.error("order %s failed", 7, extra={"order": {"id": 7}})
    logger.critical("down")
    assert client.flush(10)
    first, second = server.events
    assert (first["message"], first["level"], first["logger"]) == ("order 7 failed", "error", "shop.orders")
    assert first["extra"] == {"order": {"id": 7}}
    assert first["contexts"]["log"]["template"] == "order %s failed"
    assert first["contexts"]["log"]["line"].startswith(f"{__file__}:")
    assert second["level"] == "critical"


def test_a_record_with_an_exception_reports_the_exception(
    server: ScriptedServer, client: Client, logger: logging.Logger
) -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        logger.exception("while ordering")
        client.capture_error(error, once=True)
    assert client.flush(10)
    (event,) = server.events
    assert (event["type"], event["message"]) == ("ValueError", "broken")
    assert event["contexts"]["log"]["message"] == "while ordering"
    assert event["exception"]["values"][0]["mechanism"]["type"] == "logging"


def test_lesser_records_are_breadcrumbs_of_the_next_event(
    server: ScriptedServer, client: Client, logger: logging.Logger
) -> None:
    logger.debug("too small")
    logger.info("asked %s", "db")
    logger.warning("slow")
    client.capture_message("now")
    assert client.flush(10)
    steps = server.events[0]["breadcrumbs"]
    assert [(step["message"], step["level"], step["category"]) for step in steps] == [
        ("asked db", "info", "shop.orders"),
        ("slow", "warning", "shop.orders"),
    ]


def test_a_record_that_cannot_be_formatted_is_reported_as_it_is(server: ScriptedServer, client: Client) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no")

    odd: Any = Odd()
    handler = AtlasHandler(client)
    for message, arguments in (("two %s %s", (1,)), (odd, None)):
        nothing = (None, None, None)
        handler.handle(logging.LogRecord("shop", logging.ERROR, __file__, 1, message, arguments, nothing))
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["two %s %s", "<unprintable Odd>"]


def test_what_the_sdk_logs_itself_is_left_alone(server: ScriptedServer, client: Client) -> None:
    handler = AtlasHandler(client)
    for name in ("atlas_sdk", "atlas_sdk.sender"):
        handler.handle(logging.LogRecord(name, logging.ERROR, __file__, 1, "own", None, None))
    handler.handle(logging.LogRecord("atlas_sdk_user", logging.ERROR, __file__, 1, "other", None, None))
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["other"]


@pytest.mark.logs_errors
def test_installed_it_hears_every_logger_until_it_is_undone(server: ScriptedServer, client: Client) -> None:
    undo = install(client, event_level=logging.WARNING)
    logging.getLogger("anywhere").warning("heard")
    undo()
    logging.getLogger("anywhere").error("not heard")
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["heard"]
