"""What reading an envelope or a batch costs: bounded, however many lines and items a small body holds."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from atlas_core import limits
from atlas_core.protocols.envelope import INVALID, NOT_AN_EVENT, TOO_LARGE, EnvelopeReader
from atlas_core.protocols.native import parse_batch
from atlas_core.protocols.sentry import parse_envelope
from tests.unit.protocols.work import calls_of

MIB = 1024 * 1024
NOW = datetime(2026, 11, 26, tzinfo=UTC)
PROJECT = UUID(int=1)


@pytest.mark.parametrize("blank", [b"\n", b" \n", b"\r\n", b" "])
@pytest.mark.parametrize("head", [b"", b"{}\n"])
def test_blank_lines_cost_no_call_each(head: bytes, blank: bytes):
    reader = EnvelopeReader()
    assert calls_of(lambda: reader.feed(head + blank * MIB)) < 100


@pytest.mark.parametrize("pair", [b'{"a":NaN}\n\n', b'{"length":0}\n', b"{}\n{}\n"])
def test_items_past_the_limit_cost_nothing(pair: bytes):
    few, many = EnvelopeReader(), EnvelopeReader()
    cost = calls_of(lambda: few.feed(b"{}\n" + pair * (limits.ENVELOPE_ITEMS + 2)))
    assert calls_of(lambda: many.feed(b"{}\n" + pair * (limits.ENVELOPE_ITEMS * 50))) == cost


def test_an_envelope_of_too_many_items_keeps_what_came_first_and_counts_the_rest_as_one():
    reader = EnvelopeReader()
    event = b'{"type":"event"}\n{"message":"boom"}\n'
    session = b'{"type":"session"}\n{}\n'
    reader.feed(b"{}\n" + event + session * limits.ENVELOPE_ITEMS + event)
    reader.finish()
    parsed = parse_envelope(reader, PROJECT, NOW, None)
    assert [found.message for found in parsed.events] == ["boom"]
    assert parsed.dropped == {NOT_AN_EVENT: limits.ENVELOPE_ITEMS - 1, TOO_LARGE: 1}


def test_too_many_items_without_an_event_are_accepted_and_counted():
    reader = EnvelopeReader()
    reader.feed(b"{}\n" + b'{"type":"session"}\n{}\n' * (limits.ENVELOPE_ITEMS + 1))
    reader.finish()
    parsed = parse_envelope(reader, PROJECT, NOW, None)
    assert (parsed.events, parsed.dropped[TOO_LARGE], parsed.dropped[INVALID]) == ([], 1, 0)


@pytest.mark.parametrize("pieces", [1, 7])
def test_blanks_before_the_header_are_bounded_however_they_arrive(pieces: int):
    for size, broken in ((limits.HEADER_LINE_BYTES, False), (limits.HEADER_LINE_BYTES + 1, True)):
        reader = EnvelopeReader()
        body = b"\n" * size + b"{}\n"
        step = len(body) // pieces
        for at in range(0, len(body), step):
            reader.feed(body[at : at + step])
        assert (reader.broken, reader.header is None) == (broken, broken)


def test_blank_lines_of_a_batch_cost_no_call_each():
    body = b'{"message":"a"}\n' + b"\n" * MIB + b'  \n {"message":"b"} \n'
    assert calls_of(lambda: parse_batch(body, "application/x-ndjson", PROJECT, NOW)) < 500
    assert len(parse_batch(body, "application/x-ndjson", PROJECT, NOW)) == 2
