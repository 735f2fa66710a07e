"""Insights and how far they are. The row is the truth; a job in the queue is only a doorbell."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text

from atlas_core.errors import NotFoundError
from atlas_core.insights import PROMPT_VERSION, Answer, InsightJob, Reply
from atlas_core.storage.database import Database

Json = dict[str, Any]

BACKOFF_S: Final = (5, 30, 120)
WAIT_S: Final = 30
RING_S: Final = 60
_READY: Final = (
    "id, issue_id, project_id, summary, root_cause, remediation, evidence, tokens_used, model_used, created_at"
)
_REQUEST = """
INSERT INTO intelligence.insights (issue_id, project_id, job, due_at)
SELECT i, p, j, now() + make_interval(secs => :ring)
FROM unnest(CAST(:issues AS uuid[]), CAST(:projects AS uuid[]), CAST(:jobs AS bytea[])) AS asked(i, p, j)
ON CONFLICT (issue_id) DO NOTHING RETURNING issue_id
"""
_CLAIM = """
UPDATE intelligence.insights SET due_at = now() + make_interval(secs => :lease), leased = true
WHERE issue_id = :issue AND state = 'pending' AND (NOT leased OR due_at <= now()) RETURNING job
"""
_FINISH = """
UPDATE intelligence.insights SET state = 'ready', reason = '', leased = false, summary = :summary,
    root_cause = :root_cause, remediation = :remediation, evidence = :evidence, tokens_used = :tokens,
    model_used = :model, prompt_version = :version, attempts = attempts + 1
WHERE issue_id = :issue AND state = 'pending'
"""
_WAIT = """
UPDATE intelligence.insights SET reason = :reason, leased = false, due_at = now() + make_interval(secs => :wait)
WHERE issue_id = :issue AND state = 'pending'
"""
_FAIL = """
UPDATE intelligence.insights SET reason = :reason, attempts = attempts + 1, leased = false,
    due_at = now() + make_interval(secs => (CAST(:backoff AS int[]))[least(attempts + 1, :most)]),
    state = CASE WHEN attempts + 1 >= :most THEN 'failed' ELSE 'pending' END
WHERE issue_id = :issue AND state = 'pending' RETURNING state
"""
# Ringing puts the row off, so that the next sweep does not ring again at once.
_DUE = """
UPDATE intelligence.insights i SET due_at = now() + make_interval(secs => :ring), leased = false
FROM (SELECT id FROM intelligence.insights WHERE state = 'pending' AND due_at <= now()
      ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) due
WHERE i.id = due.id RETURNING i.job
"""
_FORGET = """
DELETE FROM intelligence.insights i WHERE NOT EXISTS (SELECT 1 FROM issues.issues WHERE id = i.issue_id)
"""


class PostgresInsightStore:
    """Keeps one insight for each issue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decoder = msgspec.json.Decoder(InsightJob)

    def request(self, jobs: Sequence[InsightJob]) -> list[InsightJob]:
        """Make a pending insight for each issue that has none; return the jobs of those that were made.

        A crash before their jobs are queued loses nothing: the sweep finds the rows.
        """
        if not jobs:
            return []
        first = {job.issue_id: job for job in reversed(jobs)}
        ordered = [first[issue_id] for issue_id in sorted(first)]
        rows = self._rows(
            _REQUEST,
            issues=[job.issue_id for job in ordered],
            projects=[job.project_id for job in ordered],
            jobs=[msgspec.json.encode(job) for job in ordered],
            ring=RING_S,
        )
        return [first[row["issue_id"]] for row in rows]

    def claim(self, issue_id: UUID, lease_s: float) -> InsightJob | None:
        """Return the job, leased to the caller, or None when it is not pending or somebody else works on it."""
        rows = self._rows(_CLAIM, issue=issue_id, lease=lease_s)
        return self._decoder.decode(rows[0]["job"]) if rows else None

    def finish(self, job: InsightJob, answer: Answer, reply: Reply) -> None:
        """Store an answer; the insight is ready. A second call changes nothing."""
        self._run(
            _FINISH,
            issue=job.issue_id,
            summary=answer.summary,
            root_cause=answer.root_cause,
            remediation=answer.remediation,
            evidence=[evidence.quote for evidence in answer.evidence],
            tokens=reply.tokens_used,
            model=reply.model,
            version=PROMPT_VERSION,
        )

    def wait(self, issue_id: UUID, reason: str) -> None:
        """Give the lease back without counting an attempt."""
        self._run(_WAIT, issue=issue_id, reason=reason, wait=WAIT_S)

    def fail(self, issue_id: UUID, reason: str) -> bool:
        """Count a failed attempt with its reason; return whether another attempt is allowed."""
        rows = self._rows(_FAIL, issue=issue_id, reason=reason, backoff=list(BACKOFF_S), most=len(BACKOFF_S))
        return bool(rows) and rows[0]["state"] == "pending"

    def due(self, limit: int) -> list[InsightJob]:
        """Return pending jobs whose lease or waiting time is over, putting them off to the next sweep."""
        return [self._decoder.decode(row["job"]) for row in self._rows(_DUE, ring=RING_S, limit=limit)]

    def forget_deleted(self) -> None:
        """Delete the insights of issues that were deleted: what was said of them goes with them."""
        self._run(_FORGET)

    def ready(self, project_id: UUID, *, limit: int) -> list[Json]:
        """Return a project's written insights, newest first."""
        query = f"""
        SELECT {_READY} FROM intelligence.insights WHERE project_id = :project AND state = 'ready'
        ORDER BY created_at DESC, id LIMIT :limit
        """  # noqa: S608 - constants only
        return [dict(row) for row in self._rows(query, project=project_id, limit=limit)]

    def of_issue(self, issue_id: UUID) -> Json | None:
        """Return an issue's insight with its state, reason and attempts, or None when none was asked for."""
        query = f"SELECT {_READY}, state, reason, attempts FROM intelligence.insights WHERE issue_id = :issue"  # noqa: S608
        rows = self._rows(query, issue=issue_id)
        return dict(rows[0]) if rows else None

    def project_of(self, issue_id: UUID) -> UUID:
        """Return the project of an issue.

        Raises:
            NotFoundError: There is no such issue.
        """
        rows = self._rows("SELECT project_id FROM issues.issues WHERE id = :issue", issue=issue_id)
        if not rows:
            raise NotFoundError("no such issue")
        project_id: UUID = rows[0]["project_id"]
        return project_id

    def ask_again(self, issue_id: UUID) -> InsightJob | None:
        """Make a failed insight pending again and return its job, or None when it has not failed."""
        query = """
        UPDATE intelligence.insights SET state = 'pending', attempts = 0, reason = '', leased = false,
            due_at = now() + make_interval(secs => :ring)
        WHERE issue_id = :issue AND state = 'failed' RETURNING job
        """
        rows = self._rows(query, issue=issue_id, ring=RING_S)
        return self._decoder.decode(rows[0]["job"]) if rows else None

    def _run(self, query: str, **values: object) -> None:
        with self._database.transaction() as connection:
            connection.execute(text(query), values)

    def _rows(self, query: str, **values: object) -> list[RowMapping]:
        with self._database.transaction() as connection:
            return list(connection.execute(text(query), values).mappings())
