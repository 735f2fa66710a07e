"""What events say, in every form that SDKs were seen to send, and in forms that they should not."""

import base64
import hashlib
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from atlas_core import limits
from atlas_core.events import Level
from tests.services.ingestion.cases import EVENT_ID, Case, check, envelope, event_item, native, store
from tests.services.ingestion.door import Door

LEVELS = {
    "debug": "debug", "info": "info", "warning": "warning", "error": "error", "critical": "critical",
    "fatal": "critical", "warn": "warning", "log": "info", "notice": "info", "trace": "debug", "FATAL": "critical",
    " Warning ": "warning", 10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical", "40": "error",
    None: "error", "": "error", "purple": "error", 7: "error", True: "error",
}  # fmt: skip
ODD_LEVELS: list[Any] = [[], {}, ["info"], {"a": 1}]
HASHES = {text: hashlib.sha256(text.encode()).hexdigest() for text in ("a\x00b", "x" * 9_000)}


def event(**payload: Any) -> dict[str, Any]:
    return {"message": "boom", **payload}


def exception(*values: Any, **payload: Any) -> dict[str, Any]:
    return {"exception": {"values": list(values)}, **payload}


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


ERROR = {"type": "ValueError", "value": "boom"}
CAUGHT = {"type": "ValueError", "message": "boom"}
FRAMES = [
    {"filename": "site-packages/lib.py", "function": "call", "lineno": 3, "abs_path": "/v/site-packages/lib.py"},
    None,
    {"filename": "shop/cart.py", "function": "checkout", "lineno": "12", "colno": -1, "context_line": " pay() ",
     "pre_context": ["a", None, 3], "post_context": None, "vars": {"n": 1}},
]  # fmt: skip
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "site-packages/lib.py", line 3, in call\n'
    '  File "shop/cart.py", line 12, in checkout\n'
    "    pay()\n"
    "ValueError: boom"
)
JS_TRACE = "ValueError: boom\n    at checkout (shop/cart.py:12:?)\n    at call (site-packages/lib.py:3:?)"
DEEP = json.loads("[" * 200 + "]" * 200)

