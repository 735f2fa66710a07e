"""Limits on the wire: what a client is told, and what is counted."""

import time
from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import pytest
from google.rpc.status_pb2 import Status
from prometheus_client import REGISTRY

from atlas_core import limits
from atlas_core.projects import KeyOwner, key_hash
from tests.services.ingestion.cases import AUTH, envelope, event_item, item, native, store
from tests.services.ingestion.door import KEY, Door, Request
from tests.services.ingestion.otlp import JSON, PROTOBUF, logs, request

PROJECT = UUID(int=77)
EVENT = {"message": "boom"}
LOG = logs({"severityNumber": 17, "body": {"stringValue": "boom"}}, "no record")


@pytest.fixture
def limited() -> Iterator[Door]:
    """A server of its own, whose key may send one event a second."""
    with Door() as door:
        door.owners[key_hash(KEY)] = KeyOwner(PROJECT, 1, UUID(int=78), rate_per_s=1)
        yield door


def outcomes(door: Door) -> Counter[str]:
    door.ledger.write()
    found: Counter[str] = Counter()
    for (project_id, _, outcome), number in door.outcomes.counts.items():
        assert project_id == PROJECT
        found[outcome] += number
    return found


def accepted_of(protocol: str) -> float:
    return REGISTRY.get_sample_value("atlas_events_accepted_total", {"protocol": protocol}) or 0.0


def use_up(door: Door) -> None:
    body = b"\n".join([b'{"message":"boom"}'] * 100)
    assert door.send(Request("/api/ingest/events/batch", body, {"X-API-Key": KEY})).status == 202


@pytest.mark.parametrize("sent", [envelope(EVENT), store(EVENT), Request("/api/1/security/", b"{}", AUTH)])
def test_a_sentry_client_is_told_to_wait_in_both_forms(limited: Door, sent: Request):
    use_up(limited)
    response = limited.send(sent)
    assert response.status == 429
    wait_s = int(response.headers["retry-after"])
    assert 89 <= wait_s <= 91
    assert response.headers["x-sentry-rate-limits"] == f"{wait_s}:error;default;security;attachment:project:quota"
    assert response.headers["access-control-allow-origin"] == "*"
    assert {"retry-after", "x-sentry-rate-limits"} <= set(response.headers["access-control-expose-headers"].split(", "))
    assert set(response.json()) == {"detail", "error", "causes"}


@pytest.mark.parametrize("path", ["/api/ingest/events", "/api/ingest/events/batch"])
def test_a_native_client_is_told_to_wait(limited: Door, path: str):
    use_up(limited)
    response = limited.send(Request(path, b'{"message":"boom"}', {"X-API-Key": KEY}))
    assert (response.status, set(response.json())) == (429, {"error"})
    assert 89 <= int(response.headers["retry-after"]) <= 91


@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_an_exporter_is_told_to_wait(limited: Door, kind: str):
    use_up(limited)
    response = limited.send(request("logs", {}, kind))
    assert response.status == 429
    assert 89 <= int(response.headers["retry-after"]) <= 91
    code = response.json()["code"] if kind == JSON else Status.FromString(response.body).code
    assert code == 8


@pytest.mark.slow
def test_a_refused_client_that_waits_is_let_in_again(limited: Door):
    limited.owners[key_hash(KEY)] = KeyOwner(PROJECT, 1, UUID(int=79), rate_per_s=50)
    sizes = [limited.send(Request("/api/ingest/events/batch", b"\n".join([b'{"message":"x"}'] * 525), AUTH)).status]
    response = limited.send(native(EVENT))
    assert (sizes, response.status, response.headers["retry-after"]) == ([202], 429, "1")
    time.sleep(1.1)
    assert limited.send(native(EVENT)).status == 202


def test_a_project_past_its_quota_is_refused_until_the_day_ends(limited: Door):
    limited.owners[key_hash(KEY)] = KeyOwner(PROJECT, 1, UUID(int=80), events_per_day=100)
    use_up(limited)
    assert limited.send(envelope(EVENT)).status == 429
    assert outcomes(limited) == {"accepted": 100, "quota": 1}


@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_records_that_were_too_many_count_as_too_large(limited: Door, kind: str, monkeypatch: pytest.MonkeyPatch):
    limited.owners[key_hash(KEY)] = KeyOwner(PROJECT, 1, UUID(int=82))
    monkeypatch.setattr(limits, "OTLP_EVENTS", 2)
    monkeypatch.setattr(limits, "OTLP_RECORDS", 4)
    error = {"severityNumber": 17, "body": {"stringValue": "boom"}}
    assert limited.send(request("logs", logs(*[error] * 6), kind)).status == 200
    assert outcomes(limited) == {"accepted": 2, "too_large": 4}


def test_every_outcome_is_counted_by_its_reason(limited: Door):
    limited.owners[key_hash(KEY)] = KeyOwner(PROJECT, 1, UUID(int=81))
    before = accepted_of("sentry")
    sent = [
        (native(EVENT), 202), (native(b"nonsense"), 400), (native({}), 400), (native(b" " * 1_100_000), 413),
        (Request("/api/ingest/events/batch", b'[{"message":"x"},7,8]', {"X-API-Key": KEY}), 202),
        (envelope(EVENT, item("session", b"{}"), event_item(b"{nonsense"), event_item(b" " * 1_100_000)), 200),
        (envelope(headers={}), 401), (envelope(path="/api/9/envelope/"), 403),
        (request("logs", LOG), 200), (store({"type": "transaction"}), 200),
    ]  # fmt: skip
    for one, status in sent:
        assert limited.send(one).status == status
    assert outcomes(limited) == {"accepted": 4, "invalid": 6, "too_large": 2, "not_an_event": 2}
    assert limited.outcomes.used == [UUID(int=81)]
    assert accepted_of("sentry") == before + 1
    page = limited.send(Request("/metrics", method="GET")).body.decode()
    assert 'atlas_items_dropped_total{reason="invalid"}' in page
    assert 'atlas_requests_refused_total{status="413"}' in page
