// Reports by OpenTelemetry's SDK: `node opentelemetry_node.js SCENARIO`, the exporter set up by OTEL_* variables, its
// encoding (http for JSON, proto) in OTLP_FORM.
"use strict";

const { SeverityNumber } = require("@opentelemetry/api-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${process.env.OTLP_FORM}`);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${process.env.OTLP_FORM}`);

const resource = resourceFromAttributes({
  "service.name": "shop",
  "service.version": "1.2.3",
  "deployment.environment.name": "staging",
  "host.name": "till-7",
});
const logs = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })],
});
const traces = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
const logger = logs.getLogger("shop.orders");
const tracer = traces.getTracer("shop.tracing");
const error = (body, more) => logger.emit({ severityNumber: SeverityNumber.ERROR, severityText: "ERROR", body, ...more });

class OrderError extends Error {
  constructor(message) {
    super(message);
    this.name = "OrderError";
  }
}

const scenarios = {
  logged() {
    for (const name of ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]) {
      logger.emit({ severityNumber: SeverityNumber[name], severityText: name, body: `a record at ${name}` });
    }
    logger.emit({ severityText: "ERROR", body: "a record with a text alone" });
    error({ order: 7, open: true });
  },

  exceptions() {
    error("could not place it", { exception: new OrderError("order 7 has no items") });
    logger.emit({ severityNumber: SeverityNumber.WARN, body: "goes on", exception: new TypeError("no price") });
    logger.emit({
      severityNumber: SeverityNumber.FATAL,
      attributes: { "exception.type": "LookupError", "exception.message": "no such customer", tries: 42 },
    });
  },

  spans() {
    tracer.startSpan("fine").end();
    const span = tracer.startSpan("two failures");
    span.recordException(new OrderError("first"));
    span.addEvent("not an exception", { "exception.like": "no" });
    span.recordException(Object.assign(new Error("second"), { code: "ENOENT" }));
    span.end();
  },

  unicode() {
    error("naïve \0 日本語 \u{1f600}");
    error("half a pair: \ud83d!");
  },

  big() {
    error("z".repeat(100_000), { attributes: { report: "x".repeat(400_000) } });
  },

  burst() {
    for (let number = 0; number < 200; number++) {
      error(`burst ${number % 10}`);
    }
  },
};

async function main(name) {
  scenarios[name]();
  for (const provider of [logs, traces]) {
    await provider.forceFlush();
    await provider.shutdown();
  }
}

main(process.argv[2]);
