"""One event as markup: its exceptions with their code, its breadcrumbs, and what else was sent along."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dashboards.markup import escaped, moment, muted, pill
from dashboards.records import ExceptionValue, Frame, FullEvent, Grouping
from dashboards.stack_trace import SHOWN_FRAMES, stack_html

LONGEST_JSON: Final = 20_000
SHOWN_CRUMBS: Final = 50


def facts_html(event: FullEvent) -> str:
    """Return where and when the event happened, how it was grouped, and its tags."""
    facts = {
        "Environment": event.environment,
        "Release": event.release,
        "Server": event.server_name,
        "Logger": event.logger,
        "Transaction": event.transaction,
        "Platform": event.platform,
    }
    named = "".join(f"<div><dt>{name}</dt><dd>{escaped(text)}</dd></div>" for name, text in facts.items() if text)
    tags = "".join(
        f'<li><span class="atlas-muted">{escaped(key)}</span> {escaped(value)}</li>'
        for key, value in event.tags.items()
    )
    tagged = f'<ul class="atlas-tags">{tags}</ul>' if tags else ""
    return (
        f'<p class="atlas-facts">{pill(event.level)} <span>{moment(event.timestamp)}</span> '
        f'<span class="atlas-mono">{escaped(event.event_id)}</span></p>'
        f'<dl class="atlas-numbers">{named}</dl>{tagged}{_grouped(event.grouping)}'
    )


def exceptions_html(event: FullEvent) -> str:
    """Return the exception that was caught, then those that caused it; the text of the trace without frames."""
    if not any(value.frames for value in event.exceptions):
        return f'<p class="atlas-prose">{escaped(event.message)}</p>{stack_html(event.stack_trace)}'
    chain = [_exception(value, index) for index, value in enumerate(reversed(event.exceptions))]
    text = f'<pre class="atlas-code" tabindex="0">{escaped(event.stack_trace)}</pre>'
    whole = f'<details class="atlas-raw"><summary>As text</summary>{text}</details>' if event.stack_trace else ""
    return "".join(chain) + whole


def crumbs_html(event: FullEvent) -> str:
    """Return what the application did before, latest last; the newest when there are many."""
    crumbs = event.breadcrumbs[-SHOWN_CRUMBS:]
    rows = "".join(
        f"<tr><td>{_crumb_time(crumb.get('timestamp'))}</td><td>{escaped(crumb.get('category') or '-')}</td>"
        f'<td class="atlas-wide">{escaped(crumb.get("message") or _compact(crumb.get("data")) or "-")}</td></tr>'
        for crumb in crumbs
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("When", "Category", "What"))
    return (
        f'<div class="atlas-scroll"><table class="atlas-small"><tr>{heads}</tr>{rows}</table></div>' if crumbs else ""
    )


def more_html(event: FullEvent) -> str:
    """Return what else came along, as JSON, closed."""
    parts = {"User": event.user, "Request": event.request, "Contexts": event.contexts, "Extra": event.extra}
    return "".join(_json_html(name, value) for name, value in parts.items() if value)


def _grouped(grouping: Grouping | None) -> str:
    if grouping is None:
        return ""
    lead = f"Grouped by {escaped(grouping.strategy)}, fingerprint {escaped(grouping.fingerprint[:8])}"
    lines = "".join(f"<li>{escaped(line)}</li>" for line in grouping.explanation)
    return f'<details class="atlas-raw"><summary>{lead}</summary><ul class="atlas-why">{lines}</ul></details>'


def _exception(value: ExceptionValue, index: int) -> str:
    lead = '<span class="atlas-muted">caused by</span> ' if index else ""
    name = ".".join(part for part in (value.module, value.type) if part) or "Exception"
    handled = "" if value.handled is not False else f" {pill('unhandled')}"
    frames = list(reversed(value.frames))[:SHOWN_FRAMES]
    own = next((at for at, frame in enumerate(frames) if frame.in_app), 0)
    items = "".join(_frame(frame, opened=at == own and index == 0) for at, frame in enumerate(frames))
    return (
        f'<h3 class="atlas-exception">{lead}<b>{escaped(name)}</b>{handled}</h3>'
        f'<p class="atlas-prose">{escaped(value.value or "")}</p><ol class="atlas-frames">{items}</ol>'
    )


def _frame(frame: Frame, *, opened: bool) -> str:
    file = frame.filename or frame.abs_path or frame.module or "?"
    where = f"{escaped(file)}:{escaped(frame.lineno or '?')} in <b>{escaped(frame.function or '?')}</b>"
    kind = "atlas-own" if frame.in_app else "atlas-library"
    inside = _code(frame) + _variables(frame.vars)
    if not inside:
        return f'<li class="{kind}"><div class="atlas-where">{where}</div></li>'
    return f'<li class="{kind}"><details{" open" if opened else ""}><summary>{where}</summary>{inside}</details></li>'


def _code(frame: Frame) -> str:
    if frame.context_line is None:
        return ""
    first = (frame.lineno or 1) - len(frame.pre_context)
    lines = [*frame.pre_context, frame.context_line, *frame.post_context]
    here = len(frame.pre_context)
    numbered = [f"{first + at:>5}  {escaped(line)}\n" for at, line in enumerate(lines)]
    numbered[here] = f'<span class="atlas-here">{numbered[here]}</span>'
    shown = "".join(numbered)
    return f'<pre class="atlas-lines-of-code">{shown}</pre>'


def _variables(values: Mapping[str, Any] | None) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(_compact(value))}</td></tr>'
        for name, value in (values or {}).items()
    )
    return f'<table class="atlas-small atlas-variables">{rows}</table>' if rows else ""


def _json_html(name: str, value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    cut = muted(f"Cut after {LONGEST_JSON:,} characters.") if len(text) > LONGEST_JSON else ""
    code = f'<pre class="atlas-code" tabindex="0">{escaped(text[:LONGEST_JSON])}</pre>'
    return f'<details class="atlas-raw"><summary>{name}</summary>{code}{cut}</details>'


def _compact(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _crumb_time(at: object) -> str:
    return moment(at) if isinstance(at, str) else "-"
