"""The tables of every service but `issues` (see issue_tables.py). Migrations are checked against both files."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

SCHEMAS = ("identity", "ingestion", "issues", "alerts", "intelligence", "bus")
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)


def moment(name: str, *, now: bool = True) -> Column[object]:
    """Return a column for an aware time, filled with the time of the insert if `now`."""
    default = text("now()") if now else None
    return Column(name, DateTime(timezone=True), nullable=False, server_default=default)


def identity() -> Column[object]:
    """Return the primary key that most tables have."""
    return Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()"))


users = Table(
    "users", metadata, identity(),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    moment("created_at"),
    schema="identity",
)  # fmt: skip

# A token holds as long as the row that its `jti` names is here; its end is the row's end.
sessions = Table(
    "sessions", metadata, identity(),
    Column("user_id", Uuid, ForeignKey("identity.users.id", ondelete="CASCADE"), nullable=False, index=True),
    moment("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    schema="identity",
)  # fmt: skip

organizations = Table(
    "organizations", metadata, identity(),
    Column("organization_name", Text, nullable=False),
    Column("user_id", Uuid, ForeignKey("identity.users.id", ondelete="RESTRICT"), nullable=False),
    moment("created_at"), moment("updated_at"),
    schema="identity",
)  # fmt: skip

members = Table(
    "members", metadata,
    Column("organization_id", Uuid, ForeignKey("identity.organizations.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("identity.users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
    schema="identity",
)  # fmt: skip

projects = Table(
    "projects", metadata, identity(),
    Column("project_name", Text, nullable=False),
    Column(
        "organization_id", Uuid, ForeignKey("identity.organizations.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("ingest_id", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("rate_per_s", BigInteger),
    Column("events_per_day", BigInteger),
    moment("created_at"), moment("updated_at"),
    schema="identity",
)  # fmt: skip

api_keys = Table(
    "api_keys", metadata, identity(),
    Column("project_id", Uuid, ForeignKey("identity.projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    moment("created_at"),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    schema="identity",
)  # fmt: skip

# What became of what was sent, counted in memory and added every few seconds; `accepted` is an outcome too.
outcomes = Table(
    "outcomes", metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    schema="ingestion",
)  # fmt: skip

rules = Table(
    "rules", metadata, identity(),
    Column("project_id", Uuid, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("threshold", BigInteger, nullable=False, server_default=text("0")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"), moment("updated_at"),
    schema="alerts",
)  # fmt: skip

# No foreign key to rules: deleting a rule keeps what it has said.
alerts = Table(
    "alerts", metadata, identity(),
    Column("rule_id", Uuid, nullable=False),
    Column("issue_id", Uuid, nullable=False),
    Column("project_id", Uuid, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("acknowledged", Boolean, nullable=False, server_default=text("false")),
    moment("fired_at"),
    UniqueConstraint("rule_id", "issue_id", "episode"),
    Index(None, "project_id", text("fired_at DESC")),
    schema="alerts",
)  # fmt: skip

insights = Table(
    "insights", metadata, identity(),
    Column("issue_id", Uuid, nullable=False, unique=True),
    Column("project_id", Uuid, nullable=False, index=True),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("leased", Boolean, nullable=False, server_default=text("false")),
    Column("job", LargeBinary, nullable=False),
    moment("due_at"),
    Column("summary", Text, nullable=False, server_default=text("''")),
    Column("root_cause", Text, nullable=False, server_default=text("''")),
    Column("remediation", Text, nullable=False, server_default=text("''")),
    Column("evidence", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("tokens_used", Integer, nullable=False, server_default=text("0")),
    Column("model_used", Text, nullable=False, server_default=text("''")),
    Column("prompt_version", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    Index("insights_due_idx", "due_at", postgresql_where=text("state = 'pending'")),
    schema="intelligence",
)  # fmt: skip

# The embedded log. The row of a partition is locked while a writer appends to it: offsets are dense and become visible
# in order, so a reader that has seen offset n has seen all before it.
log_partitions = Table(
    "log_partitions", metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False, server_default=text("0")),
    schema="bus",
    postgresql_with={"fillfactor": "50"},
)  # fmt: skip

# Partitioned by day of appending, so that forgetting what every group has read is a DROP.
log_messages = Table(
    "log_messages", metadata,
    Column("topic", Text, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    moment("appended_at"),
    Index(None, "topic", "partition", "offset"),
    schema="bus",
    postgresql_partition_by="RANGE (appended_at)",
)  # fmt: skip

group_offsets = Table(
    "group_offsets", metadata,
    Column("group_name", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("committed", BigInteger, nullable=False),
    schema="bus",
    postgresql_with={"fillfactor": "50"},
)  # fmt: skip

group_members = Table(
    "group_members", metadata,
    Column("group_name", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    moment("seen_at"),
    schema="bus",
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    moment("due_at"),
    Index(None, "queue", "due_at"),
    schema="bus",
)  # fmt: skip

dead_letters = Table(
    "dead_letters", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    moment("died_at"),
    schema="bus",
)  # fmt: skip
