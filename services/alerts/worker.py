"""Issue updates in, alerts out."""

from collections.abc import Sequence

from atlas_core import metrics
from atlas_core.alerts import evaluate
from atlas_core.issues import IssueUpdate
from atlas_core.ports import AlertStore, Notifier


class AlertsWorker:
    """Handles batches of updates; handling one twice adds no alert.

    Args:
        store: Where rules and alerts are kept.
        notifiers: Who is told of each new alert.
    """

    def __init__(self, store: AlertStore, notifiers: Sequence[Notifier]) -> None:
        self._store = store
        self._notifiers = notifiers

    def handle(self, updates: Sequence[IssueUpdate]) -> None:
        """Store what the rules say of the updates, once for each rule, issue and episode; tell of what is new.

        Raises:
            TransientError: The store does not answer; handle the same updates again.
        """
        rules = self._store.rules_of({update.project_id for update in updates})
        firings = {
            (firing.rule_id, firing.issue_id, firing.episode): firing
            for update in updates
            for firing in evaluate(rules.get(update.project_id, ()), update)
        }
        new = self._store.add(list(firings.values()))
        metrics.ALERTS.inc(len(new))
        for firing in new:
            for notifier in self._notifiers:
                notifier.notify(firing, f"{firing.rule_id}:{firing.issue_id}:{firing.episode}")
