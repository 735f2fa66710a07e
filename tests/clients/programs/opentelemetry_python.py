"""Reports by OpenTelemetry's SDK: `python opentelemetry_python.py SCENARIO`, set up by OTEL_* variables."""

import logging
import sys
import warnings

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# What takes the handler's place is a distribution of its own, with the same code.
warnings.filterwarnings("ignore", message=".*LoggingHandler.*", category=DeprecationWarning)

RESOURCE = Resource.create({
    "service.name": "shop",
    "service.version": "1.2.3",
    "deployment.environment.name": "staging",
    "host.name": "till-7",
})  # fmt: skip
logs = LoggerProvider(resource=RESOURCE)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
traces = TracerProvider(resource=RESOURCE)
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = traces.get_tracer("shop.tracing")
log = logging.getLogger("shop.orders")
log.setLevel(logging.DEBUG)
log.addHandler(LoggingHandler(logger_provider=logs))


class OrderError(Exception):
    pass


def place(order: int) -> None:
    raise OrderError(f"order {order} has no items")


def logged() -> None:
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        log.log(level, "a record at %s", logging.getLevelName(level))


def exceptions() -> None:
    try:
        place(7)
    except OrderError:
        log.exception("could not place it")
    try:
        try:
            place(8)
        except OrderError as cause:
            raise ConnectionError("the shop is closed") from cause
    except ConnectionError:
        log.warning("it goes on without the shop", exc_info=True)
    emitter = logs.get_logger("shop.emitter")
    emitter.emit(severity_number=SeverityNumber.FATAL, body="raw", exception=LookupError("no such customer"))


def pay() -> None:
    raise TimeoutError("the bank does not answer")


def spans() -> None:
    with tracer.start_as_current_span("fine"):
        pass
    try:
        with tracer.start_as_current_span("checkout"):
            place(9)
    except OrderError:
        pass
    with tracer.start_as_current_span("two failures") as span:
        span.record_exception(ValueError("first"))
        span.add_event("not an exception", {"exception.like": "no"})
        span.record_exception(ValueError("second"))


def both() -> None:
    try:
        with tracer.start_as_current_span("checkout"):
            try:
                pay()
            except TimeoutError:
                log.exception("payment failed")
                raise
    except TimeoutError:
        pass


def unicode() -> None:
    log.error("naïve \x00 日本語 \U0001f600")
    log.error("over\ntwo lines")


def big() -> None:
    log.error("z" * 100_000, extra={"report": "x" * 400_000})


def burst() -> None:
    for number in range(200):
        log.error("burst %d", number % 10)


SCENARIOS = [logged, exceptions, spans, both, unicode, big, burst]


if __name__ == "__main__":
    {scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[1]]()
    assert logs.force_flush(30_000)
    assert traces.force_flush(30_000)
    logs.shutdown()
    traces.shutdown()
