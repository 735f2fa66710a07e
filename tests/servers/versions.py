"""The versions that the live tests run against; compose and the conda environment are checked against them."""

from collections.abc import Mapping
from typing import Final

KAFKA: Final = "4.3.1"
KAFKA_SCALA: Final = "2.13"
LOG4J: Final = "2.25.2"
POSTGRES_MAJOR: Final = "18"
OLLAMA: Final = "0.17.4"
MALGO: Final = "v0.11.24"
RABBITMQ_COMPOSE_MAJOR: Final = "4"
PYTHON: Final = "3.11"
MODEL: Final = "atlas-tiny"

# Clients as people run them. What they need in turn is taken as it stood on CLIENTS_AS_OF.
CLIENTS_AS_OF: Final = "2026-11-23"
SENTRY_SDK_1: Final = "1.45.1"
RAVEN: Final = "6.10.0"
NODE_CLIENTS: Final[Mapping[str, str]] = {
    "@sentry/browser": "11.12.0",
    "@sentry/node": "11.12.0",
    "sentry-node-7": "npm:@sentry/node@7.120.4",
    "esbuild": "0.28.2",
    "express": "5.3.0",
    # The newest that Node 20 runs: 3.0 and 0.300 want 22.15.
    "@opentelemetry/api": "1.9.1",
    "@opentelemetry/api-logs": "0.223.1",
    "@opentelemetry/exporter-logs-otlp-http": "0.223.1",
    "@opentelemetry/exporter-logs-otlp-proto": "0.223.1",
    "@opentelemetry/exporter-trace-otlp-http": "0.223.1",
    "@opentelemetry/exporter-trace-otlp-proto": "0.223.1",
    "@opentelemetry/resources": "2.12.1",
    "@opentelemetry/sdk-logs": "0.223.1",
    "@opentelemetry/sdk-trace-base": "2.12.1",
}
