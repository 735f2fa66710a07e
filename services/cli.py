"""The `atlas` command."""

import logging
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from atlas_core.errors import AtlasError, MisconfiguredError
from atlas_core.settings import Settings, read_settings
from services.supervisor import MISCONFIGURED_EXIT

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Atlas: error monitoring driven by Jupyter. Start with `atlas up`, then `atlas demo`.",
)
console = Console()


@app.command()
def up() -> None:
    """Start everything; Ctrl-C stops it.

    Without further settings the database, the event log and the queue are one embedded PostgreSQL below ATLAS_DATA_DIR
    (default: .atlas). ATLAS_DATABASE_URL, ATLAS_KAFKA_BROKERS and ATLAS_RABBIT_HOST choose real servers instead.
    """
    from services.up import run_everything  # noqa: PLC0415 - `atlas --help` stays quick

    run_everything(read_settings(), console)


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(help="identity, ingestion, issues, alerts, intelligence, dashboards")],
    *,
    lifeline: Annotated[bool, typer.Option(help="Stop when standard input closes.", hidden=True)] = False,
) -> None:
    """Run services in this process, each on its own port; for the distributed profile and for scaling out."""
    from services.serving import serve, stop_when_starter_is_gone  # noqa: PLC0415 - `atlas --help` stays quick

    if lifeline:
        stop_when_starter_is_gone()
    settings = read_settings()
    if names == ["dashboards"]:
        from dashboards.server import main as serve_dashboards  # noqa: PLC0415 - Voila is large

        jwt_key(settings)
        raise typer.Exit(serve_dashboards())
    from services.wiring import SERVICES  # noqa: PLC0415 - `atlas --help` stays quick

    unknown = [name for name in names if name not in SERVICES]
    if unknown:
        also = " (dashboards run in a process of their own)" if "dashboards" in unknown else ""
        raise MisconfiguredError(f"no such service: {', '.join(unknown)}. There are: {', '.join(SERVICES)}{also}")
    key = jwt_key(settings)
    serve([SERVICES[name](settings, key) for name in names], settings.host)


@app.command()
def migrate(
    *,
    first_account: Annotated[bool, typer.Option(help="Then make an account in a database that has none.")] = False,
) -> None:
    """Bring the database's tables to this version; a second call changes nothing."""
    from atlas_core.storage.schema import migrate as bring_up  # noqa: PLC0415 - `atlas --help` stays quick
    from services.channels import database_url  # noqa: PLC0415

    settings = read_settings()
    url = database_url(settings)
    bring_up(url)
    console.print("The database is up to date.")
    if first_account:
        from services.first_account import ACCOUNT_FILE, ensure_first_account  # noqa: PLC0415

        if ensure_first_account(settings, url):
            console.print(f"The first account is in {settings.data_dir / ACCOUNT_FILE}", soft_wrap=True)


@app.command()
def demo(
    *,
    events: Annotated[int, typer.Option(min=1, max=100_000, help="How many events to send.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed sends the same errors.")] = 7,
) -> None:
    """Send a sample application's errors to the running Atlas, and say where to look."""
    from services.demo import send_demo  # noqa: PLC0415 - `atlas --help` stays quick

    send_demo(read_settings(), console, events=events, seed=seed)


@app.command()
def doctor() -> None:
    """Say what runs, what does not, and what to do about it."""
    from services.doctor import report  # noqa: PLC0415 - `atlas --help` stays quick

    raise typer.Exit(report(read_settings(), console))


def jwt_key(settings: Settings) -> str:
    """Return the key that signs tokens: from the settings, or made at first run in a 0600 file.

    Raises:
        MisconfiguredError: The file cannot be read or written.
    """
    if settings.jwt_key is not None:
        return settings.jwt_key
    path = settings.data_dir / "jwt.key"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        write_private(path, secrets.token_hex(32))
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise MisconfiguredError(f"{path} cannot be written ({error.strerror}): set ATLAS_DATA_DIR") from error
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, content: str) -> None:
    """Write a new file that only its owner can read.

    Raises:
        FileExistsError: It exists already; it is left as it is.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content + "\n")


def main() -> None:
    """Run the command; an error raised on purpose is one line, not a traceback."""
    logging.basicConfig(
        level=os.environ.get("ATLAS_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("httpx", "pika", "alembic", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except MisconfiguredError as error:
        sys.stderr.write(f"atlas: {error}\n")
        sys.exit(MISCONFIGURED_EXIT)
    except AtlasError as error:
        sys.stderr.write(f"atlas: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
