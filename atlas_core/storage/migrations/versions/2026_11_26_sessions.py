"""The sessions that hold: signing out ends one, a new password ends all. Whoever is signed in signs in again."""

from alembic import op

revision = "2026_11_26_sessions"
down_revision = "2026_11_26_ignored_until"


def upgrade() -> None:
    op.execute("""
CREATE TABLE identity.sessions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY(user_id) REFERENCES identity.users (id) ON DELETE CASCADE
)
""")
    op.execute("CREATE INDEX sessions_user_id_idx ON identity.sessions (user_id)")
    op.execute("CREATE INDEX sessions_expires_at_idx ON identity.sessions (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE identity.sessions")