#        name, payload, what is kept of it
PAYLOADS: list[tuple[str, Any, dict[str, Any]]] = [
    *((f"level {given!r}", event(level=given), {"level": Level(level)}) for given, level in LEVELS.items()),
    *((f"level {given!r}", event(level=given), {"level": Level.ERROR}) for given in ODD_LEVELS),
    ("level 30.0", event(level=30.0), {"level": Level.WARNING}),
    # Titles.
    ("an exception", exception(ERROR), {**CAUGHT, "stack_trace": "ValueError: boom"}),
    ("an exception and a message", exception(ERROR, message="logged"), CAUGHT),
    ("a chain, the caught one last", exception({"type": "KeyError", "value": "'k'"}, ERROR), {**CAUGHT, "exceptions.len": 2}),
    ("a chain with nulls", exception(None, ERROR, None), CAUGHT),
    ("exceptions as a list", {"exception": [{"type": "A"}, ERROR]}, CAUGHT),
    ("an exception as an object", {"exception": ERROR}, CAUGHT),
    ("exceptions of null", event(exception=None), {"type": None, "message": "boom"}),
    ("exceptions of nothing", event(exception={"values": []}), {"type": None, "message": "boom"}),
    ("values of null", event(exception={"values": None}), {"type": None, "message": "boom"}),
    ("exceptions that are text", event(exception="no"), {"type": None, "message": "boom"}),
    ("an exception of a type alone", exception({"type": "KeyError"}), {"type": "KeyError", "message": "KeyError"}),
    ("an exception of an empty value", exception({"type": "KeyError", "value": ""}, message="m"), {"type": "KeyError", "message": "KeyError"}),
    ("an exception of a null value", exception({"type": "KeyError", "value": None}), {"type": "KeyError", "message": "KeyError"}),
    ("an exception of a number", exception({"type": "OSError", "value": 5}), {"type": "OSError", "message": "5"}),
    ("an exception of the number 0", exception({"type": "OSError", "value": 0}), {"type": "OSError", "message": "0"}),
    ("an exception of an object", exception({"type": "E", "value": {"a": [1]}}), {"type": "E", "message": '{"a":[1]}'}),
    ("an exception of a value alone", exception({"value": "boom"}), {"type": None, "message": "boom"}),
    ("a typeless exception beside a message", exception({"value": "boom", "stacktrace": {"frames": [{"function": "f"}]}}, message="said"), {"type": None, "message": "said"}),
    ("an empty type beside a message", exception({"type": "", "value": "x"}, message="said"), {"type": None, "message": "said"}),
    ("a typeless one last in a chain", exception(ERROR, {"value": "x"}, message="said"), {"type": None, "message": "said"}),
    ("a number for a type", exception({"type": 5, "value": "boom"}), {"type": "5", "message": "boom"}),
    ("nothing at all", {}, {"type": None, "message": "(no message)"}),
    ("an empty message", {"message": ""}, {"message": "(no message)"}),
    ("a number for a message", {"message": 5}, {"message": "5"}),
    ("a list for a message", {"message": ["a", 1]}, {"message": '["a",1]'}),
    ("a message in an object", {"message": {"message": "a %s", "params": ["b"], "formatted": "a b!"}}, {"message": "a b!", "template": "a %s"}),
    ("logentry formatted", {"logentry": {"message": "a %s", "formatted": "a b", "params": ["c"]}}, {"message": "a b", "template": "a %s"}),
    ("logentry to fill", {"logentry": {"message": "a %s %d%%", "params": ["b", 5]}}, {"message": "a b 5%"}),
    ("logentry to fill by name", {"logentry": {"message": "a %(x)s", "params": {"x": "b"}}}, {"message": "a b"}),
    ("logentry in braces", {"logentry": {"message": "a {} {x}", "params": ["b"]}}, {"message": "a b {x}"}),
    ("logentry with too few", {"logentry": {"message": "a %s %s", "params": ["b"]}}, {"message": "a b %s"}),
    ("logentry of a huge width", {"logentry": {"message": "a %999999999s", "params": ["b"]}}, {"message": "a b"}),
    ("logentry of odd params", {"logentry": {"message": "a %s", "params": "b"}}, {"message": "a %s"}),
    ("logentry before message", {"logentry": {"message": "a"}, "message": "b"}, {"message": "a"}),
    ("logentry of null", {"logentry": None, "message": "b"}, {"message": "b"}),
    ("logentry that is text", {"logentry": "a", "message": "b"}, {"message": "a"}),
    ("raven's message", {"sentry.interfaces.Message": {"message": "a %s", "params": ["b"]}}, {"message": "a b"}),
    ("raven's exception", {"sentry.interfaces.Exception": [ERROR]}, CAUGHT),
    ("raven's user and request", event(**{"sentry.interfaces.User": {"id": 1}, "sentry.interfaces.Http": {"url": "/"}}), {"user": {"id": 1}, "request": {"url": "/"}}),
    ("raven's culprit", event(culprit="shop.cart"), {"transaction": "shop.cart"}),
    ("a message of 9,000 characters", {"message": "x" * 9_000}, {"message": "x" * 8_192, "reported_sha256": HASHES["x" * 9_000], "repairs": ["message"]}),
    ("an exception of 9,000 characters", exception({"type": "E", "value": "x" * 9_000}), {"message": "x" * 8_192, "reported_sha256": HASHES["x" * 9_000]}),
    ("a message with NUL", {"message": "a\x00b"}, {"message": "a\ufffdb", "reported_sha256": HASHES["a\x00b"]}),
    ("an exception with NUL", exception({"type": "E", "value": "a\x00b"}), {"message": "a\ufffdb", "reported_sha256": HASHES["a\x00b"]}),
    # Stacks.
    ("frames", exception({**ERROR, "stacktrace": {"frames": FRAMES}}, platform="python"), {"stack_trace": TRACE, "exceptions.0.frames.len": 2, "exceptions.0.frames.0.in_app": False, "exceptions.0.frames.1.in_app": True, "exceptions.0.frames.1.lineno": 12, "exceptions.0.frames.1.colno": None, "exceptions.0.frames.1.pre_context": ["a", "", "3"], "exceptions.0.frames.1.vars": {"n": 1}}),
    ("frames, newest first", exception({**ERROR, "stacktrace": {"frames": FRAMES}}, platform="javascript"), {"stack_trace": JS_TRACE}),
    ("in_app as given", exception({**ERROR, "stacktrace": {"frames": [{"filename": "x", "in_app": False}]}}), {"exceptions.0.frames.0.in_app": False}),
    ("in_app of node", exception({**ERROR, "stacktrace": {"frames": [{"filename": "node:internal"}, {"filename": "/a/node_modules/b.js"}, {"function": "f"}]}}), {"exceptions.0.frames.0.in_app": False, "exceptions.0.frames.1.in_app": False, "exceptions.0.frames.2.in_app": None}),
    ("a stack of null", exception({**ERROR, "stacktrace": None}), CAUGHT),
    ("frames of null", exception({**ERROR, "stacktrace": {"frames": None}}), CAUGHT),
    ("frames that are text", exception({**ERROR, "stacktrace": {"frames": "no"}}), CAUGHT),
    ("a stack that is text", exception({**ERROR, "stacktrace": "no"}), CAUGHT),
    ("300 frames", exception({**ERROR, "stacktrace": {"frames": [{"function": f"f{n}"} for n in range(300)]}}), {"exceptions.0.frames.len": 250, "exceptions.0.frames.0.function": "f0", "exceptions.0.frames.249.function": "f299"}),
    ("unhandled", exception({**ERROR, "mechanism": {"type": "excepthook", "handled": False}}), {"exceptions.0.handled": False}),
    ("a mechanism of the wrong type", exception({**ERROR, "mechanism": "x"}), {"exceptions.0.handled": None}),
    ("60 exceptions", exception(*[{"type": f"E{n}"} for n in range(60)]), {"type": "E59", "exceptions.len": 50}),
    ("a message's own stack", event(stacktrace={"frames": FRAMES}), {"type": None, "stack_trace": TRACE.rsplit("\n", 1)[0]}),
    ("the crashed thread's stack", event(threads={"values": [None, {"id": 1}, {"crashed": True, "stacktrace": {"frames": FRAMES}}]}), {"stack_trace": TRACE.rsplit("\n", 1)[0]}),
    ("threads of the wrong type", event(threads="x"), {"stack_trace": ""}),
    # The rest.
    ("an id of another form", event(event_id="11111111-2222-3333-4444-55556666AAAA"), {"event_id.hex": "1111111122223333444455556666aaaa"}),
    *((f"an id of {given!r}", event(event_id=given), {"message": "boom", "event_id.version": 4}) for given in ("", "x", 7, None, [], "0" * 32, "1" * 31)),
    ("tags as an object", event(tags={"a": "b", "n": 1, "none": None, "o": {"x": 1}, "t": True, "f": 1.5}), {"tags": {"a": "b", "n": "1", "o": '{"x":1}', "t": "true", "f": "1.5"}}),
    ("tags as pairs", event(tags=[["a", "b"], ["n", 1], None, ["x"], "y", ["e", ""]]), {"tags": {"a": "b", "n": "1"}}),
    *((f"tags of {given!r}", event(tags=given), {"tags": {}}) for given in (None, "x", 7, [], {})),
    ("300 tags", event(tags={f"t{n}": n for n in range(300)}), {"tags.len": None, "tags.t199": "199", "tags.t200": None}),
    ("a tag too long", event(tags={"k" * 300: "v" * 2_000}), {"tags": {"k" * 200: "v" * 1_000}}),
    ("crumbs as values", event(breadcrumbs={"values": [{"message": "a", "timestamp": 1764000000}, None, {"message": "b", "level": None}]}), {"breadcrumbs.len": 2, "breadcrumbs.0.timestamp": "2025-11-24T16:00:00+00:00", "breadcrumbs.1.message": "b"}),
    ("crumbs as a list", event(breadcrumbs=[{"message": "a", "timestamp": "2026-11-24T12:00:00.5Z"}]), {"breadcrumbs.0.timestamp": "2026-11-24T12:00:00.500000+00:00"}),
    ("crumbs of the wrong time", event(breadcrumbs=[{"message": "a", "timestamp": "soon"}]), {"breadcrumbs.0.timestamp": None, "breadcrumbs.0.message": "a"}),
    ("150 crumbs", event(breadcrumbs=[{"message": str(n)} for n in range(150)]), {"breadcrumbs.len": 100, "breadcrumbs.0.message": "50"}),
    *((f"crumbs of {given!r}", event(breadcrumbs=given), {"breadcrumbs": []}) for given in (None, "x", {"values": None}, [1])),
    *((f"{name} of {given!r}", event(**{name: given}), {name: None if name in ("user", "request", "sdk") else {}}) for name in ("user", "request", "sdk", "contexts", "extra") for given in ("x", [1], 7, None)),
    ("contexts", event(contexts={"os": {"name": "Linux"}, "odd": 7}), {"contexts": {"os": {"name": "Linux"}, "odd": 7}}),
    ("an extra of 400,000 characters", event(extra={"first": 1, "long": "x" * 400_000, "last": 2}), {"extra.first": 1, "repairs": ["extra"]}),
    ("an extra nested 200 deep", event(extra={"deep": DEEP, "flat": 1}), {"extra.flat": 1, "repairs": ["extra"]}),
    ("an extra of 2,000 members", event(extra={f"k{n}": n for n in range(2_000)}), {"extra.k999": 999, "extra.k1000": None}),
    ("release and its like", event(release="r", environment="e", server_name="s", transaction="t", logger="l", dist="d", platform="python"), {"release": "r", "environment": "e", "server_name": "s", "transaction": "t", "logger": "l", "dist": "d", "platform": "python"}),
    ("release as a number", event(release=1.5, environment=7, dist=3), {"release": "1.5", "environment": "7", "dist": "3"}),
    ("release and its like, too long", event(release="r" * 300, environment="e" * 300, server_name="s" * 300, transaction="t" * 300, logger="l" * 300, dist="d" * 300), {"release": "r" * 250, "environment": "e" * 64, "server_name": "s" * 255, "transaction": "t" * 200, "logger": "l" * 64, "dist": "d" * 64}),
    ("no platform", event(), {"platform": "other"}),
    ("a fingerprint", event(fingerprint=["{{ default }}", None, 7, "x", ""]), {"fingerprint": ["{{ default }}", "7", "x"]}),
    ("a fingerprint that is text", event(fingerprint="x"), {"fingerprint": ["x"]}),
    *((f"a fingerprint of {given!r}", event(fingerprint=given), {"fingerprint": []}) for given in (None, [])),
    ("a transaction for a type", event(type="transaction"), {"message": "boom"}),
    ("_meta", event(_meta={"message": {"": {"rem": [["!limit"]]}}}), {"raw": None}),
    ("modules and members unknown", event(modules={"flask": "3"}, what=[1]), {"raw": {"modules": {"flask": "3"}, "what": [1]}}),
    ("a level unknown", event(level="purple"), {"raw": {"level": "purple"}, "repairs": ["level"]}),
    ("the address of who sends", event(user={"ip_address": "{{auto}}"}), {"user.ip_address": "127.0.0.1"}),
    ("a secret", event(extra={"password": "hunter2", "n": 1}), {"extra": {"password": "[Filtered]", "n": 1}}),
    # JSON as it should not be.
    ("NaN and infinity", raw('{"message":"boom","extra":{"a":NaN,"b":[Infinity,-Infinity],"c":1e999}}'), {"extra": {"a": None, "b": [None, None], "c": None}, "repairs": ["extra"]}),
    ("NaN in a frame", raw('{"exception":[{"type":"E","value":"boom","stacktrace":{"frames":[{"vars":{"x":NaN}}]}}]}'), {"exceptions.0.frames.0.vars": {"x": None}, "repairs": ["exception"]}),
    ("NaN as a tag and a time", raw('{"message":"boom","tags":{"a":NaN},"timestamp":NaN}'), {"tags": {"a": "nan"}, "repairs": ["timestamp"]}),
    ("a number that overflows", raw('{"message":"boom","contexts":{"a":{"b":-1e400}}}'), {"contexts": {"a": {"b": None}}, "repairs": ["contexts"]}),
    ("a byte order mark", b'\xef\xbb\xbf{"message":"boom"}', {"message": "boom", "repairs": []}),
    ("huge numbers", raw(f'{{"message":"boom","extra":{{"a":{"9" * 19},"b":{"1" * 5_000},"c":-9223372036854775808}}}}'), {"extra.a": "9" * 19, "extra.c": -(2**63)}),
    ("a number of 100,000 digits", raw('{"message":"boom","extra":{"a":%s}}' % ("9" * 100_000)), {"message": "boom"}),
    ("half a character", raw('{"message":"a\\ud800b"}'), {"message": "a\ufffdb", "repairs": ["message"]}),
    ("bytes that are not UTF-8", b'{"message":"a\xffb","tags":{"a":"\xe9"},"extra":{"a\xff":1}}', {"message": "a\ufffdb", "tags": {"a": "\ufffd"}, "extra": {"a\ufffd": 1}, "repairs": ["message", "tags", "extra"]}),
    ("a raw NUL", b'{"message":"a\x00b"}', {"message": "a\ufffdb"}),
    ("a raw newline", b'{"message":"a\nb"}', {"message": "a\nb"}),
    ("members twice", raw('{"message":"first","message":"boom"}'), {"message": "boom"}),
    ("3,000 brackets", raw('{"message":"boom","extra":{"a":%s,"b":1}}' % ("[" * 3_000 + "]" * 3_000)), {"message": "boom", "extra.b": 1}),
    ("3,000 braces", raw('{"message":"boom","extra":%s}' % ('{"a":' * 3_000 + "1" + "}" * 3_000)), {"message": "boom"}),
    ("keys of no text", raw('{"message":"boom","":{"":1},"tags":{"":"x"}}'), {"message": "boom", "tags": {}}),
]  # fmt: skip
STORE_CASES = [
    Case(name, store(payload), 200, [kept]) for name, payload, kept in PAYLOADS if "transaction for" not in name
]
# The header gives every event its id.
ENVELOPE_CASES = [
    Case(
        name,
        envelope(event_item(payload)),
        200,
        [{key: value for key, value in kept.items() if not key.startswith("event_id")}],
    )
    for name, payload, kept in PAYLOADS
]


