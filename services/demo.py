"""`atlas demo`: a sample application's errors, sent as an application would send them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
from rich.console import Console
from rich.progress import Progress

from atlas_core.errors import AtlasError, MisconfiguredError, TransientError
from atlas_core.settings import Settings
from data.history import Native, history
from services.first_account import ACCOUNT_FILE, read_account

TRIES = 20


def send_demo(settings: Settings, console: Console, *, events: int, seed: int) -> None:
    """Make sure that the first project has a `new_issue` rule, send a seeded history, say where to look.

    Raises:
        MisconfiguredError: There is no first account here.
        TransientError: Atlas does not answer.
    """
    account = read_account(settings.data_dir)
    if account is None:
        raise MisconfiguredError(
            f"{settings.data_dir / ACCOUNT_FILE} is missing: start Atlas first (`atlas up`), in the same folder or "
            "with the same ATLAS_DATA_DIR"
        )
    where = settings.addresses
    with httpx.Client(timeout=10) as http:
        try:
            _ensure_rules(http, where, account)
            until = datetime.now(UTC)
            with Progress(console=console) as progress:
                for event in progress.track(list(history(events, seed=seed, until=until)), description="Sending"):
                    _send(http, where["ingestion"], account["api_key"], event)
        except httpx.HTTPError as error:
            raise TransientError(f"Atlas does not answer ({error}): is `atlas up` running?") from error
    page = f"http://{settings.public_host}:{settings.ports.dashboards}"
    console.print(f"Sent {events:,} events. Look at {page} ({account['email']} / {account['password']})")


def _ensure_rules(http: httpx.Client, where: Mapping[str, str], account: dict[str, str]) -> None:
    body = {"email": account["email"], "password": account["password"]}
    token = _ok(http.post(f"{where['identity']}/auth/signin", json=body)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    rules = f"{where['alerts']}/projects/{account['project_id']}/rules"
    known = {rule["condition"] for rule in _ok(http.get(rules, headers=headers)).json()["rules"]}
    wanted = [
        {"name": "A new kind of error", "condition": "new_issue", "threshold": 0},
        {"name": "More than 50 of one error", "condition": "count_threshold", "threshold": 50},
    ]
    for rule in wanted:
        if rule["condition"] not in known:
            _ok(http.post(rules, json=rule, headers=headers))


def _send(http: httpx.Client, ingestion: str, api_key: str, event: Native) -> None:
    for _ in range(TRIES):
        answer = http.post(f"{ingestion}/api/ingest/events", json=event, headers={"X-API-Key": api_key})
        if answer.status_code not in {429, 503}:
            _ok(answer)
            return
        time.sleep(min(float(answer.headers.get("retry-after", "1")), 5))
    raise TransientError("ingestion keeps answering that it cannot take events now; see `atlas doctor`")


def _ok(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    raise AtlasError(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")
