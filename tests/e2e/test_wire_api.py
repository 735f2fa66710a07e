"""The whole of the wire contract from outside, by HTTP alone, on the embedded default."""

import hashlib
import uuid
from pathlib import Path

import httpx
import jwt
import pytest

from tests.e2e.stack import QUIET_S, Stack, User, eventually

pytestmark = [pytest.mark.live, pytest.mark.slow]
ISSUE = {"id", "fingerprint", "project_id", "title", "level", "count", "stack_trace", "first_seen", "last_seen",
         "status", "created_at", "updated_at"}  # fmt: skip
EVENT = {"event_id", "issue_id", "fingerprint", "type", "message", "level", "timestamp", "received_at", "release",
         "environment"}  # fmt: skip


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory):
    stack = Stack(tmp_path_factory.mktemp("wire") / "data").start()
    try:
        yield stack.wait_ready()
    finally:
        assert stack.stop() == 0, stack.log()[-3000:]


@pytest.fixture
def user(atlas: Stack) -> User:
    return atlas.user()


def sign_up(atlas: Stack, email: str | None = None, password: str = "correct horse 9") -> httpx.Response:
    body = {"email": email or f"{uuid.uuid4().hex}@example.org", "password": password}
    return httpx.post(atlas.url("identity", "/auth/signup"), json=body, timeout=10)


def test_sign_up_and_sign_in(atlas: Stack):
    email = f"{uuid.uuid4().hex}@example.org"
    made = sign_up(atlas, email)
    assert made.status_code == 201
    assert set(made.json()) >= {"message", "token", "user"}
    assert made.json()["user"]["email"] == email
    claims = jwt.decode(made.json()["token"], options={"verify_signature": False})
    assert {"user_id", "email", "exp", "iat", "iss", "sub"} <= set(claims)
    assert claims["iss"] == "atlas-identity"
    assert sign_up(atlas, email).status_code == 409
    body = {"email": email, "password": "correct horse 9"}
    signed_in = httpx.post(atlas.url("identity", "/auth/signin"), json=body, timeout=10)
    assert signed_in.status_code == 200
    assert set(signed_in.json()) >= {"message", "token", "email"}
    wrong = httpx.post(atlas.url("identity", "/auth/signin"), json=body | {"password": "nope nope"}, timeout=10)
    assert wrong.status_code == 401
    assert "error" in wrong.json()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@example.org"},
        {"email": "a@example.org", "password": "short"},
        {"email": "no-at", "password": "long enough 1"},
        {"email": 1, "password": 2},
    ],
)
def test_an_invalid_sign_up_is_400(atlas: Stack, body: dict[str, object]):
    answer = httpx.post(atlas.url("identity", "/auth/signup"), json=body, timeout=10)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_an_organization_and_a_project_with_its_key_shown_once(atlas: Stack, user: User):
    made = user.post("identity", "/project/create-organization", {"organization_name": "Acme"}, 201)
    organization = made["organization"]
    assert {"id", "organization_name", "user_id", "created_at", "updated_at"} <= set(organization)
    body = {"organization_id": organization["id"], "project_name": "shop"}
    project = user.post("identity", "/project/create-project", body, 201)["project"]
    assert {"id", "project_name", "organization_id", "created_at", "updated_at", "api_key", "dsn"} <= set(project)
    key = project["api_key"]
    assert key.startswith("atlas_")
    assert len(key) == 70
    assert project["dsn"].startswith(f"http://{key}@")
    assert project["dsn"].rsplit("/", 1)[1].isdecimal()
    assert project["otlp_endpoint"].endswith("/otlp")
    listed = httpx.get(atlas.url("identity", "/project/projects"), headers=user.headers, timeout=10)
    assert project["id"] in {item["id"] for item in listed.json()["projects"]}
    assert key not in listed.text
    assert hashlib.sha256(key.encode()).hexdigest() not in listed.text
    assert organization["id"] in {o["id"] for o in user.get("identity", "/project/organizations")["organizations"]}


def test_a_foreign_organization_is_403(atlas: Stack, user: User):
    organizations = user.get("identity", "/project/organizations")["organizations"]
    stranger = sign_up(atlas).json()["token"]
    answer = httpx.post(
        atlas.url("identity", "/project/create-project"),
        json={"organization_id": organizations[0]["id"], "project_name": "mine now"},
        headers={"Authorization": f"Bearer {stranger}"},
        timeout=10,
    )
    assert answer.status_code == 403


