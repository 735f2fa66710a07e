"""A Flask application that reports by sentry-sdk; asks itself for each of its routes once."""

import logging

import sentry_sdk
from flask import Flask, abort

sentry_sdk.init(environment="flask")
app = Flask("shop")


def find_customer() -> None:
    raise LookupError("no such customer")


@app.get("/boom/<int:order>")
def boom(order: int) -> str:
    return str(order / 0)


@app.get("/handled")
def handled() -> str:
    try:
        find_customer()
    except LookupError as error:
        sentry_sdk.capture_exception(error)
    return "sorry"


@app.get("/logged")
def logged() -> str:
    logging.getLogger("shop.stock").error("stock of %s is negative", "pears")
    return "logged"


@app.get("/fine")
def fine() -> str:
    return "fine"


@app.get("/forbidden")
def forbidden() -> str:
    abort(403)


if __name__ == "__main__":
    with app.test_client() as client:
        wanted = {"/boom/7": 500, "/handled": 200, "/logged": 200, "/fine": 200, "/forbidden": 403, "/missing": 404}
        answers = {path: client.get(path).status_code for path in wanted}
        assert answers == wanted, answers
    sentry_sdk.flush(timeout=30)
