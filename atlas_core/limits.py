"""Every limit on input, in one table. Tests check each at n and n + 1."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Bodies. Source: Sentry's documented limits for envelopes and events; OTLP's recommended maximum.
NATIVE_BODY_BYTES: Final = 1 * MIB
BATCH_WIRE_BYTES: Final = 8 * MIB
ENVELOPE_WIRE_BYTES: Final = 20 * MIB
ENVELOPE_INFLATED_BYTES: Final = 100 * MIB
EVENT_ITEM_BYTES: Final = 1 * MIB
OTLP_BODY_BYTES: Final = 64 * MIB
HEADER_LINE_BYTES: Final = 16 * KIB
BODY_TIMEOUT_S: Final = 10.0
JSON_DEPTH: Final = 64

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
CONTEXT_BYTES: Final = 64 * KIB
CLOCK_PAST_S: Final = 30 * 86_400
CLOCK_FUTURE_S: Final = 60

# History and its grouping.
RETENTION_DAYS: Final = 90
ISSUES_MERGED: Final = 1_000
FINGERPRINTS_SHOWN: Final = 1_000

# Accounts and lists.
PASSWORD_MIN_CHARACTERS: Final = 8
PASSWORD_MAX_CHARACTERS: Final = 256
NAME_CHARACTERS: Final = 120
EMAIL_CHARACTERS: Final = 254
KEYS_PER_PROJECT: Final = 20
RULES_PER_PROJECT: Final = 100
PROJECTS_PER_ORGANIZATION: Final = 200
PAGE_SIZE: Final = 100
BULK_ISSUES: Final = 1_000
COMMENT_CHARACTERS: Final = 8_192
IGNORED_FOR: Final = 1_000_000_000
ALERTS_SHOWN: Final = 50
API_BODY_BYTES: Final = 64 * KIB

# Deliveries.
ATTEMPTS: Final = 3
REJECTS_IN_A_ROW: Final = 20
REJECTS_WINDOW: Final = 200
REJECTS_IN_WINDOW: Final = 100
MESSAGE_BYTES: Final = 4 * MIB
BATCH_BYTES: Final = 16 * MIB
