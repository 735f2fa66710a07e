"""OpenTelemetry gives its records no ids: what counts once, and what does not."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.services.ingestion.door import KEY, OTHER_KEY, Door
from tests.services.ingestion.otlp import (
    BOOM,
    JSON,
    PROTOBUF,
    SPAN_ID,
    TRACE_ID,
    exception,
    logs,
    request,
    span,
    span_exception,
    spans,
)  # fmt: skip

NOW_NS = int(time.time()) * 10**9


def test_a_request_sent_again_has_the_same_ids_and_another_has_others(door: Door):
    content = logs(BOOM, BOOM, {**BOOM, "attributes": exception()})
    for kind in (JSON, PROTOBUF):
        for body in (content, content, logs(BOOM)):
            assert door.send(request("logs", body, kind)).status == 200
    ids = [event.event_id for event in door.take()]
    assert ids[:3] == ids[3:6]
    assert len({*ids[:3], *ids[6:7]}) == 4


@pytest.mark.slow
def test_equal_requests_at_the_same_time_are_different_reports(door: Door):
    same = request("logs", logs(BOOM))
    with ThreadPoolExecutor(16) as pool, door.log.changed:
        # The log is held, so that no request is answered before the last one came.
        answers = [pool.submit(door.send, same) for _ in range(16)]
        time.sleep(1)
    assert {answer.result().status for answer in answers} == {200}
    assert len({event.event_id for event in door.take()}) == 16


IDS = {"traceId": TRACE_ID, "spanId": SPAN_ID}


@pytest.mark.parametrize("first", ["logs", "traces"])
def test_an_exception_told_by_a_log_and_by_its_span_is_one(door: Door, first: str):
    told = {
        "logs": request(
            "logs", logs({**IDS, "attributes": exception("app.errors.PaymentError", "no", exception__stacktrace="x")})
        ),
        "traces": request("traces", spans(span(span_exception("PaymentError", "no"))), PROTOBUF),
    }
    second = "traces" if first == "logs" else "logs"
    for signal in (first, second, first, second):
        assert door.send(told[signal]).status == 200
    assert len({event.event_id for event in door.take()}) == 1


@pytest.mark.parametrize(
    "other",
    [{"traceId": "0" * 31 + "1"}, {"spanId": "0" * 15 + "1"}, {"attributes": exception("KeyError")},
     {"attributes": exception(message="another")}],
    ids=["another trace", "another span", "another type", "another message"],
)  # fmt: skip
def test_another_exception_is_another(door: Door, other: dict[str, Any]):
    door.send(request("logs", logs({**IDS, "attributes": exception(), **other})))
    door.send(request("traces", spans(span(span_exception()))))
    assert len({event.event_id for event in door.take()}) == 2


def test_equal_exceptions_of_one_span_are_as_many_as_they_are(door: Door):
    for n in range(3):
        record = {**IDS, "attributes": exception(message="again"), "timeUnixNano": str(NOW_NS + n)}
        for _ in range(2):
            door.send(request("logs", logs(record)))
    door.send(request("traces", spans(span(*[span_exception(message="again")] * 3))))
    assert len({event.event_id for event in door.take()}) == 3


def test_one_report_in_two_projects_is_two_events(door: Door):
    for key in (KEY, OTHER_KEY):
        door.send(request("logs", logs({**BOOM, **IDS, "attributes": exception()}), **{"X-API-Key": key}))
    assert len({event.event_id for event in door.take()}) == 2