def test_the_go_sdk_request_becomes_an_issue(atlas: Stack, user: User):
    project = user.new_project("go")
    message = "dial tcp 10.0.0.7:5432: connect: connection refused"
    answer = httpx.post(
        atlas.url("ingestion", "/api/ingest/events"),
        content=(
            f'{{"level":"error","message":"{message}","stack_trace":"goroutine 1 [running]:\\nmain.main()",'
            f'"timestamp":"2026-11-24T07:00:00.123456789Z"}}'
        ).encode(),
        headers={"X-API-Key": project["api_key"], "Content-Type": "application/json"},
        timeout=5,
    )
    assert answer.status_code == 202
    assert answer.json()["status"] == "Queued message"
    uuid.UUID(answer.json()["event_id"])
    eventually(lambda: user.counted(project["id"]) == 1, within_s=QUIET_S, what=atlas.log)
    (issue,) = user.issues(project["id"])
    assert set(issue) >= ISSUE
    assert issue["fingerprint"] == hashlib.sha256(message.encode()).hexdigest()
    assert (issue["level"], issue["status"], issue["count"]) == ("error", "open", 1)
    assert issue["stack_trace"] == "goroutine 1 [running]:\nmain.main()"
    assert user.get("issues", f"/projects/{project['id']}/issues/{issue['id']}")["issue"]["id"] == issue["id"]
    overview = user.get("issues", f"/projects/{project['id']}/overview")
    assert overview == {
        "total_issues": 1,
        "open_issues": 1,
        "resolved_issues": 0,
        "critical_count": 0,
        "error_count": 1,
    }


def test_events_are_listed_in_pages_and_shown_whole(atlas: Stack, user: User):
    project = user.new_project("events")
    ids = [uuid.uuid4().hex for _ in range(7)]
    for number, event_id in enumerate(ids):
        sent = atlas.send(
            project["api_key"], event_id=event_id, message=f"m{number % 2}", release="1.0", tags={"k": "v"}
        )
        assert sent.status_code == 202
    assert atlas.send(project["api_key"], event_id=ids[0], message="m0").status_code in {200, 202}
    eventually(lambda: user.counted(project["id"]) == 7, within_s=QUIET_S, what=atlas.log)
    listed, cursor = [], ""
    while cursor is not None:
        page = user.get("issues", f"/projects/{project['id']}/events?limit=3&cursor={cursor}" if cursor else
                        f"/projects/{project['id']}/events?limit=3")  # fmt: skip
        listed += page["events"]
        cursor = page["next_cursor"]
    assert {uuid.UUID(event["event_id"]).hex for event in listed} == set(ids)
    assert set(listed[0]) >= EVENT
    of_issue = user.get("issues", f"/projects/{project['id']}/events?issue_id={listed[0]['issue_id']}")["events"]
    assert {event["issue_id"] for event in of_issue} == {listed[0]["issue_id"]}
    whole = user.get("issues", f"/projects/{project['id']}/events/{ids[0]}")["event"]
    assert {"frames", "breadcrumbs", "tags", "user", "contexts"} <= set(whole)
    assert whole["tags"] == {"k": "v"}
    user.get("issues", f"/projects/{project['id']}/events/{uuid.uuid4()}", 404)


def test_rules_fire_into_the_alert_log(atlas: Stack, user: User):
    project = user.new_project("alerts")
    path = f"/projects/{project['id']}/rules"
    for condition, threshold in (("new_issue", 0), ("critical_error", 0), ("count_threshold", 3)):
        body = {"name": condition, "condition": condition, "threshold": threshold}
        rule = user.post("alerts", path, body, 201)["rule"]
        assert {"id", "project_id", "name", "condition", "threshold", "is_active", "created_at", "updated_at"} <= set(
            rule
        )
    user.post("alerts", path, {"name": "x", "condition": "count_threshold", "threshold": 0}, 400)
    user.post("alerts", path, {"name": "x", "condition": "full_moon", "threshold": 1}, 400)
    rules = user.get("alerts", path)["rules"]
    assert [rule["condition"] for rule in rules] == ["count_threshold", "critical_error", "new_issue"]
    for _ in range(6):
        assert atlas.send(project["api_key"]).status_code == 202
    alerts = f"/projects/{project['id']}/alerts"
    eventually(lambda: len(user.get("alerts", alerts)["alerts"]) == 3, within_s=QUIET_S, what=atlas.log)
    fired = user.get("alerts", alerts)["alerts"]
    assert {alert["rule_id"] for alert in fired} == {rule["id"] for rule in rules}
    assert set(fired[0]) >= {"id", "rule_id", "issue_id", "project_id", "message", "acknowledged", "fired_at"}
    assert user.get("alerts", f"{alerts}/unread") == {"unread_count": 3}
    assert user.post("alerts", f"/alerts/{fired[0]['id']}/acknowledge") == {"status": "acknowledged"}
    assert user.get("alerts", f"{alerts}/unread") == {"unread_count": 2}
    assert user.delete("alerts", f"{path}/{rules[0]['id']}") == {"status": "deleted"}
    user.delete("alerts", f"{path}/{rules[0]['id']}", 404)


