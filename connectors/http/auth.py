"""Who may call: a key in `Authorization: Bearer KEY` or `X-API-Key: KEY`, on every path below /v1."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors import api_key
from connectors.http.ports import ApiKeys
from connectors.http.problems import UNAUTHORIZED, Problem, unavailable
from connectors.unavailable import Unavailable

GUARDED = "/v1"
FRESH_SECONDS = 5.0
_TRUSTED_SECONDS = 3600.0
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tidings"'}
_MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    secret_hash: bytes
    seen_at: float


class Keys:
    """Checks keys, and remembers good ones for 5 s; while PostgreSQL is away, for up to an hour."""

    def __init__(self, kept: ApiKeys, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._now = monotonic
        self._known: dict[str, _Known] = {}

    async def check(self, text: str) -> bool:
        """Whether this is a live key. Raises Unavailable when it cannot be known."""
        key = api_key.parse(text)
        if key is None:
            return False
        secret_hash = await self._secret_hash(key.key_id)
        return secret_hash is not None and api_key.is_secret(key.secret, secret_hash)

    async def _secret_hash(self, key_id: str) -> bytes | None:
        known = self._known.get(key_id)
        age = self._now() - known.seen_at if known else _TRUSTED_SECONDS
        if known and age < FRESH_SECONDS:
            return known.secret_hash
        try:
            found = await self._kept.secret_hash(key_id)
        except Unavailable:
            if known and age < _TRUSTED_SECONDS:
                return known.secret_hash
            raise
        self._remember(key_id, found)
        return found

    def _remember(self, key_id: str, found: bytes | None) -> None:
        if found is None:
            self._known.pop(key_id, None)
            return
        if len(self._known) >= _MAX_KEYS:
            self._known.clear()
        self._known[key_id] = _Known(found, self._now())


class Guard:
    """ASGI middleware: 401 before the body is read."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"] == GUARDED or scope["path"].startswith(f"{GUARDED}/")):
            refused = await self._refusal(Headers(scope=scope))
            if refused is not None:
                await refused.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, headers: Headers) -> Problem | None:
        text = _key_in(headers)
        if text is None:
            return Problem(
                UNAUTHORIZED, "no API key: send `Authorization: Bearer KEY` or `X-API-Key: KEY`", headers=_CHALLENGE
            )
        try:
            good = await self._keys.check(text)
        except Unavailable as error:
            return unavailable(error.service, "the API key cannot be checked right now")
        return None if good else Problem(UNAUTHORIZED, "this API key is unknown or revoked", headers=_CHALLENGE)


def _key_in(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return headers.get("x-api-key")
