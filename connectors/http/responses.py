"""Which answers a route can give, for its OpenAPI description."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from pydantic import BaseModel, ConfigDict

from connectors.http import problems
from connectors.http.problems import MEDIA_TYPE, Kind

READING = (problems.NOT_FOUND, problems.INVALID, problems.UNAVAILABLE)
WRITING = (
    problems.INVALID_JSON,
    problems.BODY_TOO_LARGE,
    problems.NOT_JSON,
    problems.INVALID,
    problems.UNAVAILABLE,
)
ACCEPTING = (*WRITING, problems.ANOTHER_BODY, problems.IN_PROGRESS)


class FieldProblem(BaseModel):
    """One field to be mended."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """RFC 9457. `errors` names each field that is wrong; some kinds add members, such as `notification_id`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


def responses(status: int, model: Any, kinds: Iterable[Kind]) -> dict[int | str, dict[str, Any]]:
    """The good answer, 401, and each kind of problem."""
    good = {"description": "Done."} if model is None else {"model": model, "description": model.__doc__}
    made: dict[int | str, dict[str, Any]] = {status: good}
    told = sorted({problems.UNAUTHORIZED, *kinds}, key=lambda kind: (kind.status, kind.name))
    for code, group in groupby(told, key=lambda kind: kind.status):
        made[code] = {"model": ProblemDocument, "description": " / ".join(kind.title for kind in group)}
    return made


def as_problems(schema: dict[str, Any]) -> None:
    """Give the error answers of an OpenAPI description the media type that they are sent with."""
    for path in schema["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if status >= "400" and "application/json" in answer.get("content", {}):
                    answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