def test_a_resolved_issue_that_comes_back_fires_a_rule_on_regressions(atlas: Stack, user: User):
    project = user.new_project("regressions")
    path = f"/projects/{project['id']}"
    rule = user.post("alerts", f"{path}/rules", {"name": "back", "condition": "regression"}, 201)["rule"]
    assert atlas.send(project["api_key"], message="boom").status_code == 202
    eventually(lambda: user.counted(project["id"]) == 1, within_s=QUIET_S, what=atlas.log)
    (issue,) = user.issues(project["id"])
    user.patch("issues", f"{path}/issues/{issue['id']}", {"status": "resolved"})
    assert user.get("alerts", f"{path}/alerts") == {"alerts": []}
    for count in (2, 3):
        assert atlas.send(project["api_key"], message="boom").status_code == 202
        eventually(lambda count=count: user.counted(project["id"]) == count, within_s=QUIET_S, what=atlas.log)
    eventually(lambda: user.get("alerts", f"{path}/alerts")["alerts"] != [], within_s=QUIET_S, what=atlas.log)
    (alert,) = user.get("alerts", f"{path}/alerts")["alerts"]
    assert (alert["rule_id"], alert["issue_id"]) == (rule["id"], issue["id"])
    assert alert["message"].startswith("Came back after it was resolved")


def test_an_insight_waits_with_its_reason_when_there_is_no_ollama(atlas: Stack, user: User):
    project = user.new_project("insights")
    atlas.send(project["api_key"])
    atlas.send(project["api_key"], message="only a warning", level="warning")
    eventually(lambda: user.counted(project["id"]) == 2, within_s=QUIET_S, what=atlas.log)
    issues = {issue["level"]: issue for issue in user.issues(project["id"])}

    def waits() -> bool:
        answer = user.get("intelligence", f"/issues/{issues['error']['id']}/insight", 404)
        return answer.get("state") == "pending" and "ollama" in answer.get("reason", "").lower()

    eventually(waits, within_s=QUIET_S, what=atlas.log)
    assert user.get("intelligence", f"/issues/{issues['warning']['id']}/insight", 404)["state"] == "none"
    assert user.get("intelligence", f"/projects/{project['id']}/insights") == {"insights": []}


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("issues", "/projects/{project}/issues"),
        ("issues", "/projects/{project}/issues/{other}"),
        ("issues", "/projects/{project}/overview"),
        ("issues", "/projects/{project}/events"),
        ("issues", "/projects/{project}/events/{other}"),
        ("alerts", "/projects/{project}/rules"),
        ("alerts", "/projects/{project}/alerts"),
        ("alerts", "/projects/{project}/alerts/unread"),
        ("intelligence", "/projects/{project}/insights"),
        ("intelligence", "/issues/{other}/insight"),
    ],
)
def test_every_route_needs_a_member(atlas: Stack, service: str, path: str):
    url = atlas.url(service, path.format(project=atlas.account()["project_id"], other=uuid.uuid4()))
    assert httpx.get(url, timeout=10).status_code == 401
    stranger = {"Authorization": f"Bearer {sign_up(atlas).json()['token']}"}
    assert httpx.get(url, headers=stranger, timeout=10).status_code == 404
    key = {"Authorization": f"Bearer {atlas.account()['api_key']}"}
    assert httpx.get(url, headers=key, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"not json", 400), (b"", 400), (b"[1]", 400), (b'{"level":"error"}', 400), (b'{"message":5}', 400),
     (b'{"message":"' + b"x" * 1_100_000 + b'"}', 413)],
    ids=["not json", "empty", "a list", "no message", "a number", "too large"],
)  # fmt: skip
def test_bad_bodies_get_a_precise_answer(atlas: Stack, body: bytes, status: int):
    answer = httpx.post(
        atlas.url("ingestion", "/api/ingest/events"),
        content=body,
        headers={"X-API-Key": atlas.account()["api_key"]},
        timeout=10,
    )
    assert answer.status_code == status
    assert "error" in answer.json()
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("key", [None, "", "atlas_" + "0" * 64, "nonsense", "atlas_" + "\u00e9" * 64])
def test_an_unknown_key_is_401_before_anything_is_read(atlas: Stack, key: str | None):
    headers = {} if key is None else {"X-API-Key": key.encode()}
    answer = httpx.post(
        atlas.url("ingestion", "/api/ingest/events"),
        content=b"not json",
        headers=headers,
        timeout=10,  # type: ignore[arg-type]
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["identity", "ingestion", "issues", "intelligence", "alerts"])
def test_every_service_can_be_watched(atlas: Stack, name: str):
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert httpx.get(atlas.url(name, path), timeout=10).status_code == 200, path


def test_the_dashboards_answer_with_a_page_to_sign_in(atlas: Stack):
    answer = httpx.get(atlas.url("dashboards", "/"), follow_redirects=True, timeout=10)
    assert answer.status_code == 200
    assert "Sign in" in answer.text


def test_what_is_kept_is_kept_in_one_private_directory(atlas: Stack):
    kept = {path.name for path in Path(atlas.data_dir).iterdir()}
    assert {"postgres", "jwt.key", "first-account.json"} <= kept
    for name in ("jwt.key", "first-account.json"):
        assert (atlas.data_dir / name).stat().st_mode & 0o077 == 0
