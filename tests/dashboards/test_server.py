import json
import re
import uuid
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from atlas_core.errors import MisconfiguredError
from dashboards.front import safe_next
from dashboards.server import main
from dashboards.sessions import read_session
from dashboards.settings import DashboardSettings, settings_from_environment
from tests.dashboards.conftest import SECRET, Dashboards, Serve
from tests.dashboards.fake_api import EMAIL, JWT_KEY, OTHER_EMAIL, FakeApi, World, token_of

pytestmark = pytest.mark.slow
OTHER_KEY = "another-key-another-key-another-key-another"


def open_page(server: Dashboards, email: str = EMAIL, path: str = "/issues") -> tuple[str, str]:
    """Fetch a page as a signed-in visitor; the id of its kernel and its HTML."""
    with server.visitor(email) as visitor:
        page = visitor.get(path)
    assert page.status_code == 200, page.text
    found = re.search(r'"kernelId": "([0-9a-f-]+)"', page.text)
    assert found
    return found[1], page.text


def socket_of(server: Dashboards, kernel_id: str, email: str | None) -> ClientConnection:
    """The kernel's websocket, as this visitor."""
    address = f"{server.url.replace('http', 'ws')}/api/kernels/{kernel_id}/channels?session_id={uuid.uuid4().hex}"
    headers = {"Cookie": f"atlas_session={token_of(email)}"} if email else {}
    return connect(address, additional_headers=headers, proxy=None)


def test_without_a_session_there_is_a_sign_in_page_and_no_kernel(server: Dashboards) -> None:
    answer = httpx.get(f"{server.url}/issues?project=p", trust_env=False, follow_redirects=True)
    assert "Sign in to Atlas" in answer.text
    assert answer.url.path == "/sign-in"
    assert 'value="/issues?project=p"' in answer.text
    assert server.kernels() == 0


@pytest.mark.parametrize(
    "token",
    [token_of(EMAIL, key=OTHER_KEY), token_of(EMAIL, life_s=-10), token_of(EMAIL, aud="else"), "nonsense", ""],
    ids=["forged", "expired", "of another audience", "nonsense", "empty"],
)
def test_a_token_that_identity_did_not_sign_is_no_session(server: Dashboards, token: str) -> None:
    answer = httpx.get(f"{server.url}/issues", cookies={"atlas_session": token}, trust_env=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/sign-in")
    assert read_session(token, JWT_KEY) is None


def test_a_wrong_password_stays_on_the_sign_in_page(server: Dashboards, form: dict[str, str]) -> None:
    answer = httpx.post(f"{server.url}/sign-in", data=form | {"password": "wrong"}, trust_env=False)
    assert answer.status_code == 401
    assert "Wrong email or password." in answer.text
    assert "set-cookie" not in answer.headers


def test_signing_in_sets_a_cookie_that_no_script_and_no_other_site_can_use(
    server: Dashboards, form: dict[str, str]
) -> None:
    answer = httpx.post(f"{server.url}/sign-in", data=form, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/issues")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Lax" in answer.headers["set-cookie"]


def test_signing_in_from_another_site_is_refused(server: Dashboards, form: dict[str, str]) -> None:
    headers = {"Origin": "https://evil.example"}
    assert httpx.post(f"{server.url}/sign-in", data=form, headers=headers, trust_env=False).status_code == 403


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/sign-out", "/a\nb"]
)
def test_signing_in_never_leads_to_another_site(path: str) -> None:
    assert safe_next(path) == "/issues"


def test_a_foreign_host_name_is_refused_on_every_route(server: Dashboards) -> None:
    for path in ("/", "/issues", "/healthz", "/sign-in", "/voila/templates/atlas/static/atlas.css"):
        answer = httpx.get(f"{server.url}{path}", headers={"Host": "rebound.example"}, trust_env=False)
        assert answer.status_code == 403, path


def test_health_answers_without_a_session_and_starts_no_kernel(server: Dashboards) -> None:
    assert httpx.get(f"{server.url}/healthz", trust_env=False).json() == {"status": "ok"}
    assert server.kernels() == 0


def test_readiness_names_the_service_that_does_not_answer(serve: Serve) -> None:
    with serve(api="http://127.0.0.1:9") as alone:
        answer = httpx.get(f"{alone.url}/readyz", trust_env=False)
        assert answer.status_code == 503
        assert "identity" in answer.json()["error"]


def test_there_is_one_way_in(server: Dashboards) -> None:
    with server.visitor() as visitor:
        for path in ("/", "/voila/tree", "/voila/render/issues.ipynb", "/voila/files/server.py", "/voila/api/contents"):
            assert visitor.get(path).headers["location"] == "/issues", path
        assert visitor.get("/nowhere").status_code == 404
    assert server.kernels() == 0


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fx", "x", "atlas/x", "", "atlas/static/..%2f..%2fconf.json", "atlas/static/nothing", "..%2fx/static/x/y",
     "none/static/x", "atlas/static/", "atlas%5cstatic%5cx", "atlas/static/%00"],
)  # fmt: skip
def test_a_template_has_no_other_files_than_its_own(server: Dashboards, path: str) -> None:
    logged = len(server.log.read_text())
    answer = httpx.get(f"{server.url}/voila/templates/{path}", trust_env=False)
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text
    assert "Traceback" not in server.log.read_text()[logged:]


