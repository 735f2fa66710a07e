"""Every limit on input, in one table. Tests check each at n and n + 1."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Bodies. Source: Sentry's documented limits for envelopes and events; OTLP's recommended maximum.
NATIVE_BODY_BYTES: Final = 1 * MIB
BATCH_WIRE_BYTES: Final = 8 * MIB
BATCH_INFLATED_BYTES: Final = 16 * MIB
BATCH_EVENTS: Final = 10_000
ENVELOPE_WIRE_BYTES: Final = 20 * MIB
ENVELOPE_INFLATED_BYTES: Final = 100 * MIB
ENVELOPE_EVENTS: Final = 100
ENVELOPE_ITEMS: Final = 1_000
ENVELOPE_EVENT_BYTES: Final = 8 * MIB
EVENT_ITEM_BYTES: Final = 1 * MIB
STORE_WIRE_BYTES: Final = 2 * MIB
OTLP_BODY_BYTES: Final = 64 * MIB
OTLP_EVENTS: Final = 10_000
OTLP_RECORDS: Final = 100_000
OTLP_RECORD_BYTES: Final = 4 * MIB
OTLP_VALUES: Final = 1_000_000
OTLP_JSON_COMMAS: Final = 4_000_000
OTLP_EVENTS_BYTES: Final = 32 * MIB
BODIES_BYTES: Final = 160 * MIB
HEADER_LINE_BYTES: Final = 16 * KIB
ERROR_BODY_BYTES: Final = 1_000

# Requests. Source: common proxies allow 8 KiB a header and 100 headers.
HEADERS: Final = 100
HEADER_BYTES: Final = 8 * KIB
HEADERS_BYTES: Final = 32 * KIB
HEADERS_TIMEOUT_S: Final = 10.0
BODY_TIMEOUT_S: Final = 10.0
SLOW_BODY_BYTES_PER_S: Final = 64 * KIB

# JSON: deeper or more than this is cut off and marked; longer whole numbers are kept as text.
JSON_DEPTH: Final = 64
JSON_KEYS: Final = 1_000
JSON_DIGITS: Final = 20

# Fields of an event. Longer text is cut and marked, never refused.
MESSAGE_CHARACTERS: Final = 8_192
TITLE_CHARACTERS: Final = 512
TYPE_CHARACTERS: Final = 256
STACK_TRACE_BYTES: Final = 256 * KIB
UPDATE_STACK_CHARACTERS: Final = 16 * KIB
FRAMES: Final = 250
FRAME_LINE_CHARACTERS: Final = 512
BREADCRUMBS: Final = 100
TAGS: Final = 200
TAG_KEY_CHARACTERS: Final = 200
TAG_VALUE_CHARACTERS: Final = 1_000
TAG_VALUE_INDEXED_CHARACTERS: Final = 200
TAG_VALUES_KEPT: Final = 1_000
SHORT_TEXT_CHARACTERS: Final = 250
SHORT_TEXTS: Final = {
    "platform": 64,
    "environment": 64,
    "release": 250,
    "dist": 64,
    "server_name": 255,
    "logger": 64,
    "transaction": 200,
}
FINGERPRINT_PARTS: Final = 20
EXCEPTIONS: Final = 50
CONTEXT_BYTES: Final = 64 * KIB
RAW_BYTES: Final = 64 * KIB
CLOCK_PAST_S: Final = 30 * 86_400
CLOCK_FUTURE_S: Final = 60
# Times that people name, in UTC. PostgreSQL has later years than Python: what it gives back could not be read.
YEARS: Final = range(1970, 2200)

# History and its grouping.
RETENTION_DAYS: Final = 90
RETENTION_DAYS_MOST: Final = 3_650
ISSUES_MERGED: Final = 1_000
FINGERPRINTS_SHOWN: Final = 1_000
SIMILAR_SHOWN: Final = 20

# Accounts and lists.
PASSWORD_MIN_CHARACTERS: Final = 8
PASSWORD_MAX_CHARACTERS: Final = 256
NAME_CHARACTERS: Final = 120
EMAIL_CHARACTERS: Final = 254
KEYS_PER_PROJECT: Final = 20
KEY_GRACE_S: Final = 30 * 86_400
RULES_PER_PROJECT: Final = 100
PROJECTS_PER_ORGANIZATION: Final = 200
GROUPING_RULES: Final = 200
GROUPING_RULES_CHARACTERS: Final = 32 * KIB
GROUPING_RULE_MATCHERS: Final = 20
GROUPING_RULE_PARTS: Final = 20
GROUPING_PATTERN_CHARACTERS: Final = 250
GROUPING_FRAMES_READ: Final = 100
GROUPING_CHARACTERS_READ: Final = 8 * KIB
GROUPING_REGEX_BYTES: Final = 1 * KIB
GROUPING_REGEX_BYTES_READ: Final = 2 * KIB
GROUPING_RULES_COST_MS: Final = 20
PAGE_SIZE: Final = 100
QUERY_CHARACTERS: Final = 1_000
QUERY_TERMS: Final = 50
VIEWS_PER_PERSON: Final = 100
BUCKETS: Final = 2_000
USERS_COUNTED_DAYS: Final = 31
BULK_ISSUES: Final = 1_000
COMMENT_CHARACTERS: Final = 8_192
IGNORED_FOR: Final = 1_000_000_000
ALERTS_SHOWN: Final = 50
# What the longest that these bodies may hold takes: grouping rules of emoji, each written as 12 bytes of \u escapes.
API_BODY_BYTES: Final = 12 * GROUPING_RULES_CHARACTERS + 4 * KIB

# Deliveries.
ATTEMPTS: Final = 3
REJECTS_IN_A_ROW: Final = 20
REJECTS_WINDOW: Final = 200
REJECTS_IN_WINDOW: Final = 100
MESSAGE_BYTES: Final = 4 * MIB
BATCH_BYTES: Final = 16 * MIB

# A language model's answer, as it comes over the wire: about 300 bytes a token.
MODEL_ANSWER_BYTES: Final = 1 * MIB