@pytest.mark.parametrize("case", STORE_CASES, ids=lambda case: case.name)
def test_a_payload_is_mended_not_refused(door: Door, case: Case):
    check(door, case)


@pytest.mark.parametrize("case", ENVELOPE_CASES[::3], ids=lambda case: case.name)
def test_a_payload_in_an_envelope_is_read_as_in_a_store_body(door: Door, case: Case):
    check(door, case)


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b"7", b'"x"', b"null", b"{", b"eJw=", b"\xff\xff", b"[" * 3_000]
)
def test_a_store_body_that_is_no_event_is_answered_400(door: Door, body: bytes):
    check(door, Case("", store(body), 400, []))


@pytest.mark.parametrize(
    ("content", "status"),
    [(b'{"message":"boom"}', 200), (b" " * (limits.EVENT_ITEM_BYTES + 1), 413), (b"nonsense", 400)],
    ids=["an event", "a bomb", "no event"],
)
def test_a_store_body_may_be_packed_in_base64_as_the_oldest_sdks_do(door: Door, content: bytes, status: int):
    body = base64.b64encode(zlib.compress(content))
    check(door, Case("", store(body), status, [{"message": "boom"}] if status == 200 else []))


def test_a_transaction_in_a_store_body_is_dropped(door: Door):
    check(door, Case("", store({"type": "transaction", "event_id": EVENT_ID}), 200, []))


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def iso(at: datetime) -> str:
    return at.isoformat()


