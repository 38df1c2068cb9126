"""/v1/dead-letters: what no retry helps, and why: listed, counted, shown, exported."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.responses import StreamingResponse

from connectors.dead_letters.dead_letter import Cursor, DeadLetter
from connectors.dead_letters.stats import DeadLetterStats
from connectors.http.dead_letter_bodies import FilterQuery, PageQuery, cursor, next_page
from connectors.http.dead_letter_detail import detail, exported
from connectors.http.json_response import JsonResponse
from connectors.http.ports import Parts
from connectors.http.problems import INVALID, NOT_FOUND, UNAVAILABLE, Problem
from connectors.http.responses import READING, responses
from connectors.http.states import DeadLetterDetail, DeadLetterPage

PATH = "/v1/dead-letters"
TAG = "Dead letters"
LINES = "application/x-ndjson"
_EXPORTED_AT_ONCE = 20  # a record may have megabytes
DeadLetterId = Annotated[str, Path(description="As the list tells it.", examples=["3-1204"])]
_ENCODER = msgspec.json.Encoder()


class DeadLetterRoutes:
    """Looking at them; dead_letter_work is what can be done about them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def router(self) -> APIRouter:
        router = APIRouter(tags=[TAG])
        asking = (INVALID, UNAVAILABLE)
        router.get(PATH, summary="Dead letters, newest first", responses=responses(200, DeadLetterPage, asking))(
            self.page
        )
        router.get(
            f"{PATH}/stats", summary="Dead letters in numbers", responses=responses(200, DeadLetterStats, asking)
        )(self.stats)
        router.get(
            f"{PATH}/export",
            summary="Dead letters as JSON lines",
            response_class=StreamingResponse,
            responses=_lines(asking),
        )(self.export)
        router.get(  # after the two above, which it would match, too
            f"{PATH}/{{dead_letter_id}}",
            summary="One dead letter with its record",
            responses=responses(200, DeadLetterDetail, READING),
        )(self.get)
        return router

    async def page(self, query: Annotated[PageQuery, Query()]) -> JsonResponse:
        """Without their records. A page after this one is asked for with `before`."""
        found = list(
            await self._parts.dead_letters.page(query.wanted(query.state), cursor(query.before), query.limit + 1)
        )
        items = found[: query.limit]
        more = len(found) > query.limit
        return JsonResponse(
            DeadLetterPage(items, next_page(items[-1].dead_at, items[-1].dead_letter_id) if more else None)
        )

    async def stats(self, query: Annotated[FilterQuery, Query()]) -> JsonResponse:
        """How many the filters mean, since when, and how many of each state, kind, type, channel, provider, reason."""
        return JsonResponse(await self._parts.dead_letters.stats(query.wanted(query.state), self._parts.now()))

    async def export(self, query: Annotated[FilterQuery, Query()]) -> StreamingResponse:
        """Newest first, one JSON object a line, as the single one is shown; `value_base64` always holds the raw bytes.
        The connection breaks off when a server goes away on the way: a whole export ends in a line's end."""
        wanted = query.wanted(query.state)
        first = await self._parts.dead_letters.letters(wanted, None, _EXPORTED_AT_ONCE)

        async def lines() -> AsyncIterator[bytes]:
            letters: Sequence[DeadLetter] = first
            while letters:
                yield b"".join(_ENCODER.encode(exported(each, self._parts.codec)) + b"\n" for each in letters)
                last = Cursor(letters[-1].dead_at, letters[-1].dead_letter_id)
                letters = await self._parts.dead_letters.letters(wanted, last, _EXPORTED_AT_ONCE)

        return StreamingResponse(lines(), media_type=LINES)

    async def get(self, dead_letter_id: DeadLetterId) -> JsonResponse:
        """`value` is decoded if it can be; otherwise `value_base64` holds the raw bytes."""
        found = await self._parts.dead_letters.find(plain(dead_letter_id))
        if found is None:
            raise no_dead_letter(dead_letter_id)
        return JsonResponse(detail(found, self._parts.codec))


def no_dead_letter(dead_letter_id: str) -> Problem:
    return Problem(NOT_FOUND, f"there is no dead letter {dead_letter_id!r}")


def plain(dead_letter_id: str) -> str:
    """PostgreSQL's text has no NUL: asking for one would be an error there."""
    if "\0" in dead_letter_id:
        raise no_dead_letter(dead_letter_id)
    return dead_letter_id


def _lines(kinds: Any) -> dict[int | str, dict[str, Any]]:
    made = responses(200, None, kinds)
    made[200] = {"description": "A line for each.", "content": {LINES: {"schema": {"type": "string"}}}}
    return made
