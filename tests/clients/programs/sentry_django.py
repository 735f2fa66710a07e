"""A Django site that reports by sentry-sdk; asks itself for each of its routes once."""

import logging

import httpx
import sentry_sdk
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

sentry_sdk.init(environment="django")
settings.configure(SECRET_KEY="of no worth", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"])


def find_customer() -> None:
    raise LookupError("no such customer")


def boom(_: HttpRequest, order: int) -> HttpResponse:
    return HttpResponse(str(order / 0))


def handled(_: HttpRequest) -> HttpResponse:
    try:
        find_customer()
    except LookupError as error:
        sentry_sdk.capture_exception(error)
    return HttpResponse("sorry")


def logged(_: HttpRequest) -> HttpResponse:
    logging.getLogger("shop.stock").error("stock of %s is negative", "pears")
    return HttpResponse("logged")


def forbidden(_: HttpRequest) -> HttpResponse:
    raise PermissionDenied


urlpatterns = [path("boom/<int:order>", boom), path("handled", handled), path("logged", logged),
               path("forbidden", forbidden)]  # fmt: skip

if __name__ == "__main__":
    with httpx.Client(transport=httpx.WSGITransport(get_wsgi_application()), base_url="http://testserver") as client:
        wanted = {"/boom/7": 500, "/handled": 200, "/logged": 200, "/forbidden": 403, "/missing": 404}
        answers = {path: client.get(path).status_code for path in wanted}
        assert answers == wanted, answers
    sentry_sdk.flush(timeout=30)
