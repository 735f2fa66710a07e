"""What `atlas up` does: the database, the tables, a first account, the processes, the addresses."""

import time

from rich.console import Console

from atlas_core.embedded import EmbeddedPostgres
from atlas_core.settings import Settings
from atlas_core.storage.schema import migrate
from services.cli import jwt_key
from services.first_account import ACCOUNT_FILE, ensure_first_account
from services.supervisor import GROUPS, Child, Supervisor, all_answer, child_environment, run_command


def run_everything(settings: Settings, console: Console) -> None:
    """Start everything and stay until Ctrl-C or SIGTERM.

    Raises:
        MisconfiguredError: It cannot run like this; the text says what to do.
        TransientError: The database does not answer.
    """
    started = time.monotonic()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    postgres = EmbeddedPostgres(settings.data_dir) if settings.database_url is None else None
    url = postgres.start() if postgres else str(settings.database_url)
    try:
        migrate(url)
        account = ensure_first_account(settings, url)
        key_file = settings.data_dir / "jwt.key"
        jwt_key(settings)
    except BaseException:
        if postgres:
            postgres.stop()
        raise
    extra = {"ATLAS_DATABASE_URL": url, "ATLAS_DATA_DIR": str(settings.data_dir)}
    if settings.jwt_key is None:
        extra["ATLAS_JWT_KEY_FILE"] = str(key_file)
    children = [Child(name, run_command(names), child_environment(extra)) for name, names in GROUPS.items()]
    checks = [f"{address}/readyz" for address in settings.addresses.values()]

    def welcome() -> None:
        # Never wrapped: its lines are there to be pasted.
        console.print(_welcome(settings, account, time.monotonic() - started), soft_wrap=True, highlight=False)

    Supervisor(postgres, children).run(lambda: all_answer(checks), welcome)


def _welcome(settings: Settings, account: dict[str, str] | None, took_s: float) -> str:
    host = settings.public_host
    lines = [f"[bold]Atlas is ready[/] after {took_s:.1f} s. Ctrl-C stops it; nothing is lost.", ""]
    lines += [
        f"  {name:<13} http://{host}:{getattr(settings.ports, name)}" for name in settings.ports.__struct_fields__
    ]
    if account:
        lines += [
            "",
            f"[bold]Sign in[/] at http://{host}:{settings.ports.dashboards}",
            f"  e-mail    {account['email']}",
            f"  password  {account['password']}",
            "",
            "[bold]Report errors[/] from Python:",
            "  import atlas_sdk",
            f'  client = atlas_sdk.Client("{account["api_key"]}", "http://{settings.ingest_host}")',
            "  client.capture_message('hello', 'info')",
            "or point any Sentry SDK at this DSN:",
            f"  {account['dsn']}",
            "",
            f"(kept in {settings.data_dir / ACCOUNT_FILE})",
        ]
    lines += ["", "Try it: [bold].venv/bin/atlas demo[/] in another terminal.", ""]
    return "\n".join(lines)
