"""Every error answer is a problem document (RFC 9457), and every kind of problem is declared here, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.http.json_response import JsonResponse

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. `name` is the end of its `type`, which leads to the reference page."""

    name: str
    status: int
    title: str
    remedy: str

    @property
    def type(self) -> str:
        return f"/docs#problem-{self.name}"


INVALID_JSON = Kind("invalid-json", 400, "The body is not JSON", "Mend the JSON at the position told.")
UNAUTHORIZED = Kind(
    "unauthorized",
    401,
    "A valid API key is needed",
    "Send `Authorization: Bearer KEY`; `tidings keys create` makes a key.",
)
NOT_FOUND = Kind("not-found", 404, "There is no such thing", "Check the path and the id.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Not with this method", "See the header Allow.")
REQUEST_TIMEOUT = Kind("request-timeout", 408, "The body did not arrive in time", "Send it again.")
ANOTHER_BODY = Kind(
    "another-body",
    409,
    "This notification_id was accepted with another body",
    "Use a new notification_id for a new notification.",
)
IN_PROGRESS = Kind(
    "in-progress",
    409,
    "A request with this notification_id is being handled",
    "Send the same request again after Retry-After.",
)
ALREADY_REDRIVEN = Kind(
    "already-redriven", 409, "This dead letter was redriven before", "Add `?again=true` to redrive it once more."
)
ALREADY_DROPPED = Kind(
    "already-dropped",
    409,
    "This dead letter was dropped",
    "Its record is forgotten here; whoever published it can publish it again.",
)
CANNOT_GO_BACK = Kind(
    "cannot-go-back",
    409,
    "This dead letter cannot be redriven",
    "It has expired, or it came from no topic of tidings: export what is needed of it, then drop it.",
)
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large", "Send at most 256 kB; send files by reference.")
NOT_JSON = Kind(
    "unsupported-media-type", 415, "The body must be application/json", "Send `Content-Type: application/json`."
)
INVALID = Kind("invalid", 422, "The request cannot be carried out as it is", "Mend each field named in `errors`.")
INTERNAL = Kind("internal", 500, "Something broke on our side", "Look for `error_id` in the log of the API.")
UNAVAILABLE = Kind(
    "unavailable", 503, "A server behind the API does not answer", "Send the same request again after Retry-After."
)

KINDS = (
    INVALID_JSON,
    UNAUTHORIZED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    REQUEST_TIMEOUT,
    ANOTHER_BODY,
    IN_PROGRESS,
    ALREADY_REDRIVEN,
    ALREADY_DROPPED,
    CANNOT_GO_BACK,
    BODY_TOO_LARGE,
    NOT_JSON,
    INVALID,
    INTERNAL,
    UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """`field` is a dotted name (`to.email`, `choices.0.type`); empty: the body as a whole."""

    field: str
    detail: str


class Problem(Exception):
    """Answer with this problem. `members` are added to the document."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = members

    @property
    def text(self) -> str:
        """For people at a terminal: every field and what is wrong with it."""
        told = [f"{each.field}: {each.detail}" if each.field else each.detail for each in self.errors]
        return "; ".join(told) or self.detail

    def response(self) -> JsonResponse:
        """The document, with its media type."""
        document: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            document["errors"] = [{"field": each.field, "detail": each.detail} for each in self.errors]
        return JsonResponse(document, self.kind.status, self.headers, MEDIA_TYPE)


def invalid(errors: Sequence[FieldError]) -> Problem:
    """422 that names every field."""
    told = [f"{each.field}: {each.detail}" if each.field else each.detail for each in errors]
    return Problem(INVALID, "; ".join(told[:3]) + ("; ..." if len(told) > 3 else ""), errors)


def unavailable(service: str, detail: str, **members: Any) -> Problem:
    """503 that asks to come again in a second."""
    return Problem(UNAVAILABLE, detail, headers={"Retry-After": "1"}, service=service, **members)
