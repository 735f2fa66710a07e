"""`atlas doctor`: what answers, what does not, and what to do."""

import httpx
from rich.console import Console
from rich.table import Table

from atlas_core.errors import TransientError
from atlas_core.language_models.ollama import OllamaModel
from atlas_core.settings import Settings


def report(settings: Settings, console: Console) -> int:
    """Print the state of every service and of Ollama; return 0 when every service is ready, else 1."""
    table = Table("", "state", "what to do")
    problems = 0
    for name, address in settings.addresses.items():
        state, advice = _ask(address)
        problems += bool(advice)
        table.add_row(name, state, advice)
    table.add_row("ollama", *_ask_ollama(settings))
    console.print(table)
    return 1 if problems else 0


def _ask(address: str) -> tuple[str, str]:
    try:
        answer = httpx.get(f"{address}/readyz", timeout=5)
    except httpx.HTTPError:
        return "[red]down[/]", f"nothing answers at {address}: start it with `atlas up`"
    if answer.is_success:
        return "[green]ready[/]", ""
    return "[yellow]not ready[/]", answer.text[:300]


def _ask_ollama(settings: Settings) -> tuple[str, str]:
    try:
        OllamaModel(settings.ollama.url, settings.ollama.model).check()
    except TransientError as error:
        return "[yellow]waiting[/]", f"insights wait, all else works: {error}"
    return "[green]ready[/]", ""
