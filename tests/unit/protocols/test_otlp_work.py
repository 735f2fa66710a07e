"""What OpenTelemetry's records cost that are no errors, or too many: next to nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from atlas_core.protocols.otlp import events_of
from atlas_core.protocols.otlp_ids import Ids, Ordinals
from atlas_core.protocols.otlp_json import from_json
from atlas_core.protocols.otlp_protobuf import from_protobuf
from atlas_core.protocols.otlp_reports import Reports
from tests.services.ingestion.otlp import JSON, PROTOBUF, attributes, logs, request
from tests.unit.protocols.work import calls_of

READERS = {JSON: from_json, PROTOBUF: from_protobuf}
RECORD = {"body": {"stringValue": "x"}, "attributes": attributes(**{f"a{n}": n for n in range(50)})}


def calls(kind: str, records: list[dict[str, Any]], prepare: Callable[[Reports], None] = lambda _: None) -> int:
    reports = READERS[kind]("logs", request("logs", logs(*records), kind).body)
    prepare(reports)
    ids = Ids(UUID(int=1), "logs", b"", Ordinals())
    return calls_of(lambda: list(events_of(reports, UUID(int=1), datetime.now(UTC), ids)))


@pytest.mark.parametrize("kind", READERS)
def test_a_record_that_is_no_error_costs_a_fraction_of_one_that_is(kind: str):
    calm, bad = ([{**RECORD, "severityNumber": number}] * 100 for number in (9, 17))
    assert calls(kind, calm) * 3 < calls(kind, bad)


@pytest.mark.parametrize("kind", READERS)
def test_an_error_that_there_is_no_room_for_is_not_built(kind: str):
    def fill(reports: Reports) -> None:
        reports.full = True

    bad = [{**RECORD, "severityNumber": 17}] * 100
    assert calls(kind, bad, fill) * 3 < calls(kind, bad)