@pytest.mark.parametrize("path", ["static/%00", "labextensions/%00", "api/themes/x%00y"])
def test_a_path_with_nul_leads_nowhere(server: Dashboards, path: str) -> None:
    logged = len(server.log.read_text())
    assert httpx.get(f"{server.url}/voila/{path}", trust_env=False).status_code == 404
    assert "Traceback" not in server.log.read_text()[logged:]


def test_a_page_shows_no_source_and_allows_no_inline_script(server: Dashboards) -> None:
    with server.visitor() as visitor:
        answer = visitor.get("/issues")
    assert "issues_page" not in answer.text
    assert "https://" not in re.sub(r'"https?://[^"]*" *: *null', "", answer.text)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' blob:;" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    scripts = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", answer.text)
    assert all("json" in attributes for attributes in scripts), scripts


def test_a_kernel_knows_its_visitor_and_no_secret_of_the_server(server: Dashboards) -> None:
    open_page(server, path="/issues?project=p")
    (kernel,) = server.kernel_processes()
    environ = kernel.environ()
    assert environ["QUERY_STRING"] == "project=p"
    assert not {"ATLAS_JWT_KEY", "ATLAS_DATABASE_URL", "HTTP_COOKIE"} & set(environ)
    assert SECRET not in str(environ)
    assert JWT_KEY not in str(environ)


def test_nobody_else_may_touch_a_kernel(server: Dashboards) -> None:
    kernel_id, _page = open_page(server)
    with server.visitor(OTHER_EMAIL) as other:
        assert other.get(f"/api/kernels/{kernel_id}").status_code == 403
        assert other.delete(f"/api/kernels/{kernel_id}").status_code == 403
        assert other.post(f"/voila/api/shutdown/{kernel_id}").status_code == 403
    for email in (OTHER_EMAIL, None):
        with pytest.raises(InvalidStatus, match="403"):
            socket_of(server, kernel_id, email)
    assert server.kernels() == 1


def test_code_sent_over_the_websocket_is_not_executed(server: Dashboards, tmp_path: Path) -> None:
    kernel_id, _page = open_page(server)
    mark = tmp_path / "executed"
    code = {"code": f"open({str(mark)!r}, 'w').close()", "silent": False, "store_history": False}
    with socket_of(server, kernel_id, EMAIL) as socket:
        for kind, content in (("execute_request", code), ("kernel_info_request", {})):
            header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "username": "", "version": "5.3"}
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
            socket.send(json.dumps(message | {"buffers": []}))
        kinds = []
        while "kernel_info_reply" not in kinds:
            kinds.append(json.loads(socket.recv(20))["header"]["msg_type"])
    assert "execute_reply" not in kinds
    assert not mark.exists()


def test_closing_the_tab_ends_the_kernel(server: Dashboards) -> None:
    kernel_id, _page = open_page(server)
    with server.visitor() as visitor:
        assert visitor.post(f"/voila/api/shutdown/{kernel_id}", headers={"Sec-Fetch-Site": "cross-site"}).is_error
        assert server.kernels() == 1
        assert visitor.post(f"/voila/api/shutdown/{kernel_id}").status_code == 204
    server.wait_for_kernels(0)


