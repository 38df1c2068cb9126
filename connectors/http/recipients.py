"""/v1/recipients: who is told where, and what they want."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from connectors.http.body import Name
from connectors.http.catalogue_rules import choice_errors
from connectors.http.json_response import JsonResponse
from connectors.http.ports import Parts
from connectors.http.problems import NOT_FOUND, Problem, invalid
from connectors.http.recipient_body import PreferencesBody, RecipientBody
from connectors.http.responses import READING, WRITING, responses
from connectors.stored_recipient import StoredRecipient
from connectors.unavailable import Unavailable
from ops.telemetry import logs
from streams.domain.address_mark import mark_key, marked_channel
from streams.domain.notification import Channel
from streams.domain.preferences import Choice
from streams.domain.recipient import Recipient

# `path`: an id may hold a slash
PATH = "/v1/recipients/{recipient_id:path}"
RecipientId = Annotated[Name, Path(description="1 to 200 characters, percent-encoded.", examples=["ada"])]


@dataclass(frozen=True, slots=True)
class MarkState:
    """An address of which its provider said that it takes nothing any more: deliveries to it are suppressed."""

    channel: str
    own: Annotated[bool, Field(description="It is the address kept here; false: one that was given inline.")]
    reason: Annotated[str, Field(description="What the provider said.")]
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class RecipientState:
    """`version` rises with every change of the recipient or of what they want."""

    recipient_id: str
    version: int
    addresses: dict[str, str]
    locale: str | None
    time_zone: str | None
    tenant: str | None
    marks: Annotated[list[MarkState], Field(description="Addresses that take nothing any more, and why.")]


@dataclass(frozen=True, slots=True)
class PreferencesState:
    """What a recipient wants."""

    recipient_id: str
    version: int
    unsubscribed: Annotated[bool, Field(description="Nothing of a commercial category.")]
    choices: list[Choice]


class RecipientRoutes:
    """Each change is one transaction with the record that tells the router of it; senders see it at once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def router(self) -> APIRouter:
        router = APIRouter(tags=["Recipients"])
        wants = f"{PATH}/preferences"  # before PATH, which would match it, too
        router.put(wants, summary="Say what a recipient wants", responses=responses(200, PreferencesState, WRITING))(
            self.put_preferences
        )
        router.get(wants, summary="What a recipient wants", responses=responses(200, PreferencesState, READING))(
            self.get_preferences
        )
        mark = f"{PATH}/addresses/{{channel}}/mark"
        router.delete(
            mark, status_code=204, summary="Try a marked address again", responses=responses(204, None, READING)
        )(self.clear_mark)
        router.put(PATH, summary="Save a recipient", responses=responses(200, RecipientState, WRITING))(self.put)
        router.get(PATH, summary="One recipient", responses=responses(200, RecipientState, READING))(self.get)
        router.delete(PATH, status_code=204, summary="Erase a recipient", responses=responses(204, None, READING))(
            self.delete
        )
        return router

    async def put(self, recipient_id: RecipientId, body: RecipientBody) -> JsonResponse:
        """Addresses, locale, time zone and tenant become what the body says. Retries use the new address, too."""
        errors = body.errors()
        if errors:
            raise invalid(errors)
        saved = await self._parts.recipients.save_profile(body.recipient(recipient_id), self._parts.now())
        await self._cache(saved)
        return JsonResponse(_recipient(saved))

    async def get(self, recipient_id: RecipientId) -> JsonResponse:
        """As it is kept now."""
        return JsonResponse(_recipient(await self._kept(recipient_id)))

    async def delete(self, recipient_id: RecipientId) -> Response:
        """Addresses, language and wishes are gone; senders find no address any more. An id and a number are left."""
        erased = await self._parts.recipients.erase(recipient_id, self._parts.now())
        if erased is None:
            raise _no_recipient(recipient_id)
        await self._cache(erased)
        return Response(status_code=204)

    async def clear_mark(self, recipient_id: RecipientId, channel: Channel) -> Response:
        """What was marked of this channel is tried again from now on. A new address for the channel does the same. Dead
        letters have to be redriven."""
        cleared = await self._parts.recipients.clear_marks(recipient_id, channel, self._parts.now())
        if cleared is None:
            raise _no_recipient(recipient_id)
        await self._cache(cleared)
        return Response(status_code=204)

    async def put_preferences(self, recipient_id: RecipientId, body: PreferencesBody) -> JsonResponse:
        """Replaces all choices. Also before the recipient itself is saved. Senders ask again right before the call,
        so it holds for what is already on its way."""
        wanted = body.preference(recipient_id)
        errors = choice_errors(wanted.choices, self._parts.catalogue)
        if errors:
            raise invalid(errors)
        saved = await self._parts.recipients.save_choices(wanted, self._parts.now())
        await self._cache(saved)
        return JsonResponse(_preferences(saved))

    async def get_preferences(self, recipient_id: RecipientId) -> JsonResponse:
        """As they are kept now."""
        return JsonResponse(_preferences(await self._kept(recipient_id)))

    async def _kept(self, recipient_id: str) -> StoredRecipient:
        found = (await self._parts.recipients.load([recipient_id])).get(recipient_id)
        if found is None or found.erased:
            raise _no_recipient(recipient_id)
        return found

    async def _cache(self, changed: StoredRecipient) -> None:
        """So that senders see it at once; when Redis is away, the outbox relay does it later."""
        try:
            await self._parts.cache.put(changed)
        except Unavailable as error:
            logs.get().debug("recipient not cached", version=changed.version, error=str(error))


def _no_recipient(recipient_id: str) -> Problem:
    return Problem(NOT_FOUND, f"there is no recipient {recipient_id!r}")


def _recipient(stored: StoredRecipient) -> RecipientState:
    told, wants = stored.recipient, stored.recipient.preference
    return RecipientState(
        told.recipient_id,
        wants.version,
        dict(told.addresses),
        wants.locale,
        wants.time_zone,
        told.tenant,
        _marks(told),
    )


def _marks(told: Recipient) -> list[MarkState]:
    own = {mark_key(told.recipient_id, channel, address) for channel, address in told.addresses.items()}
    return [
        MarkState(marked_channel(key), key in own, mark.reason, datetime.fromtimestamp(mark.marked_at / 1000, UTC))
        for key, mark in sorted(told.marks.items())
    ]


def _preferences(stored: StoredRecipient) -> PreferencesState:
    wants = stored.recipient.preference
    return PreferencesState(stored.recipient_id, wants.version, wants.unsubscribed, list(wants.choices))
