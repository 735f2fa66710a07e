"""What becomes of what is sent, by hour; limits of a project; when a key was last used."""

from alembic import op

revision = "2026_11_25_front_door"
down_revision = "2026_11_24_first"

STATEMENTS = (
    "CREATE SCHEMA ingestion",
    """
CREATE TABLE ingestion.outcomes (
    project_id UUID NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    CONSTRAINT outcomes_pkey PRIMARY KEY (project_id, hour, outcome)
)
""",
    "ALTER TABLE identity.projects ADD COLUMN rate_per_s BIGINT, ADD COLUMN events_per_day BIGINT",
    "ALTER TABLE identity.api_keys ADD COLUMN last_used_at TIMESTAMP WITH TIME ZONE",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE identity.api_keys DROP COLUMN last_used_at")
    op.execute("ALTER TABLE identity.projects DROP COLUMN rate_per_s, DROP COLUMN events_per_day")
    op.execute("DROP SCHEMA ingestion CASCADE")
