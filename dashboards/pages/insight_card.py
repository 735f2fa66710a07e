"""The insight of one issue: asked for until it is there, for a minute at most."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import ipywidgets

from dashboards.client import ApiError, Client, SessionEndedError
from dashboards.markup import escaped, muted, problem
from dashboards.polling import Sleep
from dashboards.records import Insight, InsightWait

BUDGET_S: Final = 60.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 5.0


class InsightCard(ipywidgets.HTML):
    """Shows the insight, or why there is none."""

    def __init__(
        self, client: Client, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.add_class("atlas-card")
        self._client = client
        self._sleep = sleep
        self._clock = clock

    async def follow(self, issue_id: str) -> None:
        """Ask for the insight of the issue until it is ready, failed or a minute has passed.

        Raises:
            SessionEndedError: The token is no longer accepted.
        """
        ends_at = self._clock() + BUDGET_S
        wait_s = _FIRST_WAIT_S
        self._show("pending", muted("Asking for the insight…"))
        while not await self._asked(issue_id) and self._clock() + wait_s < ends_at:
            await self._sleep(wait_s)
            wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)
        if self._pending:
            self._show("timeout", f"{self._body}{muted('Not ready after a minute. Reload the page to look again.')}")

    async def _asked(self, issue_id: str) -> bool:
        try:
            answer = await self._client.insight(issue_id)
        except SessionEndedError:
            raise
        except ApiError as error:
            self._show("error", problem(f"{error} Trying again."))
            return False
        if isinstance(answer, Insight):
            self._show("ready", insight_html(answer))
            return True
        self._show(answer.state, wait_html(answer))
        return answer.state == "failed"  # "none" may only mean that the issue is very new

    def _show(self, state: str, body: str) -> None:
        self._pending = state not in {"ready", "failed", "none"}
        self._body = body
        self.value = f'<h2>AI insight</h2><div role="status" data-insight="{escaped(state)}">{body}</div>'


def insight_html(insight: Insight) -> str:
    """Return an insight as headed paragraphs, with what made it."""
    parts = [f'<p class="atlas-lead">{escaped(insight.summary)}</p>']
    evidence = insight.evidence if isinstance(insight.evidence, str) else "\n".join(map(str, insight.evidence or ()))
    sections = {"Root cause": insight.root_cause, "Remediation": insight.remediation, "Evidence": evidence}
    parts += [f'<h3>{title}</h3><p class="atlas-prose">{escaped(text)}</p>' for title, text in sections.items() if text]
    made = [insight.model_used or "", f"{insight.tokens_used:,} tokens" if insight.tokens_used else ""]
    parts.append(muted(" · ".join(word for word in made if word)))
    return "".join(parts)


def wait_html(wait: InsightWait) -> str:
    """Return why there is no insight yet, in the service's own words."""
    words = {
        "pending": "The insight is not written yet.",
        "failed": "The insight could not be written.",
        "none": "This issue has no insight. Errors and critical ones get one.",
    }
    tried = f" (attempt {wait.attempts})" if wait.attempts and wait.attempts > 1 else ""
    lead = words.get(wait.state, words["pending"]) + tried
    reason = f'<p class="atlas-reason">{escaped(wait.reason)}</p>' if wait.reason else ""
    return (problem(lead) if wait.state == "failed" else muted(lead)) + reason
