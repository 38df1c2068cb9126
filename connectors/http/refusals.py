"""What frameworks and servers raise, as problem documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from connectors.http.body import field_names
from connectors.http.problems import (
    INVALID_JSON,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    FieldError,
    Problem,
    invalid,
    unavailable,
)
from connectors.unavailable import Unavailable

_BY_STATUS = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}
_PLAIN = {
    "missing": "is missing",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_unicode": "holds half of a surrogate pair: this is no text",
    "model_attributes_type": "the body must be a JSON object",
    "model_type": "must be an object",
}


async def on_problem(_: Request, error: Exception) -> Response:
    """A problem of ours."""
    assert isinstance(error, Problem)
    return error.response()


async def on_unavailable(_: Request, error: Exception) -> Response:
    """A server is away."""
    assert isinstance(error, Unavailable)
    return unavailable(error.service, f"{error.service} does not answer").response()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """No route, no method; a body that FastAPI could not read."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return Problem(NOT_FOUND, f"there is no {request.url.path}; /docs lists what there is").response()
    if error.status_code == 405:
        return Problem(METHOD_NOT_ALLOWED, f"{request.method} does not work here", headers=headers).response()
    kind = _BY_STATUS.get(error.status_code, INVALID_JSON)
    return Problem(kind, "it is no UTF-8, nested too deeply, or has too long a number").response()


async def on_invalid(request: Request, error: Exception) -> Response:
    """A body that is not JSON, or one that has not the form it should have."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    broken = next((each for each in found if each["type"] == "json_invalid"), None)
    if broken is not None:
        position = broken["loc"][-1]
        said = f"{broken['ctx']['error']} at position {position}"
        return Problem(INVALID_JSON, said, position=position).response()
    route = request.scope.get("route")
    return invalid([_field_error(each, _model(route, each["loc"][0])) for each in found]).response()


def _model(route: Any, where: Any) -> Any:
    """What the route takes as its body, or as its query when that is a model."""
    if where == "query":
        asked = next(iter(getattr(getattr(route, "dependant", None), "query_params", ())), None)
    else:
        asked = getattr(route, "body_field", None)
    return getattr(getattr(asked, "field_info", None), "annotation", None)


def _field_error(error: Mapping[str, Any], model: Any) -> FieldError:
    path = tuple(error["loc"][1:])
    name = ".".join(str(step) for step in path)
    if not path and error["type"] == "missing":
        return FieldError("", "a JSON object is needed as body")
    if error["type"] == "extra_forbidden":
        thing = "parameter" if error["loc"][0] == "query" else "field"
        return FieldError(name, _unknown(thing, path, model))
    return FieldError(name, _PLAIN.get(error["type"]) or _said(error))


def _unknown(thing: str, path: Sequence[int | str], model: Any) -> str:
    there = field_names(model, tuple(path[:-1])) if isinstance(model, type) and issubclass(model, BaseModel) else []
    return f"there is no {thing} {path[-1]!r}" + (f"; there are {', '.join(there)}" if there else "")


def _said(error: Mapping[str, Any]) -> str:
    text: str = error["msg"].removeprefix("Value error, ")
    return text.replace("Input should", "must").replace("String should", "must").replace("List should", "must")


HANDLERS: Mapping[int | type[Exception], Any] = {
    Problem: on_problem,
    Unavailable: on_unavailable,
    HTTPException: on_http_exception,
    RequestValidationError: on_invalid,
}
