"""What strategies see of an event, apart from what only rules look at."""

from alembic import op

revision = "2026_11_26_content"
down_revision = "2026_11_25_front_door"


def upgrade() -> None:
    op.execute("ALTER TABLE issues.event_ids ADD COLUMN content BIGINT")


def downgrade() -> None:
    op.execute("ALTER TABLE issues.event_ids DROP COLUMN content")
