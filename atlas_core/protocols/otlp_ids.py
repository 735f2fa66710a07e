"""Ids for what OpenTelemetry reports without any, so that the same report counts once.

Exporters send a request again, byte for byte, when they got no answer: ids come from the request's digest. One
exception may come twice, as a log record and as the event of its span: there ids come from what both say.
"""

import hashlib
import threading
from collections import Counter, OrderedDict
from typing import Final
from uuid import UUID, uuid5

from atlas_core.protocols.otlp_reports import Report

_SPANS: Final = 20_000
_EQUALS: Final = 1_000


class Ordinals:
    """Remembers how many equal exceptions a span had, so that the third one is told from the first one's repeat.

    In memory and bounded: after a restart equal exceptions of one span that come in several requests may count once.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: bytes, token: bytes) -> int:
        """Return the place of `token` among the tokens of `key`; the same one whenever it comes again."""
        with self._lock:
            tokens = self._known.setdefault(key, [])
            self._known.move_to_end(key)
            if len(self._known) > _SPANS:
                self._known.popitem(last=False)
            if token in tokens:
                return tokens.index(token)
            if len(tokens) < _EQUALS:
                tokens.append(token)
                return len(tokens) - 1
        return int.from_bytes(token, "big")


class Ids:
    """The ids of one request's events.

    Args:
        project_id: Whose events they are.
        signal: What the request carries.
        digest: Of the request's body, and of what else tells it from an equal one.
        ordinals: Of all requests.
    """

    def __init__(self, project_id: UUID, signal: str, digest: bytes, ordinals: Ordinals) -> None:
        self._project_id = project_id
        self._signal = signal.encode()
        self._digest = digest
        self._ordinals = ordinals
        self._plain = 0
        self._seen: Counter[bytes] = Counter()

    def plain(self) -> UUID:
        """Return the id of the next event that no other signal may report too."""
        self._plain += 1
        return uuid5(self._project_id, f"{self._digest.hex()} {self._plain}")

    def of(self, report: Report, kind: str, message: str) -> UUID:
        """Return the id of an exception: the same from a log record and from a span's event."""
        if not (report.trace_id and report.span_id):
            return self.plain()
        # Python's logging sends the bare class name, its spans the qualified one.
        text = "\n".join((report.trace_id, report.span_id, kind.rpartition(".")[2], message))
        key = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        self._seen[key] += 1
        token = hashlib.blake2b(self._digest + str(self._seen[key]).encode(), digest_size=8).digest()
        ordinal = self._ordinals.of(self._signal + key, token)
        return uuid5(self._project_id, f"{key.hex()} {ordinal}")
