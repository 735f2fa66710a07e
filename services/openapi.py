"""What the OpenAPI documents of all services say alike: how one signs in, and what errors look like."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

Answers = dict[int | str, dict[str, Any]]

BEARER: Final = HTTPBearer(
    scheme_name="Session", bearerFormat="JWT", description="The token of `POST /auth/signin`", auto_error=False
)
_REFS: Final = "#/components/schemas/"
_SAID_OF: Final = {
    400: "It cannot be read, or cannot be done; `error` says why",
    401: "No token, or one that does not hold: sign in",
    404: "There is none of that id, or it is not yours to see",
    413: "The body is too large",
    422: "The request has the wrong shape; `detail` says where",
    503: "What the service needs does not answer: try again after `Retry-After` seconds",
}


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["body.threshold"])
    problem: str


class ErrorAnswer(BaseModel):
    """Every error. A route may add members of its own."""

    error: str = Field(description="What is wrong, for people")
    detail: list[FieldProblem] | Any = Field(
        None,
        description="More, for programs: of a request of the wrong shape where it is wrong, else as the route says",
    )


class Done(BaseModel):
    """It is done."""

    status: str


class DescribedApp(FastAPI):
    """A FastAPI app whose OpenAPI document has the errors that its routes answer.

    Attributes:
        wrong_shape: The status for a request of the wrong shape.
    """

    wrong_shape = 422

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        if self.openapi_schema is None:
            complete(super().openapi(), self.wrong_shape)
        assert self.openapi_schema is not None
        return self.openapi_schema


def answers(model: type[BaseModel], status: int = 200) -> Answers:
    """Return the `responses` of a route that documents what it answers; nothing is validated when it does."""
    return {status: {"model": model}}


def complete(document: dict[str, Any], wrong_shape: int) -> None:
    """Give every operation of a document its errors, in their one shape, in place of FastAPI's own."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses: dict[str, Any] = operation["responses"]
            # FastAPI adds its own shape wherever there is something to read.
            responses.pop("422", None) if _is_frameworks(responses.get("422", {})) else None
            for status in _statuses(path, operation, wrong_shape):
                responses.setdefault(str(status), {"description": _SAID_OF[status]})
            for status_text, response in responses.items():
                _give_schema(response, is_error=status_text >= "400")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= schemas_of(ErrorAnswer)


def schemas_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the schemas of models and of what they hold, by name, as they stand among a document's components."""
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=_REFS + "{model}")
        found |= schema.pop("$defs", {}) | {model.__name__: schema}
    return found


def json_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `content` of an answer that is such a model."""
    return {"application/json": {"schema": {"$ref": _REFS + model.__name__}}}


def _statuses(path: str, operation: dict[str, Any], wrong_shape: int) -> set[int]:
    if "operations" in operation.get("tags", ()):
        return {503} if path == "/readyz" else set()
    found = {503}
    if "security" in operation:
        found.add(401)
    if "{" in path:
        found.add(404)
    if "requestBody" in operation:
        found |= {400, 413, wrong_shape}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", ())):
        found |= {400, wrong_shape}
    return found


def _give_schema(response: dict[str, Any], *, is_error: bool) -> None:
    if is_error:
        content = response.setdefault("content", {"application/json": {}})
        content.get("application/json", {}).setdefault("schema", {"$ref": f"{_REFS}{ErrorAnswer.__name__}"})
        return
    for media in response.get("content", {}).values():
        # FastAPI lays a documented model over what it makes of the return type.
        if "$ref" in media.get("schema", {}):
            media["schema"] = {"$ref": media["schema"]["$ref"]}


def _is_frameworks(response: dict[str, Any]) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")
