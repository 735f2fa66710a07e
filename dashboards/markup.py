"""HTML from API strings; everything that a service said goes through `escaped` on its way into a page."""

import html
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

_WORD: Final = re.compile(r"[a-z]+")


def escaped(value: object) -> str:
    """Return `value` as text that cannot be read as markup, in an element or in a quoted attribute."""
    return html.escape(str(value), quote=True)


def pill(word: str) -> str:
    """Return a coloured label; an unknown word gets the neutral colour."""
    kind = word.lower() if _WORD.fullmatch(word.lower()) else "unknown"
    return f'<span class="atlas-pill atlas-is-{kind}">{escaped(word)}</span>'


def moment(at: str | None) -> str:
    """Return a time that the browser words in the reader's zone ("3 min ago", the exact one on hover)."""
    return f'<time datetime="{escaped(at)}">{escaped(at)}</time>' if at else "never"


def clock(at: str) -> str:
    """Return a time that the browser words as a day and an hour in the reader's zone."""
    return f'<time datetime="{escaped(at)}" data-form="clock">{escaped(at)}</time>'


def here(params: Mapping[str, str]) -> str:
    """Return a link to this page with other parameters; the page follows it without being loaded again."""
    return there("", params)


def there(page: str, params: Mapping[str, str]) -> str:
    """Return a link to another page."""
    return escaped(f"{page}?{urlencode(params)}")


def muted(text: str) -> str:
    """Return plain text in the quiet colour."""
    return f'<p class="atlas-muted">{escaped(text)}</p>'


def problem(text: str) -> str:
    """Return plain text that a screen reader announces at once."""
    return f'<p class="atlas-problem" role="alert">{escaped(text)}</p>'


def counted(number: int, noun: str) -> str:
    """Return "1 event", "1,204 events"."""
    return f"{number:,} {escaped(noun)}{'' if number == 1 else 's'}"
