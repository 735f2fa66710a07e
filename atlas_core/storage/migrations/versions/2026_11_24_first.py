"""The first tables of every service."""

from alembic import op

revision = "2026_11_24_first"
down_revision = None

STATEMENTS = (
    "CREATE SCHEMA identity",
    "CREATE SCHEMA issues",
    "CREATE SCHEMA alerts",
    "CREATE SCHEMA intelligence",
    "CREATE SCHEMA bus",
    """
CREATE TABLE alerts.alerts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    rule_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    project_id UUID NOT NULL,
    episode INTEGER NOT NULL,
    message TEXT NOT NULL,
    acknowledged BOOLEAN DEFAULT false NOT NULL,
    fired_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT alerts_pkey PRIMARY KEY (id),
    CONSTRAINT alerts_rule_id_issue_id_episode_key UNIQUE (rule_id, issue_id, episode)
)
""",
    """
CREATE INDEX alerts_project_id_idx ON alerts.alerts (project_id, fired_at DESC)
""",
    """
CREATE TABLE alerts.rules (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    name TEXT NOT NULL,
    condition TEXT NOT NULL,
    threshold BIGINT DEFAULT 0 NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT rules_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX rules_project_id_idx ON alerts.rules (project_id)
""",
    """
CREATE TABLE bus.dead_letters (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    topic TEXT NOT NULL,
    key BYTEA NOT NULL,
    body BYTEA NOT NULL,
    reason TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    died_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX dead_letters_topic_idx ON bus.dead_letters (topic)
""",
    """
CREATE TABLE bus.group_members (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    member_id UUID NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT group_members_pkey PRIMARY KEY (group_name, topic, member_id)
)
""",
    """
CREATE TABLE bus.group_offsets (
    group_name TEXT NOT NULL,
    topic TEXT NOT NULL,
    partition SMALLINT NOT NULL,
    committed BIGINT NOT NULL,
    CONSTRAINT group_offsets_pkey PRIMARY KEY (group_name, topic, partition)
)
 WITH (fillfactor = 50)
""",
    """
CREATE TABLE bus.jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    queue TEXT NOT NULL,
    key BYTEA NOT NULL,
    body BYTEA NOT NULL,
    attempt INTEGER DEFAULT 0 NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX jobs_queue_due_at_idx ON bus.jobs (queue, due_at)
""",
    """
CREATE TABLE bus.log_messages (
    topic TEXT NOT NULL,
    partition SMALLINT NOT NULL,
    "offset" BIGINT NOT NULL,
    key BYTEA NOT NULL,
    body BYTEA NOT NULL,
    appended_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL
)
 PARTITION BY RANGE (appended_at)
""",
    """
CREATE INDEX log_messages_topic_partition_offset_idx ON bus.log_messages (topic, partition, "offset")
""",
    """
CREATE TABLE bus.log_partitions (
    topic TEXT NOT NULL,
    partition SMALLINT NOT NULL,
    next_offset BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT log_partitions_pkey PRIMARY KEY (topic, partition)
)
 WITH (fillfactor = 50)
""",
    """
CREATE TABLE identity.users (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email)
)
""",
    """
CREATE TABLE intelligence.insights (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    issue_id UUID NOT NULL,
    project_id UUID NOT NULL,
    state TEXT DEFAULT 'pending' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    leased BOOLEAN DEFAULT false NOT NULL,
    job BYTEA NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    summary TEXT DEFAULT '' NOT NULL,
    root_cause TEXT DEFAULT '' NOT NULL,
    remediation TEXT DEFAULT '' NOT NULL,
    evidence TEXT[] DEFAULT '{}' NOT NULL,
    tokens_used INTEGER DEFAULT 0 NOT NULL,
    model_used TEXT DEFAULT '' NOT NULL,
    prompt_version INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT insights_pkey PRIMARY KEY (id),
    CONSTRAINT insights_issue_id_key UNIQUE (issue_id)
)
""",
    """
CREATE INDEX insights_due_idx ON intelligence.insights (due_at) WHERE state = 'pending'
""",
    """
CREATE INDEX insights_project_id_idx ON intelligence.insights (project_id)
""",
    """
CREATE TABLE issues.event_ids (
    project_id UUID NOT NULL,
    event_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT event_ids_pkey PRIMARY KEY (project_id, event_id)
)
""",
    """
CREATE TABLE issues.events (
    project_id UUID NOT NULL,
    event_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    type TEXT,
    message TEXT NOT NULL,
    level TEXT NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    release TEXT,
    environment TEXT,
    body BYTEA NOT NULL
)
 PARTITION BY RANGE (received_at)
""",
    """
CREATE INDEX events_issue_id_idx ON issues.events (issue_id, received_at DESC, event_id DESC)
""",
    """
CREATE INDEX events_project_id_idx ON issues.events (project_id, received_at DESC, event_id DESC)
""",
    """
CREATE TABLE issues.issues (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    title TEXT NOT NULL,
    type TEXT,
    level TEXT NOT NULL,
    count BIGINT NOT NULL,
    episode INTEGER DEFAULT 1 NOT NULL,
    stack_trace TEXT NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT issues_pkey PRIMARY KEY (id),
    CONSTRAINT issues_project_id_fingerprint_key UNIQUE (project_id, fingerprint)
)
 WITH (fillfactor = 70)
""",
    """
CREATE TABLE identity.organizations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    organization_name TEXT NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    CONSTRAINT organizations_user_id_fkey FOREIGN KEY(user_id) REFERENCES identity.users (id) ON DELETE RESTRICT
)
""",
    """
CREATE TABLE identity.members (
    organization_id UUID NOT NULL,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (organization_id, user_id),
    CONSTRAINT members_organization_id_fkey FOREIGN KEY(organization_id) REFERENCES identity.organizations (id) ON DELETE CASCADE,
    CONSTRAINT members_user_id_fkey FOREIGN KEY(user_id) REFERENCES identity.users (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX members_user_id_idx ON identity.members (user_id)
""",
    """
CREATE TABLE identity.projects (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_name TEXT NOT NULL,
    organization_id UUID NOT NULL,
    ingest_id BIGINT GENERATED ALWAYS AS IDENTITY,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_organization_id_fkey FOREIGN KEY(organization_id) REFERENCES identity.organizations (id) ON DELETE CASCADE,
    CONSTRAINT projects_ingest_id_key UNIQUE (ingest_id)
)
""",
    """
CREATE INDEX projects_organization_id_idx ON identity.projects (organization_id)
""",
    """
CREATE TABLE identity.api_keys (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    key_hash BYTEA NOT NULL,
    label TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_project_id_fkey FOREIGN KEY(project_id) REFERENCES identity.projects (id) ON DELETE CASCADE,
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
)
""",
    """
CREATE INDEX api_keys_project_id_idx ON identity.api_keys (project_id)
""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for schema in ("bus", "intelligence", "alerts", "issues", "identity"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")
