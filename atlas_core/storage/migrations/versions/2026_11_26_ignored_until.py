"""No issue is ignored until a year that Python cannot read; one that is, is until the last that it can."""

from alembic import op

revision = "2026_11_26_ignored_until"
down_revision = "2026_11_26_removals"


def upgrade() -> None:
    op.execute(
        "UPDATE issues.issues SET ignored_until = '2199-12-31 23:59:59+00' "
        "WHERE ignored_until >= '2200-01-01 00:00:00+00'"
    )
    op.execute(
        "ALTER TABLE issues.issues ADD CONSTRAINT issues_ignored_until_readable "
        "CHECK (ignored_until < '2200-01-01 00:00:00+00')"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE issues.issues DROP CONSTRAINT issues_ignored_until_readable")
