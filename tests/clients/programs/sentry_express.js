// An Express application that reports by @sentry/node, current or 7; asks itself for each of its routes once.
"use strict";

const Sentry = require(process.env.SENTRY_PACKAGE);
Sentry.init({ dsn: process.env.SENTRY_DSN, environment: "express" });
const express = require("express");

const app = express();
if (Sentry.Handlers) {
  app.use(Sentry.Handlers.requestHandler());
}
app.get("/boom/:order", (request) => {
  throw new RangeError(`order ${request.params.order} is out of range`);
});
app.get("/rejected", async () => {
  await null;
  throw new TypeError("no such customer");
});
app.get("/handled", (_, response) => {
  Sentry.captureMessage("stock of pears is negative", "error");
  response.send("logged");
});
app.get("/forbidden", (_, __, next) => next(Object.assign(new Error("not yours"), { status: 403 })));
if (Sentry.Handlers) {
  app.use(Sentry.Handlers.errorHandler());
} else {
  Sentry.setupExpressErrorHandler(app);
}
app.use((error, _, response, __) => response.status(error.status ?? 500).send("failed"));

const server = app.listen(0, "127.0.0.1", async () => {
  const wanted = { "/boom/7": 500, "/rejected": 500, "/handled": 200, "/forbidden": 403, "/missing": 404 };
  for (const [path, status] of Object.entries(wanted)) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`);
    await answer.text();
    if (answer.status !== status) {
      throw new Error(`${path}: ${answer.status}`);
    }
  }
  await Sentry.flush(30_000);
  process.exit(0);
});
