"""Takes secrets out of an event before it is stored, logged or shown to a model."""

import hashlib
import re
from typing import Any, Final

from atlas_core.events import Event

FILTERED: Final = "[Filtered]"

_NAMES: Final = re.compile(
    r"passw(?:or)?d|passwd|secret|token|authorization|cookie|api[-_]?key|apikey|session[-_]?id|sessionid|csrf|"
    r"private[-_]?key|credential|x-api-key",
    re.IGNORECASE,
)
# Bounded repetitions only: time is linear in the text. The first group, where there is one, is kept.
_VALUES: Final = (
    re.compile(r"\batlas_[0-9a-f]{64}\b"),
    re.compile(r"\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/-]{16,2048}={0,2}", re.IGNORECASE),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,2048}\.[A-Za-z0-9_-]{8,1024}"),
    re.compile(r"([a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,128}:)[^\s/@]{1,256}(?=@)", re.IGNORECASE),
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bglpat-[A-Za-z0-9_-]{20,64}\b|\bxox[abprs]-[A-Za-z0-9-]{10,256}\b"),
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)"),
)
_SIGNS: Final = re.compile(r"atlas_|eyJ|://|AKIA|ASIA|gh[pousr]_|glpat-|xox|-----BEGIN|bearer\s|basic\s", re.IGNORECASE)
_CARD: Final = re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-])")
_SPACED: Final = re.compile(r"\d{13}|\d{4}[ -]\d{4}")


def scrub(event: Event) -> Event:
    """Return the event without secrets: by the name of a field, and by what a value looks like.

    A message that had to be changed keeps the SHA-256 of what was reported, so that its issue stays the same.
    """
    message = scrub_text(event.message)
    if message != event.message:
        if event.reported_sha256 is None:
            event.reported_sha256 = hashlib.sha256(event.message.encode()).hexdigest()
        event.message = message
        event.repairs = [*event.repairs, "message"]
    event.stack_trace = scrub_text(event.stack_trace)
    for value in event.exceptions:
        value.value = scrub_text(value.value) if value.value else value.value
        for frame in value.frames:
            frame.vars = _scrub_tree(frame.vars)
    event.user = _scrub_tree(event.user)
    event.request = _scrub_tree(event.request)
    event.contexts = _scrub_tree(event.contexts)
    event.extra = _scrub_tree(event.extra)
    event.tags = _scrub_tree(event.tags)
    event.breadcrumbs = _scrub_tree(event.breadcrumbs)
    return event


def scrub_text(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by `FILTERED`."""
    if _SIGNS.search(text):
        for pattern in _VALUES:
            text = pattern.sub(_keep_lead, text)
    return _CARD.sub(_mask_card, text) if _SPACED.search(text) else text


def _scrub_tree(value: Any) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, dict):
        return {key: FILTERED if _is_secret(key, child) else _scrub_tree(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_scrub_tree(child) for child in value]
    return value


def _is_secret(key: str, value: Any) -> bool:
    return value not in (None, "", {}, []) and _NAMES.search(key) is not None


def _keep_lead(found: re.Match[str]) -> str:
    return (found[1] if found.re.groups else "") + FILTERED


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(digit) for digit in found[0] if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - Luhn's doubling
    return FILTERED if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1 else found[0]
