"""How long to wait before the same events are tried again."""

import random
from dataclasses import dataclass
from typing import Final

_DOUBLINGS: Final = 16
# Of its own: the host may have seeded the module's generator, and must get the numbers it expects.
_random: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits with jitter: many clients that lost the server at once do not come back at once."""

    first_s: float
    max_s: float

    def delay_s(self, failures: int, retry_after_s: int) -> float:
        """Return the wait after so many failures in a row, never less than the server asked for."""
        full = min(self.max_s, self.first_s * 2.0 ** min(failures - 1, _DOUBLINGS))
        return max(full * _random.uniform(0.5, 1.0), retry_after_s * _random.uniform(1.0, 1.1))
