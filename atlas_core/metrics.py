"""Every metric: name, type, unit, meaning."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED: Final = Counter("atlas_events_accepted", "Events on stable storage, by protocol", ["protocol"])
REFUSED: Final = Counter("atlas_requests_refused", "Ingest requests not accepted, by HTTP status", ["status"])
DROPPED: Final = Counter("atlas_items_dropped", "What was received and not kept, by reason", ["reason"])
FORGOTTEN: Final = Counter("atlas_events_forgotten", "Events deleted because their project keeps them no longer")
HANDLED: Final = Counter("atlas_messages_handled", "Messages processed, by topic and outcome", ["topic", "outcome"])
LAG: Final = Gauge("atlas_consumer_lag_messages", "Messages not yet settled, by topic and group", ["topic", "group"])
BATCH: Final = Histogram(
    "atlas_batch_seconds", "Time to handle one batch", ["topic"], buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
)
ALERTS: Final = Counter("atlas_alerts_fired", "Alerts stored for the first time")
INSIGHTS: Final = Counter("atlas_insights", "Insights, by outcome of an attempt", ["outcome"])
