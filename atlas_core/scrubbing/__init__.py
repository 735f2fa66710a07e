"""Takes secrets out of an event before it is stored, logged or shown to a model.

A secret is known by the name of its field, or by what it looks like (patterns.py).
"""

import hashlib
import re
from functools import lru_cache
from typing import Any, Final

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick

from atlas_core.events import Event, ExceptionValue
from atlas_core.scrubbing.members import scrub_members
from atlas_core.scrubbing.names import FILTERED, is_secret, may_name_secrets
from atlas_core.scrubbing.patterns import CARD, CARD_DIGITS, COUNTED, ISSUED, NAMED, VALUES

__all__ = ["FILTERED", "may_hold_secrets", "scrub", "scrub_text"]

# All signs are looked for in one pass: some seventy passes would cost more than all else that an event costs.
_SIGNS: Final = [(sign, expression) for signs, expression in VALUES for sign in signs]
_TEXT_SIGNS: Final = AhoCorasick([*(sign for sign, _ in _SIGNS), *NAMED])
_VALUE_SIGNS: Final = BytesAhoCorasick([sign.encode() for sign, _ in _SIGNS])
# Every digit becomes 0, so that a long enough run of them is one look-up.
_DIGITS: Final = bytes(ord("0") if chr(byte) in "0123456789" else ord(".") for byte in range(256))
_SHORTEST: Final = 8
_SMALLEST_CARD: Final = 10 ** (CARD_DIGITS - 1)
_EVENT_TEXTS: Final = (
    "type", "template", "transaction", "environment", "release", "dist", "server_name", "logger",
)  # fmt: skip


def may_hold_secrets(encoded: bytes) -> bool:
    """Tell whether `scrub` could change the event of this JSON; a no is certain, and cheap to get."""
    lowered = encoded.lower()
    return bool(
        _VALUE_SIGNS.find_matches_as_indexes(lowered)
        or may_name_secrets(lowered)
        or b"0" * CARD_DIGITS in encoded.translate(_DIGITS, b" -")
    )


def scrub(event: Event) -> Event:
    """Return the event, changed in place, without secrets.

    A message that had to be changed keeps the SHA-256 of what was reported, so that its issue stays the same.
    """
    message = scrub_text(event.message)
    if message != event.message:
        if event.reported_sha256 is None:
            event.reported_sha256 = hashlib.sha256(event.message.encode()).hexdigest()
        event.message = message
        event.repairs = [*event.repairs, "message"]
    event.stack_trace = scrub_text(event.stack_trace)
    _scrub_fields(event, _EVENT_TEXTS)
    for value in event.exceptions:
        _scrub_exception(value)
    event.fingerprint = [scrub_text(part) for part in event.fingerprint]
    event.breadcrumbs = [_scrub_tree(crumb) for crumb in event.breadcrumbs]
    event.user, event.request, event.raw = map(_scrub_tree, (event.user, event.request, event.raw))
    event.contexts, event.extra, event.tags = map(_scrub_tree, (event.contexts, event.extra, event.tags))
    event.sdk = _scrub_tree(event.sdk)
    return event


def scrub_text(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by `FILTERED`."""
    if len(text) < _SHORTEST:
        return text
    found = sorted({match[0] for match in _TEXT_SIGNS.find_matches_as_indexes(text.lower(), overlapping=True)})
    for expression in dict.fromkeys(_SIGNS[index][1] for index in found if index < len(_SIGNS)):
        text = expression.sub(_filtered, text)
    if found and found[-1] >= len(_SIGNS) and (":" in text or "=>" in text):
        text = scrub_members(text)
    return CARD.sub(_mask_card, text) if len(text) >= CARD_DIGITS else text


def _scrub_fields(record: Event | ExceptionValue, names: tuple[str, ...]) -> None:
    texts = {name: text for name in names if (text := getattr(record, name))}
    together = "\n".join(texts.values())  # short ones, rarely with a secret: one look for all
    if scrub_text(together) != together:
        for name, text in texts.items():
            setattr(record, name, scrub_text(text))


def _scrub_exception(value: ExceptionValue) -> None:
    _scrub_fields(value, ("type", "value", "module"))
    value.mechanism = _scrub_tree(value.mechanism)
    for frame in value.frames:
        frame.vars = _scrub_tree(frame.vars)
        frame.context_line = scrub_text(frame.context_line) if frame.context_line else frame.context_line
        frame.pre_context = [scrub_text(line) for line in frame.pre_context]
        frame.post_context = [scrub_text(line) for line in frame.post_context]


def _scrub_tree(value: Any) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, dict):
        return {_scrub_key(key): _scrub_member(key, child) for key, child in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004 - headers come as pairs too
            return [scrub_text(value[0]), _scrub_member(value[0], value[1])]
        return [_scrub_tree(child) for child in value]
    if type(value) is int and value > _SMALLEST_CARD and _is_card(str(value)):
        return FILTERED
    return value


@lru_cache(maxsize=4096)
def _scrub_key(name: str) -> str:
    return scrub_text(name)


def _scrub_member(name: str, value: Any) -> Any:
    if type(value) is int and (name == "id" or name.lower().endswith(COUNTED)):
        return FILTERED if is_secret(name) else value
    return FILTERED if value not in (None, "", {}, []) and is_secret(name) else _scrub_tree(value)


def _filtered(found: re.Match[str]) -> str:
    is_code = found.re.groups > 1 and found["code"] is not None
    return found[0] if is_code else f"{found[1]}{FILTERED}"


def _mask_card(found: re.Match[str]) -> str:
    return FILTERED if _is_card(found[0].replace(" ", "").replace("-", "")) else found[0]


def _is_card(text: str) -> bool:
    if not ISSUED.fullmatch(text):
        return False
    digits = [int(digit) for digit in text]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 - Luhn's doubling
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1
