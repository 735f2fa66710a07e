"""Deleted issues whose events are not all gone yet."""

from alembic import op

revision = "2026_11_26_removals"
down_revision = "2026_11_26_content"


def upgrade() -> None:
    op.execute("""
CREATE TABLE issues.removals (
    issue_id UUID NOT NULL,
    project_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT removals_pkey PRIMARY KEY (issue_id)
)
""")


def downgrade() -> None:
    op.execute("DROP TABLE issues.removals")
