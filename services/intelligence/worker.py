"""Insight jobs in, insights out."""

import logging
from collections.abc import Sequence
from typing import Final

from atlas_core import metrics
from atlas_core.errors import RejectedError, TransientError
from atlas_core.insights import ANSWER_SCHEMA, Answer, InsightJob, Reply, prompt, read
from atlas_core.ports import InsightStore, LanguageModel

log = logging.getLogger(__name__)

LEASE_S: Final = 290.0


class InsightWorker:
    """Writes one insight for each job; a doubled job, or one that crashed in the middle, writes no second one."""

    def __init__(self, store: InsightStore, model: LanguageModel) -> None:
        self._store = store
        self._model = model

    def handle(self, jobs: Sequence[InsightJob]) -> None:
        """Write the insights; what fails is kept in the insight's row with its reason, and tried again by the sweep.

        Raises:
            TransientError: The store does not answer; handle the same jobs again.
        """
        for job in jobs:
            claimed = self._store.claim(job.issue_id, LEASE_S)
            if claimed is not None:
                self._write(claimed)

    def _write(self, job: InsightJob) -> None:
        try:
            answer, reply = self._ask(job)
        except TransientError as error:
            self._store.wait(job.issue_id, str(error)[:1_000])
            metrics.INSIGHTS.labels("waiting").inc()
        except RejectedError as error:
            again = self._store.fail(job.issue_id, str(error)[:1_000])
            log.warning("insight of issue %s: %s%s", job.issue_id, error, "" if again else "; given up")
            metrics.INSIGHTS.labels("failed attempt").inc()
        else:
            self._store.finish(job, answer, reply)
            metrics.INSIGHTS.labels("ready").inc()

    def _ask(self, job: InsightJob) -> tuple[Answer, Reply]:
        reply = self._model.chat(prompt(job), ANSWER_SCHEMA)
        return read(reply.content, job), reply