def test_signing_out_ends_the_kernels_of_the_session(server: Dashboards) -> None:
    with server.visitor() as visitor:
        visitor.get("/issues")
        assert server.kernels() == 1
        answer = visitor.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert 'atlas_session=""' in answer.headers["set-cookie"]
    server.wait_for_kernels(0)


def test_signing_out_ends_the_session_and_not_only_the_cookie(server: Dashboards) -> None:
    with server.visitor() as visitor:
        assert visitor.post("/sign-out").status_code == 303
    with server.visitor() as copied:  # who has kept the cookie
        answer = copied.get("/issues?project=p")
    assert (answer.status_code, answer.headers["location"]) == (302, "/sign-in?next=%2Fissues%3Fproject%3Dp")
    assert 'atlas_session=""' in answer.headers["set-cookie"]
    assert server.kernels() == 0


def test_a_session_that_ended_elsewhere_starts_no_kernel_and_leads_to_signing_in(
    server: Dashboards, world: World
) -> None:
    world.ended.add(token_of(EMAIL))
    with server.visitor(follow_redirects=True) as visitor:
        answer = visitor.get("/issues?project=p")
        assert "Sign in to Atlas" in answer.text
        assert visitor.get("/sign-in?next=/issues").status_code == 200
    with server.visitor() as visitor:  # its cookie again
        assert "Sign in to Atlas" in visitor.get("/sign-in?next=/intake").text
        world.ended.clear()
        assert visitor.get("/sign-in?next=/intake").headers["location"] == "/intake"
    assert server.kernels() == 0


def test_without_identity_there_is_no_page_and_signing_out_says_what_it_could_not_do(
    server: Dashboards, world: World
) -> None:
    world.broken.add("auth")
    with server.visitor() as visitor:
        page = visitor.get("/issues")
        assert (page.status_code, page.headers["retry-after"]) == (503, "5")
        assert "The identity service answered 503." in page.text
        answer = visitor.post("/sign-out")
    assert answer.status_code == 503
    assert "Signed out of this browser only" in answer.text
    assert 'atlas_session=""' in answer.headers["set-cookie"]
    world.broken.clear()
    assert server.kernels() == 0


def test_a_page_beyond_the_limit_says_so_and_lonely_kernels_end(serve: Serve, api: FakeApi, world: World) -> None:
    assert world.projects
    with serve(api=api.url, max_kernels=1, lonely_kernel_s=10) as small, small.visitor() as visitor:
        assert visitor.get("/issues").status_code == 200
        busy = visitor.get("/issues")
        assert busy.status_code == 503
        assert "Atlas is busy" in busy.text
        small.wait_for_kernels(0)


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    environ = {"ATLAS_DATA_DIR": str(tmp_path), "ATLAS_JWT_KEY": JWT_KEY, "ATLAS_ISSUES_URL": "http://issues:1/"}
    settings = settings_from_environment(environ | {"ATLAS_IDENTITY_PORT": "9000", "ATLAS_DASHBOARDS_HOSTS": "a, b"})
    assert settings.urls.issues == "http://issues:1"
    assert settings.urls.identity == "http://127.0.0.1:9000"
    assert settings.allowed_hosts[-2:] == ("a", "b")
    assert JWT_KEY not in repr(settings)


def test_without_a_key_the_one_kept_on_disk_is_used_and_none_is_an_error(tmp_path: Path) -> None:
    environ = {"ATLAS_DATA_DIR": str(tmp_path)}
    with pytest.raises(MisconfiguredError, match="ATLAS_JWT_KEY"):
        settings_from_environment(environ)
    (tmp_path / "jwt.key").write_text(JWT_KEY + "\n")
    assert settings_from_environment(environ).jwt_key == JWT_KEY


def test_a_short_key_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(DashboardSettings(jwt_key="short")) == 78
    assert "ATLAS_JWT_KEY" in capsys.readouterr().err


def test_an_error_in_a_page_is_in_the_log_and_not_on_the_page(
    serve: Serve, api: FakeApi, world: World, tmp_path: Path
) -> None:
    assert world.projects
    (tmp_path / "anywidget.py").write_text("raise RuntimeError('the-detail')")
    with serve(api=api.url, python_path=str(tmp_path)) as server, server.visitor() as visitor:
        page = visitor.get("/issues").text
        assert "There was an error" in page
        assert "the-detail" not in page
        assert "the-detail" in server.log.read_text()
