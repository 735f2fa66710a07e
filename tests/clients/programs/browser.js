// Reports by @sentry/browser from a page of another origin: the test calls report(scenario, dsn), which answers what
// status each event got.
"use strict";

class OrderError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "OrderError";
  }
}

function place(order) {
  throw new OrderError(`order ${order} has no items`);
}

function caught(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it was to fail");
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 100));

const scenarios = {
  async uncaught() {
    document.getElementById("buy").addEventListener("click", () => place(10));
    document.getElementById("buy").click();
    // Within one task the SDK takes a second error for an echo of the first.
    await soon();
    setTimeout(() => place(11), 0);
    await soon();
    Promise.reject(caught(() => place(12)));
    await soon();
  },

  chained() {
    const cause = caught(() => place(8));
    Sentry.captureException(new OrderError("the shop is closed", { cause }));
    Sentry.captureException(new AggregateError([cause, new TypeError("no price")], "two of three failed"));
    Sentry.captureException("only a text");
  },

  levels() {
    for (const level of ["debug", "info", "log", "warning", "error", "fatal"]) {
      Sentry.captureMessage(`a message at ${level}`, level);
    }
  },

  details() {
    Sentry.setTag("shop", "north");
    Sentry.setUser({ id: "u-1" });
    console.info("only a breadcrumb");
    Sentry.captureMessage("with details", "warning");
  },

  // Above 64 KiB a browser does not let a request outlive its page, so the SDK sends it another way.
  big() {
    Sentry.setExtra("report", "x".repeat(400_000));
    Sentry.captureMessage("z".repeat(100_000), "error");
  },

  unicode() {
    Sentry.captureMessage("naïve \0 日本語 \u{1f600}");
    Sentry.captureMessage("half a pair: \ud83d!");
  },

  attachments() {
    const attachments = [
      { filename: "looks.txt", data: '{}\n{"type":"event"}\n{"message":"not an event"}\n' },
      { filename: "binary.bin", data: Uint8Array.from({ length: 1 << 18 }, (_, n) => n & 255) },
    ];
    Sentry.captureEvent({ message: "with attachments", level: "error" }, { attachments });
  },

  duplicates() {
    for (const digit of ["0", "1", "0"]) {
      const message = digit === "0" ? "sent twice" : "sent once";
      Sentry.captureEvent({ message, level: "warning" }, { event_id: "c0ffee" + digit.repeat(26) });
    }
  },

  burst() {
    for (let number = 0; number < 200; number++) {
      Sentry.captureMessage(`burst ${number % 10}`, "error");
    }
  },

  noise() {
    Sentry.startSpan({ name: "checkout", op: "ui" }, () => Sentry.captureMessage("inside a transaction", "info"));
    Sentry.logger.error("a structured log, which is no event");
  },

  // Makes the browser ask first, by OPTIONS.
  headers() {
    Sentry.captureMessage("after a preflight", "error");
  },

  // As sites do to get past blockers: only the envelope says which project and which key.
  tunnel() {
    Sentry.captureMessage("through a tunnel", "error");
  },
};

const tunnelOf = (dsn) => `${dsn.protocol}//${dsn.host}/api${dsn.pathname}/envelope/`;

async function report(scenario, dsn) {
  const statuses = [];
  Sentry.init({
    dsn,
    release: "shop@1.2.3",
    environment: "staging",
    tunnel: scenario === "tunnel" ? tunnelOf(new URL(dsn)) : undefined,
    maxValueLength: 200_000,
    tracesSampleRate: scenario === "noise" ? 1 : undefined,
    enableLogs: scenario === "noise",
    integrations: scenario === "noise" ? [Sentry.browserTracingIntegration()] : [],
    transportOptions: { bufferSize: 1_000, ...(scenario === "headers" && { headers: { "X-Requested-With": "shop" } }) },
  });
  Sentry.getClient().on("afterSendEvent", (_, answer) => statuses.push(answer?.statusCode));
  await scenarios[scenario]();
  if (!(await Sentry.flush(30_000))) {
    throw new Error("not everything was sent");
  }
  return statuses;
}
