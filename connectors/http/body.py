"""What all request bodies have in common: unknown fields are errors, names are bounded and plain."""

import re
import unicodedata
import zoneinfo
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MAX_LANGUAGE = 35


class Body(BaseModel):
    """The JSON object of one request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def example(value: dict[str, Any]) -> ConfigDict:
    """What a whole body looks like, for the reference page."""
    return ConfigDict(json_schema_extra={"examples": [value]})


def _plain(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must not hold control characters")
    return text


def _language(text: str) -> str:
    if len(text) > _MAX_LANGUAGE or not _LANGUAGE.fullmatch(text):
        raise ValueError("not a language tag: write one such as de or de-AT")
    return text


def _zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("not a time zone: write an IANA name such as Europe/Vienna") from None
    return text


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Language = Annotated[str, AfterValidator(_language)]
TimeZone = Annotated[str, AfterValidator(_zone)]


def field_names(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The fields there are at a place in a body: of the model itself, or of a model inside it."""
    for step in path:
        if isinstance(step, str):
            inner = model.model_fields.get(step)
            found = _model_in(inner.annotation) if inner else None
            if found is None:
                return []
            model = found
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each)) is not None), None)
