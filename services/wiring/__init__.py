"""How each service is put together from the settings: the only place that knows every adapter.

Only what runs in this process is imported: the libraries of the others would take tens of megabytes.
"""

from collections.abc import Callable, Mapping
from typing import Final

from atlas_core.settings import Settings
from services.serving import Service


def _identity(settings: Settings, jwt_key: str) -> Service:
    from services.wiring.identity import make  # noqa: PLC0415

    return make(settings, jwt_key)


def _ingestion(settings: Settings, jwt_key: str) -> Service:
    from services.wiring.ingestion import make  # noqa: PLC0415

    return make(settings, jwt_key)


def _issues(settings: Settings, jwt_key: str) -> Service:
    from services.wiring.issues import make  # noqa: PLC0415

    return make(settings, jwt_key)


def _alerts(settings: Settings, jwt_key: str) -> Service:
    from services.wiring.alerts import make  # noqa: PLC0415

    return make(settings, jwt_key)


def _intelligence(settings: Settings, jwt_key: str) -> Service:
    from services.wiring.intelligence import make  # noqa: PLC0415

    return make(settings, jwt_key)


SERVICES: Final[Mapping[str, Callable[[Settings, str], Service]]] = {
    "identity": _identity,
    "ingestion": _ingestion,
    "issues": _issues,
    "alerts": _alerts,
    "intelligence": _intelligence,
}
