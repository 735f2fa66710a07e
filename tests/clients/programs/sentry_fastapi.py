"""A FastAPI application that reports by sentry-sdk; asks itself for each of its routes once."""

import logging

import sentry_sdk
from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.testclient import TestClient

sentry_sdk.init(environment="fastapi")
app = FastAPI()


@app.get("/boom/{order}")
async def boom(order: int) -> float:
    return order / 0


@app.get("/threaded")
def threaded() -> None:
    raise LookupError("no such customer")


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    tasks.add_task(later)
    return "later"


def later() -> None:
    raise TimeoutError("the mail was not sent")


@app.get("/logged")
async def logged() -> str:
    logging.getLogger("shop.stock").error("stock of %s is negative", "pears")
    return "logged"


@app.get("/forbidden")
async def forbidden() -> None:
    raise HTTPException(403)


if __name__ == "__main__":
    # A background task's error comes back out of the test client, after the answer.
    with TestClient(app, raise_server_exceptions=False) as client:
        wanted = {"/boom/7": 500, "/threaded": 500, "/background": 200, "/logged": 200, "/forbidden": 403,
                  "/missing": 404, "/boom/seven": 422}  # fmt: skip
        answers = {path: client.get(path).status_code for path in wanted}
        assert answers == wanted, answers
    sentry_sdk.flush(timeout=30)
