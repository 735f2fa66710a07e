"""The only module of the dashboards that talks HTTP to the services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from dashboards.records import (
    Alert,
    Audited,
    FullEvent,
    Insight,
    InsightWait,
    IntakeHour,
    Issue,
    IssuePage,
    Overview,
    Project,
    RecentEvent,
)

Answer = TypeVar("Answer")

TIMEOUT_S: Final = 10.0
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
CONFLICT: Final = 409
_REFUSALS: Final = frozenset({400, CONFLICT, 422})


@dataclass(frozen=True)
class ServiceUrls:
    """Base URLs of the services that the dashboards ask."""

    identity: str = "http://127.0.0.1:8080"
    issues: str = "http://127.0.0.1:8082"
    intelligence: str = "http://127.0.0.1:8083"
    alerts: str = "http://127.0.0.1:8084"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "ServiceUrls":
        """Return the URLs in `ATLAS_<SERVICE>_URL`; the default port of this machine where one is unset."""
        names = {name: environ.get(f"ATLAS_{name.upper()}_URL") for name in cls.__dataclass_fields__}
        return cls(**{name: url.rstrip("/") for name, url in names.items() if url})

    def as_environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads."""
        return {f"ATLAS_{name.upper()}_URL": getattr(self, name) for name in self.__dataclass_fields__}


class ApiError(Exception):
    """A service refused, or did not answer; the text is for the reader of the page."""


class SessionEndedError(ApiError):
    """The visitor's token is no longer accepted."""


class MissingError(ApiError):
    """There is no such thing, or the visitor may not see it."""


class RefusedError(ApiError):
    """It cannot be done; the text is the service's own, `detail` what it says to programs."""

    def __init__(self, text: str, detail: Any = None) -> None:
        super().__init__(text)
        self.detail = detail


class StaleError(RefusedError):
    """Somebody changed it since it was shown; nothing was done."""


class _Refusal(msgspec.Struct):
    error: str
    detail: Any = None


class _Projects(msgspec.Struct):
    projects: list[Project]


class _Issue(msgspec.Struct):
    issue: Issue


class _Events(msgspec.Struct):
    events: list[RecentEvent]


class _Event(msgspec.Struct):
    event: FullEvent


class _Alerts(msgspec.Struct):
    alerts: list[Alert]


class _Unread(msgspec.Struct):
    unread_count: int


class _Insight(msgspec.Struct):
    insight: Insight


class _Audit(msgspec.Struct):
    audit: list[Audited]


class _Intake(msgspec.Struct):
    hours: list[IntakeHour]


class _Token(msgspec.Struct):
    token: str


