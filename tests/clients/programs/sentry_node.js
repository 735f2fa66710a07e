// Reports by @sentry/node, current or 7: `node sentry_node.js SCENARIO`, the DSN in SENTRY_DSN, the package in SENTRY_PACKAGE.
"use strict";

const Sentry = require(process.env.SENTRY_PACKAGE);

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

const scenarios = {
  exceptions() {
    Sentry.captureException(caught(() => place(7)));
    Sentry.captureException(caught(() => null.price));
    Sentry.captureException("only a text");
  },

  chained() {
    const cause = caught(() => place(8));
    Sentry.captureException(new OrderError("the shop is closed", { cause }));
  },

  groups() {
    const members = [caught(() => place(9)), new TypeError("no price")];
    Sentry.captureException(new AggregateError(members, "two of three failed"));
  },

  async uncaught() {
    setTimeout(() => place(10), 0);
    // The SDK reports it, flushes, and ends the process with status 1.
    await new Promise((resolve) => setTimeout(resolve, 20_000));
  },

  async rejected() {
    Promise.reject(caught(() => place(11)));
    await new Promise((resolve) => setTimeout(resolve, 200));
  },

  levels() {
    for (const level of ["debug", "info", "log", "warning", "error", "fatal"]) {
      Sentry.captureMessage(`a message at ${level}`, level);
    }
    Sentry.captureMessage("a message at no level");
  },

  logged() {
    console.log("only a breadcrumb");
    console.error("order", "A-1", "failed");
    console.warn("the till is nearly full");
  },

  details() {
    Sentry.setTag("shop", "north");
    Sentry.setUser({ id: "u-1", email: "ada@example.org" });
    Sentry.setContext("order", { number: 7, open: true });
    Sentry.setExtra("basket", ["pear", "plum"]);
    Sentry.addBreadcrumb({ category: "cart", message: "added a pear", level: "info" });
    Sentry.captureMessage("with details", "warning");
  },

  big() {
    Sentry.setExtra("report", "x".repeat(40_000));
    Sentry.captureMessage("z".repeat(100_000), "error");
    Sentry.captureException(caught(() => deep(200)));
  },

  unicode() {
    Sentry.setTag("k\0ey", "v\0alue");
    Sentry.captureMessage("naïve \0 日本語 \u{1f600}");
    Sentry.captureMessage("half a pair: \ud83d!");
    Sentry.captureException(new OrderError("¿dónde está \0?\nsecond line"));
  },

  attachments() {
    const attachments = [
      { filename: "looks.txt", data: '{}\n{"type":"event"}\n{"message":"not an event"}\n' },
      { filename: "binary.bin", data: Uint8Array.from({ length: 1 << 20 }, (_, n) => n & 255) },
      { filename: "empty", data: "" },
    ];
    Sentry.captureEvent({ message: "with attachments", level: "error" }, { attachments });
  },

  duplicates() {
    // The SDK itself drops an event that equals the one before it: another stands between them.
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
    Sentry.startSpan({ name: "nightly", op: "job" }, () => {
      Sentry.startSpan({ name: "query", op: "db" }, () => Sentry.captureMessage("inside a transaction", "info"));
    });
    Sentry.logger?.error("a structured log, which is no event");
    Sentry.metrics?.count?.("orders", 1);
    Sentry.startSession();
    Sentry.captureSession();
    Sentry.endSession();
  },
};

function deep(left) {
  if (left) {
    deep(left - 1);
  } else {
    throw new OrderError("deep down");
  }
}

async function main(name) {
  Sentry.init({
    dsn: process.env.SENTRY_DSN,
    release: "shop@1.2.3",
    environment: "staging",
    tracesSampleRate: name === "noise" ? 1 : undefined,
    enableLogs: name === "noise",
    integrations: name === "logged" ? [Sentry.captureConsoleIntegration({ levels: ["error", "warn"] })] : [],
    maxValueLength: 200_000,
    // Version 7 counts every event of a burst twice against it.
    transportOptions: { bufferSize: 1_000 },
  });
  await scenarios[name]();
  if (!(await Sentry.flush(30_000))) {
    throw new Error("not everything was sent");
  }
}

main(process.argv[2]);
