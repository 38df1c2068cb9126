"""JSON answers, written by msgspec: datetimes as RFC 3339 in UTC, dataclasses as objects."""

from typing import Any

import msgspec
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder()


class JsonResponse(Response):
    """Any value of ours as JSON."""

    def __init__(
        self, value: Any, status: int = 200, headers: dict[str, str] | None = None, media_type: str = "application/json"
    ) -> None:
        super().__init__(_ENCODER.encode(value), status, headers, media_type)