TIMES = {
    "RFC 3339": iso,
    "Z": lambda at: iso(at).replace("+00:00", "Z"),
    "z": lambda at: iso(at).replace("+00:00", "z"),
    "no zone": lambda at: iso(at).replace("+00:00", ""),
    "a blank for the T": lambda at: iso(at).replace("T", " "),
    "another zone": lambda at: iso(at.astimezone(tz=None)),
    "nanoseconds": lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z",
    "seconds": lambda at: at.timestamp(),
    "seconds in quotes": lambda at: str(at.timestamp()),
    "milliseconds": lambda at: at.timestamp() * 1e3,
    "microseconds": lambda at: int(at.timestamp() * 1e6),
    "nanoseconds as a number": lambda at: int(at.timestamp() * 1e6) * 1_000,
}


@pytest.mark.parametrize("form", TIMES)
@pytest.mark.parametrize("send", [store, envelope, native], ids=["store", "envelope", "native"])
def test_a_time_is_read_in_every_form(door: Door, send: Any, form: str):
    at = ago(hours=3)
    assert door.send(send(event(timestamp=TIMES[form](at)))).status < 300
    (kept,) = door.take()
    assert abs((kept.timestamp - at).total_seconds()) < 0.001


@pytest.mark.parametrize("given", [None, "", "soon", [], {}, True, -1e308, 1e308, 10**18 * 9, "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", 253402300800, "2026-13-01T00:00:00Z",
    "2026-11-24T12:00:60Z", -5, 0, "1" * 400, "\u0661\u0662"])  # fmt: skip
