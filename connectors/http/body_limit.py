"""No body is read that is too large, too slow or of another kind than JSON; handlers get it whole."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.http.problems import BODY_TOO_LARGE, NOT_JSON, REQUEST_TIMEOUT, Problem

MAX_BYTES = 256 * 1024
_SECONDS = 10.0
_CLOSE = {"Connection": "close"}


class BodyLimit:
    """ASGI middleware. Answers 413, 415 and 408 itself."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BYTES, seconds: float = _SECONDS) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(Headers(scope=scope), receive)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_bytes:
            raise self._too_large(f"it has {declared} bytes")
        if "content-length" not in headers and "transfer-encoding" not in headers:
            return b""
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._collect(receive)
        except TimeoutError:
            raise Problem(
                REQUEST_TIMEOUT, f"the body must arrive within {self._seconds:g} seconds", headers=_CLOSE
            ) from None
        if body and not _is_json(headers.get("content-type", "")):
            raise Problem(NOT_JSON, f"the Content-Type is {headers.get('content-type') or 'missing'}")
        return body

    async def _collect(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b""  # the client is gone; nobody hears the answer
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large("it is longer")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self, said: str) -> Problem:
        return Problem(BODY_TOO_LARGE, f"a body may have {self._max_bytes} bytes, and {said}", headers=_CLOSE)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
