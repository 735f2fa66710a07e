"""The services' OpenAPI documents tell the truth: real answers have the documented status and shape."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import jsonschema
import psycopg
import pytest

from services.wiring import SERVICES
from tests.services.tenants import PUBLIC, Route, Tenants

OUT = "/auth/signout"
METHODS = {"get", "post", "put", "patch", "delete"}
# What they answer is told in words: parts of a comparison, a stream, or no JSON at all.
UNTYPED = re.compile(r"/grouping|/export/|/healthz|/readyz|/metrics")


@pytest.fixture(scope="module")
def documents(tenants: Tenants) -> dict[str, dict[str, Any]]:
    return {name: tenants.send(name, "GET", "/openapi.json", {}).json() for name in SERVICES}


def operations(documents: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, document in documents.items():
        for path, methods in document["paths"].items():
            for method in METHODS & methods.keys():
                yield f"{name} {method.upper()} {path}", path, methods[method]


def strict(schema: Any) -> Any:
    """Return a schema that takes no member which it does not name, so that what is new must be documented."""
    if isinstance(schema, dict):
        closed = {name: strict(value) for name, value in schema.items()}
        is_record = (
            "properties" in schema and "additionalProperties" not in schema and "error" not in schema["properties"]
        )
        return closed | ({"additionalProperties": False} if is_record else {})
    return [strict(each) for each in schema] if isinstance(schema, list) else schema


def problems_of(answer: httpx.Response, route: Route, document: dict[str, Any]) -> list[str]:
    """Return in what an answer differs from what is documented."""
    responses = document["paths"][route.path][route.method.lower()]["responses"]
    documented = responses.get(str(answer.status_code))
    if documented is None:
        return [f"{route}: {answer.status_code} is not documented: {answer.text[:200]}"]
    schema = documented.get("content", {}).get("application/json", {}).get("schema", {})
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return []
    whole = {**schema, "components": {"schemas": strict(document.get("components", {}).get("schemas", {}))}}
    errors = jsonschema.Draft202012Validator(whole).iter_errors(answer.json())
    return [f"{route} {answer.status_code}: {error.json_path} {error.message[:300]}" for error in errors]


def credentials(tenants: Tenants, route: Route) -> dict[str, str]:
    if route.service == "ingestion":
        return {"X-API-Key": tenants.project["api_key"]}
    return {"authorization": f"Bearer {tenants.member}"}


def test_every_route_but_the_public_ones_declares_how_to_sign_in(documents):
    open_ones = {path for _, path, operation in operations(documents) if not operation.get("security")}
    assert open_ones == PUBLIC
    for document in documents.values():
        named = set(document["components"].get("securitySchemes", {}))
        ways = [way for _, _, operation in operations({"": document}) for way in operation.get("security", ())]
        assert {scheme for way in ways for scheme in way} == named


def test_every_error_has_the_one_shape_or_adds_to_it(documents):
    others = set()
    for name, _, operation in operations(documents):
        for status, response in operation["responses"].items():
            if status >= "400":
                shape = response["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
                others.add((shape, "otlp" in name))
    assert others == {("ErrorAnswer", False), ("NotWritten", False), ("OtlpError", True)}
    assert not any("HTTPValidationError" in document["components"]["schemas"] for document in documents.values())


def test_every_route_documents_the_errors_that_it_can_answer(documents):
    for name, path, operation in operations(documents):
        expected = {"503"} if path not in {"/healthz", "/metrics"} else set()
        expected |= {"401"} if operation.get("security") else set()
        expected |= {"404"} if "{" in path and not name.startswith("ingestion") else set()
        wrong = "400" if name.startswith("identity") else "422"
        expected |= {wrong, "413"} if "requestBody" in operation else set()
        expected |= {"429", "403"} if name.startswith("ingestion") and path not in PUBLIC else set()
        assert expected <= operation["responses"].keys(), name
        assert wrong == "422" or "422" not in operation["responses"], name


def test_every_main_route_documents_what_it_answers(documents):
    bare = []
    for name, path, operation in operations(documents):
        for status, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            if status < "400" and schema.keys() != {"$ref"} and not UNTYPED.search(path):
                bare.append(f"{name} {status}: {schema}")
    assert bare == []


def test_real_merges_are_as_documented(tenants: Tenants, documents):
    path = f"/projects/{tenants.project['id']}/issues"
    into, other = [issue["id"] for issue in tenants.read("issues", f"{path}?limit=2")["issues"]]
    fingerprints = tenants.read("issues", f"{path}/{other}/fingerprints")["fingerprints"]
    calls = [
        ("/merge", {"into": into, "issues": [other]}),
        ("/{issue_id}/unmerge", {"fingerprints": [fingerprints[0]["fingerprint"]]}),
    ]
    for end, body in calls:
        route = Route("issues", "POST", f"/projects/{{project_id}}/issues{end}", None, ())
        answer = tenants.send("issues", "POST", path + end.format(issue_id=into), credentials(tenants, route), body)
        assert answer.status_code == 200
        assert problems_of(answer, route, documents["issues"]) == []


def test_real_refusals_are_as_documented(tenants: Tenants, documents):
    found: list[str] = []
    statuses = set()
    routes = (route for name in SERVICES for route in tenants.routes(name))
    for route in (route for route in routes if route.service != "ingestion" and route.path != OUT):
        path = route.path.format(**tenants.ids(route)) if "{" in route.path else route.path
        wrong = path.replace(str(tenants.project["id"]), str(UUID(int=7)))
        for where, body in ((wrong, b"no json"), (f"{path}?limit=0&query=level:x&from=x&cursor=x", b"[1]")):
            answer = tenants.send(route.service, route.method, where, credentials(tenants, route), body)
            statuses.add(answer.status_code)
            found += problems_of(answer, route, documents[route.service])
            if answer.status_code == 422 and "detail" in answer.json():
                assert {"where", "problem"} == answer.json()["detail"][0].keys()
    assert found == []
    assert statuses >= {400, 404, 422}


def test_real_answers_are_as_documented(tenants: Tenants, documents, module_database_url: str):
    routes = [route for name in SERVICES for route in tenants.routes(name)]
    found: list[str] = []
    answered: set[int] = set()
    # A second time what is read, after all that was done; what ends the session comes last.
    lasting, late = [route for route in routes if route.path != OUT], [route for route in routes if is_late(route)]
    for tried in (lasting, sorted(late, key=lambda route: route.path == OUT)):
        for route in tried:
            for headers in ({}, credentials(tenants, route)):
                answer = tenants.call(route, headers, tenants.ids(route))
                answered.add(answer.status_code)
                found += problems_of(answer, route, documents[route.service])
                assert route.path in PUBLIC or (answer.status_code == 401) == (not headers), route
        write_insights(module_database_url)
    assert found == []
    assert answered >= {200, 201, 202, 401, 404, 409}


def is_late(route: Route) -> bool:
    return route.method == "GET" or route.path == OUT


def write_insights(database_url: str) -> None:
    """Write what a model would have written: there is none here."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE intelligence.insights SET state = 'ready', summary = 's', root_cause = 'r', remediation = 'm', "
            "tokens_used = 1, model_used = 'm'"
        )
