"""Which paths and methods are answered, and by whom."""

import pytest

from tests.services.ingestion.cases import AUTH, Case, check, envelope, native, store
from tests.services.ingestion.door import KEY, Door, Request

ONE = [{"message": "boom"}]
EVENT = {"message": "boom"}
CSP = b'{"csp-report":{"effective-directive":"script-src","blocked-uri":"https://evil.example","document-uri":"/"}}'
BLOCKED = [{"message": "Blocked 'script-src' from 'https://evil.example'", "level": "warning", "logger": "csp"}]
REPORTS = (
    b'[{"type":"csp-violation","body":{"effectiveDirective":"script-src","blockedURL":"https://evil.example"}},'
    b'{"type":"deprecation","body":{"id":"x"}}, null, {"type":"csp-violation"}]'
)
CASES = [
    Case("native", native(EVENT), 202, ONE),
    Case("native with a slash", Request("/api/ingest/events/", b'{"message":"boom"}', {"X-API-Key": KEY}), 202, ONE),
    Case("native under a prefix", Request("/a/b/api/ingest/events", b'{"message":"boom"}', AUTH), 202, ONE),
    Case("envelope without a slash", envelope(EVENT, path="/api/1/envelope"), 200, ONE),
    Case("envelope under a prefix", envelope(EVENT, path="/some.where/x-1/api/1/envelope/"), 200, ONE),
    Case("envelope after two slashes", envelope(EVENT, path="//api/1/envelope/"), 200, ONE),
    Case("store without a slash", store(EVENT, path="/api/1/store"), 200, ONE),
    Case("store under a prefix", store(EVENT, path="/prefix/api/1/store/"), 200, ONE),
    Case("envelope of a project without a number", envelope(EVENT, path="/api/3f2a/envelope/"), 404, []),
    Case("envelope of a project in other digits", envelope(EVENT, path="/api/%D9%A1/envelope/"), 404, []),
    Case("envelope of a negative project", envelope(EVENT, path="/api/-1/envelope/"), 404, []),
    Case("envelope of a number too long", envelope(EVENT, path=f"/api/{'1' * 25}/envelope/"), 404, []),
    Case("minidump", Request("/api/1/minidump/", b"MDMP", AUTH), 404, []),
    Case("unreal", Request("/api/1/unreal/x/", b"x", AUTH), 404, []),
    Case("nel", Request("/api/1/nel/", b"[]", AUTH), 404, []),
    Case("cron", Request("/api/1/cron/x/y/", b"{}", AUTH), 404, []),
    Case("playstation", Request("/api/1/playstation/", b"x", AUTH), 404, []),
    Case("csp, the old form", Request(f"/api/1/security/?sentry_key={KEY}", CSP), 201, BLOCKED),
    Case("csp, the old path", Request(f"/api/1/csp-report/?sentry_key={KEY}", CSP), 201, BLOCKED),
    Case("csp, the new form", Request(f"/api/1/security/?sentry_key={KEY}", REPORTS), 201, BLOCKED),
    Case(
        "csp, with release and environment",
        Request(f"/api/1/security/?sentry_key={KEY}&sentry_release=1.2&sentry_environment=prod", CSP),
        201,
        [{"release": "1.2", "environment": "prod"}],
    ),
    Case("reports of other kinds", Request(f"/api/1/security/?sentry_key={KEY}", b'[{"type":"nel"}]'), 201, []),
    Case("csp that is none", Request(f"/api/1/security/?sentry_key={KEY}", b'{"a":1}'), 400, []),
    Case("csp that is not JSON", Request(f"/api/1/security/?sentry_key={KEY}", b"x"), 400, []),
    Case("csp without a key", Request("/api/1/security/", CSP), 401, []),
    *(
        Case(f"{method} {path}", Request(path, method=method), 405, [], lambda r: _allows_post(r.headers))
        for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD")
        for path in ("/api/ingest/events", "/api/1/envelope/", "/api/1/store/")
        if method != "HEAD"
    ),
]


def _allows_post(headers: dict[str, str]) -> None:
    assert "POST" in headers["allow"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_path_is_answered_by_its_protocol_or_not_at_all(door: Door, case: Case):
    check(door, case)


def test_head_is_answered_405_without_a_body(door: Door):
    with door.connection() as connection:
        connection.write(b"HEAD /api/1/envelope/ HTTP/1.1\r\nHost: atlas\r\nConnection: close\r\n\r\n")
        head = b""
        while data := connection.socket.recv(4096):
            head += data
    assert head.startswith(b"HTTP/1.1 405 ")
    assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/api/ingest/events", "/api/1/envelope/", "/p/api/1/store", "/api/1/security/"])
def test_a_preflight_from_any_origin_is_answered(door: Door, path: str):
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    response = door.send(Request(path, method="OPTIONS", headers=headers))
    assert response.status == 204
    assert not {"content-length", "content-type", "transfer-encoding"} & response.headers.keys()
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    allowed = response.headers["access-control-allow-headers"]
    for name in ("x-sentry-auth", "content-type", "authorization", "sentry-trace", "baggage", "x-api-key"):
        assert name in allowed
    assert response.headers["access-control-max-age"] == "3600"
    assert "access-control-allow-credentials" not in response.headers


def test_every_answer_lets_a_browser_read_its_limits(door: Door):
    for response in (door.send(envelope(EVENT)), door.send(envelope(EVENT, headers={}))):
        assert response.headers["access-control-allow-origin"] == "*"
        exposed = response.headers["access-control-expose-headers"]
        assert {"x-sentry-error", "x-sentry-rate-limits", "retry-after"} <= set(exposed.split(", "))


def test_an_answer_tells_sdks_what_is_dropped_here_and_never_to_drop_errors(door: Door):
    limits = door.send(envelope(EVENT)).headers["x-sentry-rate-limits"]
    seconds, categories, scope, reason = limits.split(":")
    assert (seconds, scope, reason) == ("86400", "project", "unsupported")
    assert "transaction" in categories.split(";")
    assert not {"error", "default", "security", "attachment", ""} & set(categories.split(";"))


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_what_is_not_ingestion_has_no_cors(door: Door, path: str):
    response = door.send(Request(path, method="GET", headers={"Origin": "https://shop.example"}))
    assert response.status == 200
    assert "access-control-allow-origin" not in response.headers


def test_every_described_route_is_answered(door: Door):
    for path in door.send(Request("/openapi.json", method="GET")).json()["paths"]:
        if path.startswith(("/api", "/otlp")):
            assert door.send(Request(path.replace("{project}", "1"))).status == 401, path