@pytest.mark.parametrize("send", [store, native], ids=["store", "native"])
def test_a_time_that_cannot_be_is_the_time_of_receipt(door: Door, send: Any, given: Any):
    assert door.send(send(event(timestamp=given))).status < 300
    (kept,) = door.take()
    assert kept.timestamp == kept.received_at


@pytest.mark.parametrize(
    ("span", "believed"),
    [({"days": 29.9}, True), ({"days": 30.1}, False), ({"seconds": -50}, True), ({"seconds": -70}, False)],
    ids=["29.9 days", "30.1 days", "50 s ahead", "70 s ahead"],
)
def test_a_time_is_believed_within_bounds(door: Door, span: dict[str, float], believed: bool):
    at = ago(**span)
    door.send(envelope(event(timestamp=iso(at))))
    (kept,) = door.take()
    assert (kept.timestamp == at) is believed
    assert ("timestamp" in kept.repairs) is not believed


@pytest.mark.parametrize(
    ("drift", "corrected"),
    [({"minutes": 54}, False), ({"minutes": 56}, True), ({"days": 400}, True), ({"minutes": -56}, True)],
    ids=["54 minutes", "56 minutes", "400 days", "56 minutes ahead"],
)
def test_a_clock_that_is_wrong_is_corrected_by_when_the_client_says_it_sent(
    door: Door, drift: dict[str, float], corrected: bool
):
    crumb = {"message": "x", "timestamp": ago(**drift, seconds=20).timestamp()}
    payload = event(timestamp=iso(ago(**drift, seconds=10)), breadcrumbs=[crumb])
    door.send(envelope(payload, header={"sent_at": iso(ago(**drift))}))
    (kept,) = door.take()
    age_s = (kept.received_at - kept.timestamp).total_seconds()
    wanted_s = 10 if corrected else 10 + drift["minutes"] * 60
    assert abs(age_s - wanted_s) < 2
    crumb_age_s = (kept.received_at - datetime.fromisoformat(kept.breadcrumbs[0]["timestamp"])).total_seconds()
    assert abs(crumb_age_s - wanted_s - 10) < 2


@pytest.mark.parametrize("sent_at", ["soon", None, 7, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", [], {}])
def test_no_drift_can_break_a_time(door: Door, sent_at: Any):
    for at in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", iso(ago(minutes=1))):
        assert door.send(envelope(event(timestamp=at), header={"sent_at": sent_at})).status == 200
        (kept,) = door.take()
        assert abs((kept.received_at - kept.timestamp).total_seconds()) <= limits.CLOCK_PAST_S
