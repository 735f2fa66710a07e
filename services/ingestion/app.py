"""The ingestion app: native, Sentry and OTLP routes over one path from bytes to the log."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from atlas_core import limits
from atlas_core.errors import AtlasError, RejectedError, TooLargeError, TransientError, UnsupportedEncodingError, WrongShapeError
from atlas_core.events import Event, utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols import native, otlp, sentry
from atlas_core.protocols.decoding import inflate
from atlas_core.scrubbing import scrub
from atlas_core.topics import ATLAS_EVENTS, event_key
from services.http import RETRY_AFTER_S, Checks, make_app
from services.ingestion.group_commit import GroupCommit
from services.ingestion.keys import KeyCache
from services.ingestion.requests import PREFLIGHT_HEADERS, Answer, Call, TimedOutError, json_answer
