"""The versions that the live tests run against; compose and the conda environment are checked against them."""

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
