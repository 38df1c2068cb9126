"""Which notification ids were accepted, for 7 days: the API answers the same request again without producing again.

`tidings:accepted:<notification_id>` -> JSON, written after Kafka confirmed the record. `tidings:accepting:<id>` holds
an id for the moment in which its first request is handled.
"""

from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from connectors.http.ports import Accepted, Opened
from connectors.redis.asking import Asking
from connectors.redis.recipients import decode as decode_recipient
from connectors.redis.recipients import key_of as key_of_recipient

REMEMBERED_SECONDS = 7 * 24 * 3600
HELD_MS = 5_000
_FOLDER = Path(__file__).parent
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Accepted)


class AcceptedInRedis:
    """Every method raises Unavailable, at once for half a second after Redis did not answer."""

    def __init__(self, redis: Redis, asking: Asking | None = None) -> None:
        self._redis = redis
        self._open = redis.register_script((_FOLDER / "open_notification.lua").read_text())
        self._let_go = redis.register_script((_FOLDER / "let_go.lua").read_text())
        self._asking = asking or Asking()

    async def open(self, notification_id: str, ticket: str, recipient_id: str | None) -> Opened:
        """Look an id up and hold it under `ticket`, unless it was accepted or another ticket holds it."""
        keys = _keys(notification_id) + ([] if recipient_id is None else [key_of_recipient(recipient_id)])
        accepted, busy, recipient = await self._asking.ask(lambda: self._open(keys=keys, args=[ticket, HELD_MS]))
        known = decode_recipient(recipient_id, recipient) if recipient_id is not None else None
        return Opened(_decoded(accepted), bool(busy), known)

    async def confirm(self, notification_id: str, ticket: str, accepted: Accepted) -> None:
        """Remember it (the first stays) and let go of it."""
        arguments: list[str | bytes | int] = [ticket, _ENCODER.encode(accepted), REMEMBERED_SECONDS]
        await self._asking.tell(lambda: self._let_go(keys=_keys(notification_id), args=arguments))

    async def release(self, notification_id: str, ticket: str) -> None:
        """Let go of it: it was not accepted."""
        await self._asking.tell(lambda: self._let_go(keys=_keys(notification_id), args=[ticket, "", 0]))

    async def find(self, notification_id: str) -> Accepted | None:
        """What is remembered of it."""
        return _decoded(await self._asking.ask(lambda: self._remembered(notification_id)))

    async def _remembered(self, notification_id: str) -> Any:
        return await self._redis.get(_keys(notification_id)[0])


def _keys(notification_id: str) -> list[str]:
    return [f"tidings:accepted:{notification_id}", f"tidings:accepting:{notification_id}"]


def _decoded(data: bytes | None) -> Accepted | None:
    if not data:
        return None
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError:
        return None
