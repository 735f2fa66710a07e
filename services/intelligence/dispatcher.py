"""Issue updates in, insight jobs out: ingestion never waits for a model."""

from collections.abc import Sequence

from atlas_core.insights import InsightJob, qualifies
from atlas_core.issues import IssueUpdate
from atlas_core.ports import InsightStore, Message, Publisher
from atlas_core.topics import INSIGHT_JOBS, issue_key


class Dispatcher:
    """Asks for one insight for each qualifying issue; handling an update twice asks once."""

    def __init__(self, store: InsightStore, jobs: Publisher) -> None:
        self._store = store
        self._jobs = jobs

    def handle(self, updates: Sequence[IssueUpdate]) -> None:
        """Make the pending insights, then ring for them.

        Raises:
            TransientError: The store or the queue does not answer; handle the same updates again.
        """
        wanted = [InsightJob.of(update) for update in updates if qualifies(update.worst_level)]
        self.ring(self._store.request(wanted))

    def ring(self, jobs: Sequence[InsightJob]) -> None:
        """Queue jobs; queueing one twice does no harm.

        Raises:
            TransientError: The queue does not answer.
        """
        self._jobs.publish([Message(issue_key(job.issue_id), INSIGHT_JOBS.encode(job)) for job in jobs])
