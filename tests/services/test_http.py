"""What every app shares: one shape of errors, nothing of the input in them, bounded bodies, health."""

import asyncio
import functools
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Annotated
from uuid import UUID

import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict

from atlas_core import errors, limits
from services.http import UnauthorizedError, error_answer, make_app, status_of
from services.serving import make_server, run
from tests.services.asgi import call

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AtlasError)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    number: int = 0


@pytest.fixture(scope="module")
def app() -> FastAPI:
    made = make_app("test", checks={"database": lambda: None}, cors_origins=("http://page.example",))

    @made.get("/raise/{name}")
    def fail(name: str) -> None:
        raise getattr(errors, name)(name)

    @made.get("/break")
    def break_down() -> None:
        raise ValueError("a secret of the inside")

    @made.post("/items/{item_id}")
    def item(item_id: UUID, body: Body, size: Annotated[int, Query(ge=1)] = 1) -> dict[str, str]:
        return {"item": str(item_id), "length": str(len(body.text)), "size": str(size)}

    return made


ITEM = f"/items/{UUID(int=1)}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_the_status_that_the_tree_of_errors_draws(kind):
    (line,) = [line for line in str(errors.__doc__).splitlines() if re.search(rf"\b{kind.__name__}\b", line)]
    drawn = re.findall(r"\b[45]\d\d\b", line)
    unsaid = {"AtlasError": ["500"], "RejectedError": ["400"], "MisconfiguredError": ["500"]}
    assert [str(status_of(kind.__new__(kind)))] == (drawn or unsaid[kind.__name__])


@pytest.mark.parametrize("name", ["RejectedError", "TransientError", "NotFoundError", "ConflictError", "AtlasError"])
def test_every_error_is_told_in_one_shape(app, name):
    answer = call(app, "GET", f"/raise/{name}")
    assert answer.json() == {"error": name}
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)


@pytest.mark.logs_errors
def test_what_nobody_expected_is_told_in_the_same_shape_and_only_the_log_says_what_it_was(app, caplog):
    async def ask() -> tuple[list[bytes], bytes]:
        """Over a socket: it is the server that logs."""
        server, sock = make_server(app), socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(run(server, sock))
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"GET /break HTTP/1.1\r\nhost: x\r\norigin: http://page.example\r\nconnection: close\r\n\r\n")
        head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
        writer.close()
        server.should_exit = True
        await serving
        return head.lower().split(b"\r\n"), body

    head, body = asyncio.run(ask())
    assert head[0].startswith(b"http/1.1 500")
    assert {b"content-type: application/json", b"access-control-allow-origin: http://page.example"} <= set(head)
    assert set(json.loads(body)) == {"error"}
    assert b"secret" not in body
    assert "a secret of the inside" in caplog.text
    assert "Traceback" in caplog.text


def test_an_error_may_say_more_to_a_program():
    answer = error_answer(errors.ConflictError("edited since", detail={"by": "ann"}))
    assert json.loads(bytes(answer.body)) == {"error": "edited since", "detail": {"by": "ann"}}


def test_an_error_of_a_kind_made_later_has_its_parents_status():
    class NewError(errors.ConflictError):
        """A new one."""

    assert status_of(NewError("x")) == 409


def test_who_is_not_signed_in_is_told_how():
    answer = error_answer(UnauthorizedError("sign in"))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_503_says_when_to_come_back_in_whole_seconds():
    assert error_answer(errors.TransientError("x")).headers["retry-after"].isdecimal()


def test_a_reason_that_quotes_half_a_character_can_still_be_told():
    assert b"quoted" in error_answer(errors.RejectedError("quoted \ud800")).body


def test_a_long_reason_is_cut():
    assert len(error_answer(errors.RejectedError("x" * 10_000)).body) < 1_000


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"not json", 400), (b"{", 400), (b"[1]", 422), (b"null", 422), (b"{}", 422), (b'{"text": 5}', 422),
     (b'{"text": "a", "number": NaN}', 422), (b'{"text": "a", "number": 1e999}', 422), (b"\xff\xfe", 400),
     (b'{"text": "a", "number": "\\ud800"}', 422), (b'{"text": "a", "\\ud800 secret": 1}', 422),
     (b'{"text": {"secret": "' + b"x" * 30_000 + b'"}}', 422)],
    ids=lambda value: repr(value[:32]) if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_bad_body_gets_a_precise_answer_that_does_not_repeat_it(app, body, status):
    answer = call(app, "POST", ITEM, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()) <= {"error", "detail"}
    assert len(answer.content) < 1_000
    assert b"xxx" not in answer.content


def test_a_wrong_body_says_where_it_is_wrong(app):
    answer = call(app, "POST", f"{ITEM}?size=0", json={"text": 1})
    assert {problem["where"] for problem in answer.json()["detail"]} == {"query.size", "body.text"}


def test_an_id_that_cannot_exist_is_not_found(app):
    answer = call(app, "POST", "/items/no-id", json={"text": "a"})
    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", ITEM, 405)])
def test_the_frameworks_own_errors_have_the_same_shape(app, method, path, status):
    answer = call(app, method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def sized(size_bytes: int) -> bytes:
    return b'{"text":"' + b"x" * (size_bytes - 11) + b'"}'


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 5_000):
        yield body[start : start + 5_000]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_a_body_may_be_as_long_as_the_limit_and_not_a_byte_longer(app, declared, more, status):
    body = sized(limits.API_BODY_BYTES + more)
    answer = call(
        app,
        "POST",
        ITEM,
        content=body if declared else pieces(body),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == status, answer.text
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("length", ["-1", "many", "1e3", ""])
def test_a_length_that_is_no_number_is_refused_before_anything_is_read(app, length):
    answer = call(app, "POST", ITEM, content=pieces(b"{}"), headers={"content-length": length})
    assert answer.status_code == 413


def not_ready(*reasons: str) -> FastAPI:
    def check(reason: str) -> None:
        if reason:
            raise errors.TransientError(reason)

    checks = {f"part {n}": functools.partial(check, reason) for n, reason in enumerate(reasons)}
    return make_app("test", checks=checks)


def test_a_service_that_lacks_something_lives_and_says_what_it_lacks():
    app = not_ready("", "the broker does not answer", "x" * 5_000)
    assert call(app, "GET", "/healthz").status_code == 200
    answer = call(app, "GET", "/readyz")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    detail = answer.json()["detail"]
    assert detail["part 1"] == "the broker does not answer"
    assert set(detail) == {"part 1", "part 2"}
    assert len(answer.content) < 1_000


def test_a_service_that_has_everything_is_ready(app):
    assert call(app, "GET", "/readyz").json() == {"status": "ready"}


def test_the_metrics_are_in_the_text_format_of_prometheus(app):
    answer = call(app, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE atlas_events_accepted_total counter" in answer.text


def origins(app: FastAPI, origin: str) -> Iterator[str | None]:
    for method in ("GET", "OPTIONS"):
        headers = {"origin": origin, "access-control-request-method": "GET"}
        yield call(app, method, "/readyz", headers=headers).headers.get("access-control-allow-origin")


def test_only_pages_that_are_named_may_call(app):
    assert list(origins(app, "http://page.example")) == ["http://page.example"] * 2
    assert list(origins(app, "http://evil.example")) == [None, None]
    assert list(origins(app, "null")) == [None, None]
