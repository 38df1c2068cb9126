"""/v1/dead-letters: what no retry helps, why, and putting it back to work."""

import base64
import binascii
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from connectors.http.json_response import JsonResponse
from connectors.http.ports import Cursor, DeadLetterFilter, Parts
from connectors.http.problems import ALREADY_REDRIVEN, INVALID, NOT_FOUND, UNAVAILABLE, FieldError, Problem, invalid
from connectors.http.responses import READING, responses
from connectors.http.states import DeadLetterDetail, DeadLetterPage, DeadLetterState
from connectors.redrive import AlreadyRedriven, DeadLetter, Redrive, redrive
from schemas.codec import Codec, PoisonRecord
from streams.domain.notification import Channel

PATH = "/v1/dead-letters"
_MAX_PAGE = 200
_READABLE = ("Delivery", "Notification")
DeadLetterId = Annotated[str, Path(description="As the list tells it.", examples=["3-1204"])]
DeadLetterKind = Literal["poison", "permanent", "exhausted", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Redriven:
    """It is back in its topic."""

    dead_letter_id: str
    status: str
    notification_id: str | None
    delivery_id: str | None


class DeadLetterRoutes:
    """Three routes."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def router(self) -> APIRouter:
        router = APIRouter(tags=["Dead letters"])
        router.get(
            PATH, summary="Dead letters, newest first", responses=responses(200, DeadLetterPage, (INVALID, UNAVAILABLE))
        )(self.page)
        router.get(
            f"{PATH}/{{dead_letter_id}}",
            summary="One dead letter with its record",
            responses=responses(200, DeadLetterDetail, READING),
        )(self.get)
        router.post(
            f"{PATH}/{{dead_letter_id}}/redrive",
            status_code=202,
            summary="Put a dead letter back to work",
            responses=responses(202, Redriven, (*READING, ALREADY_REDRIVEN)),
        )(self.redrive)
        return router

    async def page(
        self,
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE, description="How many at most.")] = 50,
        before: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        channel: Annotated[Channel | None, Query(description="Only of this channel.")] = None,
        kind: Annotated[DeadLetterKind | None, Query(description="Only of this kind.")] = None,
        redriven: Annotated[bool | None, Query(description="Only those that were redriven, or were not.")] = None,
    ) -> JsonResponse:
        """Without their records. A page after this one is asked for with `before`."""
        wanted = DeadLetterFilter(channel, kind, redriven)
        found = list(await self._parts.dead_letters.page(wanted, _cursor(before), limit + 1))
        more = len(found) > limit
        items = found[:limit]
        return JsonResponse(DeadLetterPage(items, _next(items[-1]) if more else None))

    async def get(self, dead_letter_id: DeadLetterId) -> JsonResponse:
        """`value` is decoded if it can be; otherwise `value_base64` holds the raw bytes."""
        found = await self._parts.dead_letters.find(_plain(dead_letter_id))
        if found is None:
            raise _no_dead_letter(dead_letter_id)
        return JsonResponse(detail(found, self._parts.codec))

    async def redrive(
        self,
        dead_letter_id: DeadLetterId,
        again: Annotated[bool, Query(description="Also when it was redriven before.")] = False,
    ) -> JsonResponse:
        """Mend the cause first. The same record goes back to its topic, with one more in its header `redrives`."""
        parts = self._parts
        asked = Redrive(_plain(dead_letter_id), again, parts.now(), parts.new_id())
        try:
            dead = await redrive(asked, parts.dead_letters, parts.publisher, parts.codec)
        except AlreadyRedriven as error:
            raise Problem(
                ALREADY_REDRIVEN, f"it was redriven at {error.dead.redriven_at}; ?again=true does it once more"
            ) from error
        if dead is None:
            raise _no_dead_letter(dead_letter_id)
        return JsonResponse(Redriven(dead.dead_letter_id, "redriven", dead.notification_id, dead.delivery_id), 202)


def _no_dead_letter(dead_letter_id: str) -> Problem:
    return Problem(NOT_FOUND, f"there is no dead letter {dead_letter_id!r}")


def _plain(dead_letter_id: str) -> str:
    """PostgreSQL's text has no NUL: asking for one would be an error there."""
    if "\0" in dead_letter_id:
        raise _no_dead_letter(dead_letter_id)
    return dead_letter_id


def _next(last: DeadLetterState) -> str:
    microseconds = int(last.dead_at.timestamp()) * 1_000_000 + last.dead_at.microsecond
    return base64.urlsafe_b64encode(f"{microseconds} {last.dead_letter_id}".encode()).decode().rstrip("=")


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        moment, _, dead_letter_id = told.partition(" ")
        seconds, microseconds = divmod(int(moment), 1_000_000)
        dead_at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise invalid([FieldError("before", "give what `next` told on the page before, or leave it out")]) from None
    return Cursor(dead_at, _plain(dead_letter_id))


def detail(found: DeadLetter, codec: Codec) -> DeadLetterDetail:
    """A dead letter as the API and the command line show it."""
    record, value = _read(found.value, codec)
    told = {each.name: getattr(found, each.name) for each in fields(DeadLetterState)}
    return DeadLetterDetail(
        **told,
        key=None if found.key is None else found.key.decode(errors="replace"),
        headers=list(found.headers),
        record=record,
        value=value,
        value_base64=None if value is not None or found.value is None else base64.b64encode(found.value).decode(),
    )


def _read(data: bytes | None, codec: Codec) -> tuple[str | None, dict[str, Any] | None]:
    for schema in _READABLE:
        try:
            return schema, codec.decode(schema, data)
        except PoisonRecord:
            continue
    return None, None
