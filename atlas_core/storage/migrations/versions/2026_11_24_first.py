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
    r"""
CREATE FUNCTION issues.split_words(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
regexp_replace(regexp_replace(regexp_replace($1, '[!-/:-@\[-`{-~]+', ' ', 'g'), '([a-z0-9])([A-Z])', '\1 \2', 'g'),
               '([A-Z])([A-Z][a-z])', '\1 \2', 'g')
""",
    r"""
CREATE FUNCTION issues.words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
to_tsvector('simple', issues.split_words($1) || ' ' || regexp_replace($1, '[!-/:-@\[-`{-~]+', ' ', 'g'))
""",
    """
CREATE FUNCTION issues.asked_words(text, is_prefix boolean) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
SELECT CASE WHEN is_prefix AND numnode(q) > 0 THEN (q::text || ':*')::tsquery ELSE q END
FROM phraseto_tsquery('simple', issues.split_words($1)) q
$$
""",
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
CREATE TABLE issues.activities (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    project_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    action_id UUID NOT NULL,
    user_id UUID,
    kind TEXT NOT NULL,
    detail JSONB NOT NULL,
    before JSONB,
    undone BOOLEAN DEFAULT false NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT activities_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX activities_action_id_idx ON issues.activities (action_id)
""",
    """
CREATE INDEX activities_issue_id_idx ON issues.activities (issue_id, id DESC)
""",
    """
CREATE TABLE issues.audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    project_id UUID NOT NULL,
    user_id UUID,
    action TEXT NOT NULL,
    detail JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX audit_project_id_idx ON issues.audit (project_id, id DESC)
""",
    """
CREATE TABLE issues.drop_hours (
    project_id UUID NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    count BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT drop_hours_pkey PRIMARY KEY (project_id, hour, reason)
)
""",
    """
CREATE TABLE issues.event_ids (
    project_id UUID NOT NULL,
    event_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    fingerprint_id BIGINT NOT NULL,
    variant BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    user_hash BIGINT,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT event_ids_pkey PRIMARY KEY (project_id, event_id)
)
""",
    """
CREATE INDEX event_ids_issue_id_idx ON issues.event_ids (issue_id, received_at DESC, event_id DESC)
""",
    """
CREATE INDEX event_ids_received_at_idx ON issues.event_ids USING brin (received_at)
""",
    """
CREATE TABLE issues.events (
    project_id UUID NOT NULL,
    event_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    strategy TEXT NOT NULL,
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
CREATE INDEX events_project_id_idx ON issues.events (project_id, received_at DESC, event_id DESC)
""",
    """
CREATE TABLE issues.fingerprints (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    project_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    issue_id UUID NOT NULL,
    strategy TEXT NOT NULL,
    discarded BOOLEAN DEFAULT false NOT NULL,
    forgotten BIGINT DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT fingerprints_pkey PRIMARY KEY (id),
    CONSTRAINT fingerprints_project_id_fingerprint_key UNIQUE (project_id, fingerprint)
)
""",
    """
CREATE INDEX fingerprints_issue_id_idx ON issues.fingerprints (issue_id)
""",
    """
CREATE TABLE issues.grouping_changes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    user_id UUID,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    summary JSONB NOT NULL,
    undone_at TIMESTAMP WITH TIME ZONE,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT grouping_changes_pkey PRIMARY KEY (id)
)
""",
    """
CREATE INDEX grouping_changes_project_id_idx ON issues.grouping_changes (project_id, at DESC)
""",
    """
CREATE TABLE issues.issue_hours (
    issue_id UUID NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    count BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT issue_hours_pkey PRIMARY KEY (issue_id, hour)
)
 WITH (fillfactor = 70)
""",
    """
CREATE TABLE issues.issue_tags (
    issue_id UUID NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    project_id UUID NOT NULL,
    count BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT issue_tags_pkey PRIMARY KEY (issue_id, key, value)
)
 WITH (fillfactor = 70)
""",
    """
CREATE INDEX issue_tags_project_id_key_value_idx ON issues.issue_tags (project_id, key, value)
""",
    """
CREATE STATISTICS issues.issue_tags_values (mcv, ndistinct) ON project_id, key, value FROM issues.issue_tags
""",
    "ALTER STATISTICS issues.issue_tags_values SET STATISTICS 1000",
    """
CREATE TABLE issues.issue_users (
    issue_id UUID NOT NULL,
    user_hash BIGINT NOT NULL,
    CONSTRAINT issue_users_pkey PRIMARY KEY (issue_id, user_hash)
)
""",
    """
CREATE TABLE issues.issues (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    title TEXT NOT NULL,
    type TEXT,
    culprit TEXT,
    platform TEXT,
    level TEXT NOT NULL,
    count BIGINT DEFAULT 0 NOT NULL,
    users BIGINT DEFAULT 0 NOT NULL,
    sequence_gap BIGINT DEFAULT 0 NOT NULL,
    settled_sequence BIGINT DEFAULT 0 NOT NULL,
    episode INTEGER DEFAULT 1 NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    first_release TEXT,
    last_release TEXT,
    status TEXT DEFAULT 'open' NOT NULL,
    resolved_in TEXT,
    resolved_in_next BOOLEAN DEFAULT false NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    regressed_at TIMESTAMP WITH TIME ZONE,
    returned_at TIMESTAMP WITH TIME ZONE,
    ignored_until TIMESTAMP WITH TIME ZONE,
    ignored_until_count BIGINT,
    ignored_until_users BIGINT,
    assignee_id UUID,
    priority TEXT DEFAULT 'medium' NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    merged_into UUID,
    discarded_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_hour TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (date_bin('01:00:00', last_seen, '1970-01-01 00:00:00+00'::timestamptz)) STORED,
    count_size SMALLINT GENERATED ALWAYS AS (floor(2 * ln(count::float8 + 1))::smallint) STORED,
    users_size SMALLINT GENERATED ALWAYS AS (floor(2 * ln(users::float8 + 1))::smallint) STORED,
    CONSTRAINT issues_pkey PRIMARY KEY (id)
)
 WITH (fillfactor = 70)
""",
    """
CREATE INDEX issues_seen_idx ON issues.issues (project_id, seen_hour DESC) WHERE merged_into IS NULL AND discarded_at IS NULL
""",
    """
CREATE INDEX issues_first_seen_idx ON issues.issues (project_id, first_seen DESC) WHERE merged_into IS NULL AND discarded_at IS NULL
""",
    """
CREATE INDEX issues_count_idx ON issues.issues (project_id, count_size DESC) WHERE merged_into IS NULL AND discarded_at IS NULL
""",
    """
CREATE INDEX issues_users_idx ON issues.issues (project_id, users_size DESC) WHERE merged_into IS NULL AND discarded_at IS NULL
""",
    """
CREATE INDEX issues_filter_idx ON issues.issues (project_id, status, level, priority, type) WHERE merged_into IS NULL AND discarded_at IS NULL
""",
    """
CREATE INDEX issues_assignee_idx ON issues.issues (project_id, assignee_id) WHERE assignee_id IS NOT NULL
""",
    """
CREATE TABLE issues.project_hours (
    project_id UUID NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    level TEXT NOT NULL,
    count BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT project_hours_pkey PRIMARY KEY (project_id, hour, level)
)
""",
    """
CREATE TABLE issues.project_settings (
    project_id UUID NOT NULL,
    grouping JSONB NOT NULL,
    retention_days INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT project_settings_pkey PRIMARY KEY (project_id)
)
""",
    """
CREATE TABLE issues.releases (
    project_id UUID NOT NULL,
    release TEXT NOT NULL,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    events BIGINT DEFAULT 0 NOT NULL,
    new_issues BIGINT DEFAULT 0 NOT NULL,
    regressions BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT releases_pkey PRIMARY KEY (project_id, release)
)
""",
    """
CREATE TABLE issues.saved_views (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    project_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    sort TEXT NOT NULL,
    shared BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT saved_views_pkey PRIMARY KEY (id),
    CONSTRAINT saved_views_project_id_user_id_name_key UNIQUE (project_id, user_id, name)
)
""",
    """
CREATE TABLE issues.grouping_change_fingerprints (
    change_id UUID NOT NULL,
    fingerprint_id BIGINT NOT NULL,
    issue_id UUID NOT NULL,
    CONSTRAINT grouping_change_fingerprints_pkey PRIMARY KEY (change_id, fingerprint_id),
    CONSTRAINT grouping_change_fingerprints_change_id_fkey FOREIGN KEY(change_id) REFERENCES issues.grouping_changes (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE issues.grouping_change_issues (
    change_id UUID NOT NULL,
    issue_id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    title TEXT,
    type TEXT,
    culprit TEXT,
    platform TEXT,
    stack_trace TEXT,
    CONSTRAINT grouping_change_issues_pkey PRIMARY KEY (change_id, issue_id),
    CONSTRAINT grouping_change_issues_change_id_fkey FOREIGN KEY(change_id) REFERENCES issues.grouping_changes (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE issues.issue_traces (
    issue_id UUID NOT NULL,
    stack_trace TEXT NOT NULL,
    CONSTRAINT issue_traces_pkey PRIMARY KEY (issue_id),
    CONSTRAINT issue_traces_issue_id_fkey FOREIGN KEY(issue_id) REFERENCES issues.issues (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE issues.issue_words (
    issue_id UUID NOT NULL,
    project_id UUID NOT NULL,
    words TSVECTOR NOT NULL,
    CONSTRAINT issue_words_pkey PRIMARY KEY (issue_id),
    CONSTRAINT issue_words_issue_id_fkey FOREIGN KEY(issue_id) REFERENCES issues.issues (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX issue_words_words_idx ON issues.issue_words USING gin (words)
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
