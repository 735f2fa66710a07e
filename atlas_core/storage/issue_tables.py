"""The tables of the issue service. Migrations are checked against this file."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from atlas_core.storage.tables import identity, metadata, moment

SCHEMA = "issues"
# What every list and count of issues is restricted to, and what the index of the list covers.
LISTED = "merged_into IS NULL AND discarded_at IS NULL"
# What the indexes of the lists are on: rounded, so that they rarely change. An index on `last_seen` or `count` itself
# would be written with every batch, and the issue's row in all other indexes with it (docs/decisions/0006-search.md).
SEEN_HOUR = "date_bin('01:00:00', {}, '1970-01-01 00:00:00+00'::timestamptz)"
SIZE = "floor(2 * ln({}::float8 + 1))::smallint"


def _listing(name: str, *columns: str) -> Index:
    return Index(name, "project_id", *(text(column) for column in columns), postgresql_where=text(LISTED))


def _count(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _owner() -> Column[object]:
    return Column("project_id", Uuid, nullable=False)


# What a project chose; a project without a row has the defaults. `grouping` is JSON of `grouping.Grouping`.
project_settings = Table(
    "project_settings", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("grouping", JSONB, nullable=False),
    Column("retention_days", Integer, nullable=False),
    moment("updated_at"),
    schema=SCHEMA,
)  # fmt: skip

# `version` counts edits and comebacks, not events: a stale edit is refused. A merged or discarded issue stays, hidden,
# so that it can be undone. The last `sequence` given to an event is count + sequence_gap; events up to
# `settled_sequence` came or stayed by regrouping, and a repeat of them tells of no crossing.
issues = Table(
    "issues", metadata, identity(), _owner(),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("title", Text, nullable=False),
    Column("type", Text), Column("culprit", Text), Column("platform", Text),
    Column("level", Text, nullable=False),
    _count("count"), _count("users"), _count("sequence_gap"), _count("settled_sequence"),
    Column("episode", Integer, nullable=False, server_default=text("1")),
    moment("first_seen", now=False), moment("last_seen", now=False),
    Column("first_release", Text), Column("last_release", Text),
    Column("status", Text, nullable=False, server_default=text("'open'")),
    Column("resolved_in", Text), Column("resolved_in_next", Boolean, nullable=False, server_default=text("false")),
    Column("resolved_at", DateTime(timezone=True)), Column("regressed_at", DateTime(timezone=True)),
    Column("returned_at", DateTime(timezone=True)), Column("ignored_until", DateTime(timezone=True)),
    Column("ignored_until_count", BigInteger), Column("ignored_until_users", BigInteger),
    Column("assignee_id", Uuid),
    Column("priority", Text, nullable=False, server_default=text("'medium'")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("merged_into", Uuid), Column("discarded_at", DateTime(timezone=True)),
    moment("created_at"), moment("updated_at"),
    Column("seen_hour", DateTime(timezone=True), Computed(SEEN_HOUR.format("last_seen"), persisted=True)),
    Column("count_size", SmallInteger, Computed(SIZE.format("count"), persisted=True)),
    Column("users_size", SmallInteger, Computed(SIZE.format("users"), persisted=True)),
    _listing("issues_seen_idx", "seen_hour DESC"), _listing("issues_first_seen_idx", "first_seen DESC"),
    _listing("issues_count_idx", "count_size DESC"), _listing("issues_users_idx", "users_size DESC"),
    _listing("issues_filter_idx", "status", "level", "priority", "type"),
    CheckConstraint("ignored_until < '2200-01-01 00:00:00+00'", name="issues_ignored_until_readable"),
    Index("issues_assignee_idx", "project_id", "assignee_id", postgresql_where=text("assignee_id IS NOT NULL")),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)  # fmt: skip

# Which issue a fingerprint belongs to: its own, the one it was merged into, or none (`discarded`: dropped on arrival).
# `forgotten` counts its events that retention deleted; an issue's count is that of its fingerprints, forgotten or kept.
fingerprints = Table(
    "fingerprints", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _owner(),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("issue_id", Uuid, nullable=False, index=True),
    Column("strategy", Text, nullable=False),
    Column("discarded", Boolean, nullable=False, server_default=text("false")),
    _count("forgotten"),
    moment("created_at"),
    UniqueConstraint("project_id", "fingerprint"),
    schema=SCHEMA,
)  # fmt: skip

# The stack trace of an issue's first event that had one. Apart from `issues`, whose rows are small that way: they are
# copied with every batch, and a search may read many.
issue_traces = Table(
    "issue_traces", metadata,
    Column("issue_id", Uuid, ForeignKey("issues.issues.id", ondelete="CASCADE"), primary_key=True),
    Column("stack_trace", Text, nullable=False),
    schema=SCHEMA,
)  # fmt: skip

# What an issue is found by: `issues.words` of type, message and culprit. That function splits at punctuation and inside
# `TimeoutError`; `issues.asked_words` makes of a query's text what finds it.
# Apart from `issues`, whose rows change with every batch: a GIN index there would change with them.
issue_words = Table(
    "issue_words", metadata,
    Column("issue_id", Uuid, ForeignKey("issues.issues.id", ondelete="CASCADE"), primary_key=True),
    _owner(),
    Column("words", TSVECTOR, nullable=False),
    Index(None, "words", postgresql_using="gin"),
    schema=SCHEMA,
)  # fmt: skip

# Which events were counted, and where they lie: the unique key that `events` cannot have, being partitioned by day.
# `fingerprint_id` follows regrouping; `content` and `variant` are hashes of what a stateless grouping sees of the
# event (grouping/variant.py); rows from before 2026-11-26 have no content.
event_ids = Table(
    "event_ids", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("issue_id", Uuid, nullable=False),
    Column("fingerprint_id", BigInteger, nullable=False),
    Column("content", BigInteger),
    Column("variant", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("user_hash", BigInteger),
    moment("received_at", now=False),
    Index(None, "issue_id", text("received_at DESC"), text("event_id DESC")),
    Index("event_ids_received_at_idx", "received_at", postgresql_using="brin"),
    schema=SCHEMA,
)  # fmt: skip

# Immutable. `fingerprint` and `strategy` are those that the event was counted under; `body` is zstd of its JSON.
events = Table(
    "events", metadata, _owner(),
    Column("event_id", Uuid, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("type", Text),
    Column("message", Text, nullable=False),
    Column("level", Text, nullable=False),
    moment("timestamp", now=False), moment("received_at", now=False),
    Column("release", Text), Column("environment", Text),
    Column("body", LargeBinary, nullable=False),
    Index(None, "project_id", text("received_at DESC"), text("event_id DESC")),
    schema=SCHEMA,
    postgresql_partition_by="RANGE (received_at)",
)  # fmt: skip

issue_users = Table(
    "issue_users", metadata,
    Column("issue_id", Uuid, primary_key=True),
    Column("user_hash", BigInteger, primary_key=True),
    schema=SCHEMA,
)  # fmt: skip

# Tags of events by issue, `release` and `environment` among them. The statistics `issue_tags_values` tell the planner
# that a value belongs to its key.
issue_tags = Table(
    "issue_tags", metadata,
    Column("issue_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    _owner(), _count("count"),
    Index(None, "project_id", "key", "value"),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)  # fmt: skip

issue_hours = Table(
    "issue_hours", metadata,
    Column("issue_id", Uuid, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    _count("count"),
    schema=SCHEMA,
    postgresql_with={"fillfactor": "70"},
)  # fmt: skip

project_hours = Table(
    "project_hours", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("level", Text, primary_key=True),
    _count("count"),
    schema=SCHEMA,
)  # fmt: skip

# What was accepted and then not kept, by reason.
drop_hours = Table(
    "drop_hours", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("reason", Text, primary_key=True),
    _count("count"),
    schema=SCHEMA,
)  # fmt: skip

releases = Table(
    "releases", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("release", Text, primary_key=True),
    moment("first_seen", now=False), moment("last_seen", now=False),
    _count("events"), _count("new_issues"), _count("regressions"),
    schema=SCHEMA,
)  # fmt: skip

# Who did what to an issue, and when; `before` is what an undo restores, `action_id` holds a bulk action together.
activities = Table(
    "activities", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _owner(),
    Column("issue_id", Uuid, nullable=False),
    Column("action_id", Uuid, nullable=False, index=True),
    Column("user_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("before", JSONB),
    Column("undone", Boolean, nullable=False, server_default=text("false")),
    moment("at"),
    Index(None, "issue_id", text("id DESC")),
    schema=SCHEMA,
)  # fmt: skip

# What was done to a project, kept when its objects are gone.
audit = Table(
    "audit", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _owner(),
    Column("user_id", Uuid),
    Column("action", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    moment("at"),
    Index(None, "project_id", text("id DESC")),
    schema=SCHEMA,
)  # fmt: skip

# Deleted issues whose events are not all gone yet: those belong to nothing, and are swept.
removals = Table(
    "removals", metadata, Column("issue_id", Uuid, primary_key=True), _owner(), moment("at"), schema=SCHEMA
)

saved_views = Table(
    "saved_views", metadata, identity(), _owner(),
    Column("user_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("shared", Boolean, nullable=False, server_default=text("false")),
    moment("created_at"),
    UniqueConstraint("project_id", "user_id", "name"),
    schema=SCHEMA,
)  # fmt: skip

# A switch of a project's grouping, with what it did and what undoing it needs.
grouping_changes = Table(
    "grouping_changes", metadata, identity(), _owner(),
    Column("user_id", Uuid),
    Column("before", JSONB, nullable=False), Column("after", JSONB, nullable=False),
    Column("summary", JSONB, nullable=False),
    Column("undone_at", DateTime(timezone=True)),
    moment("at"),
    Index(None, "project_id", text("at DESC")),
    schema=SCHEMA,
)  # fmt: skip

# Where each fingerprint pointed before the switch.
grouping_change_fingerprints = Table(
    "grouping_change_fingerprints", metadata,
    Column("change_id", Uuid, ForeignKey("issues.grouping_changes.id", ondelete="CASCADE"), primary_key=True),
    Column("fingerprint_id", BigInteger, primary_key=True),
    Column("issue_id", Uuid, nullable=False),
    schema=SCHEMA,
)  # fmt: skip

# What issues said of themselves before the switch; `title` and the rest only where it told the issue anew.
grouping_change_issues = Table(
    "grouping_change_issues", metadata,
    Column("change_id", Uuid, ForeignKey("issues.grouping_changes.id", ondelete="CASCADE"), primary_key=True),
    Column("issue_id", Uuid, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("title", Text), Column("type", Text), Column("culprit", Text), Column("platform", Text),
    Column("stack_trace", Text),
    schema=SCHEMA,
)  # fmt: skip