class Client:
    """Asks the services in the visitor's name; the token never leaves this object."""

    def __init__(self, urls: ServiceUrls, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._urls = urls
        # trust_env=False: a proxy variable must not carry the token off this host.
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )

    async def projects(self) -> list[Project]:
        """Return the visitor's projects."""
        return (await self._get("identity", "/project/projects", _Projects)).projects

    async def issues(
        self, project_id: str, *, query: str = "", sort: str = "last_seen", limit: int = 50, cursor: str | None = None
    ) -> IssuePage:
        """Return a page of the issues that a query asks for, the most of `sort` first; stack traces are cut.

        Raises:
            RefusedError: The query cannot be read; `detail` has the `position` where it goes wrong.
        """
        asked = {"query": query, "sort": sort, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return await self._get("issues", f"/projects/{part(project_id)}/issues?{urlencode(asked)}", IssuePage)

    async def issue(self, project_id: str, issue_id: str) -> Issue:
        """Return one issue with its whole stack trace.

        Raises:
            MissingError: The project has no such issue.
        """
        path = f"/projects/{part(project_id)}/issues/{part(issue_id)}"
        return (await self._get("issues", path, _Issue)).issue

    async def overview(self, project_id: str) -> Overview:
        """Return the project's numbers."""
        return await self._get("issues", f"/projects/{part(project_id)}/overview", Overview)

    async def events(self, project_id: str, issue_id: str, limit: int = 10) -> list[RecentEvent]:
        """Return the latest events of an issue, newest first."""
        path = f"/projects/{part(project_id)}/events?issue_id={part(issue_id)}&limit={limit}"
        return (await self._get("issues", path, _Events)).events

    async def event(self, project_id: str, event_id: str) -> FullEvent:
        """Return one event whole.

        Raises:
            MissingError: The project has no such event, or it is no longer kept.
        """
        return (await self._get("issues", f"/projects/{part(project_id)}/events/{part(event_id)}", _Event)).event

    async def alerts(self, project_id: str) -> list[Alert]:
        """Return the project's latest alerts, newest first."""
        return (await self._get("alerts", f"/projects/{part(project_id)}/alerts", _Alerts)).alerts

    async def unread_alerts(self, project_id: str) -> int:
        """Return how many alerts nobody has acknowledged."""
        return (await self._get("alerts", f"/projects/{part(project_id)}/alerts/unread", _Unread)).unread_count

    async def acknowledge(self, alert_id: str) -> None:
        """Mark an alert as seen; a second call changes nothing."""
        await self.send("POST", "alerts", f"/alerts/{part(alert_id)}/acknowledge", dict[str, str])

    async def insight(self, issue_id: str) -> Insight | InsightWait:
        """Return the insight of an issue, or why there is none yet."""
        response = await self._request("GET", "intelligence", f"/issues/{part(issue_id)}/insight")
        if response.status_code == NOT_FOUND:
            return _decoded(response, InsightWait, "intelligence")
        return _decoded(_checked(response, "intelligence"), _Insight, "intelligence").insight

    async def audit(self, project_id: str) -> list[Audited]:
        """Return the newest hundred lines of the project's audit, newest first."""
        return (await self._get("issues", f"/projects/{part(project_id)}/audit?limit=100", _Audit)).audit

    async def intake(self, project_id: str, hours: int) -> list[IntakeHour]:
        """Return what became of all that was sent to the project in the last `hours`, newest hour first."""
        return (await self._get("issues", f"/projects/{part(project_id)}/intake?hours={hours}", _Intake)).hours

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, method: str, service: str, path: str, shape: type[Answer], body: object = None) -> Answer:
        """Return a service's answer to a request of the visitor's.

        Raises:
            ApiError: There is none, or another one; the class says which.
        """
        return _decoded(_checked(await self._request(method, service, path, body), service), shape, service)

    async def _get(self, service: str, path: str, shape: type[Answer]) -> Answer:
        return await self.send("GET", service, path, shape)

    async def _request(self, method: str, service: str, path: str, body: object = None) -> httpx.Response:
        try:
            return await self._http.request(method, getattr(self._urls, service) + path, json=body)
        except httpx.HTTPError as error:
            raise ApiError(f"The {service} service does not answer.") from error


async def sign_in(
    identity_url: str, email: str, password: str, transport: httpx.AsyncBaseTransport | None = None
) -> str | None:
    """Return the token of this account, or None when the email or the password is wrong.

    Raises:
        ApiError: The identity service does not answer, or not as agreed.
    """
    async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport, trust_env=False) as http:
        try:
            response = await http.post(f"{identity_url}/auth/signin", json={"email": email, "password": password})
        except httpx.HTTPError as error:
            raise ApiError("The identity service does not answer.") from error
    if response.status_code in {400, UNAUTHORIZED, 422}:
        return None
    return _decoded(_checked(response, "identity"), _Token, "identity").token


async def answers(url: str) -> bool:
    """Return whether the service at `url` says that it is alive."""
    async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
        try:
            return (await http.get(f"{url}/healthz")).is_success
        except httpx.HTTPError:
            return False


def part(text: str) -> str:
    """Return `text` as one part of a path or a query."""
    return quote(text, safe="")


def _checked(response: httpx.Response, service: str) -> httpx.Response:
    if response.status_code == UNAUTHORIZED:
        raise SessionEndedError("Your session has ended.")
    if response.status_code == NOT_FOUND:
        raise MissingError("There is no such thing here, or you may not see it.")
    if response.status_code in _REFUSALS:
        refusal = _decoded(response, _Refusal, service)
        kind = StaleError if response.status_code == CONFLICT else RefusedError
        raise kind(refusal.error, refusal.detail)
    if not response.is_success:
        raise ApiError(f"The {service} service answered {response.status_code}.")
    return response


def _decoded(response: httpx.Response, shape: type[Answer], service: str) -> Answer:
    try:
        return msgspec.json.decode(response.content, type=shape)
    except msgspec.DecodeError as error:
        raise ApiError(f"The {service} service gave an answer that this page does not understand.") from error
