"""Webhooks: JSON by POST, signed as Standard Webhooks 1.0.0 says."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from connectors.channels.public_address import BlockedAddress, public_socket
from connectors.channels.redaction import redacted
from connectors.channels.retry_after import retry_after
from connectors.channels.webhook_codes import failure_of
from connectors.channels.webhook_signature import sign
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent

ANSWER_BYTES = 64 * 1024
_LONGEST_URL = 2048
_PORTS = frozenset({443, 8443})


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """How receivers are called. `secrets`: from parse_secrets. `allow_private`: http and every address and port."""

    secrets: tuple[bytes, ...] = field(repr=False)
    timeout_seconds: float = 15
    allow_private: bool = False
    connections: int = 512


class WebhookProvider:
    """Implements streams.domain.ports.Provider. A 2xx is the proof of delivery."""

    name = "webhook"

    def __init__(
        self,
        policy: WebhookPolicy,
        clock: Callable[[], float] = time.time,
        resolver: AbstractResolver | None = None,
    ) -> None:
        if not policy.secrets:
            raise ValueError("a webhook needs a secret to be signed with")
        self._policy = policy
        self._clock = clock
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=self._policy.connections,
            resolver=self._resolver,
            socket_factory=None if self._policy.allow_private else public_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._policy.timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a few kB of gzip can become gigabytes
            trust_env=False,
            headers={"Content-Type": "application/json", "User-Agent": "tidings", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, message: Message) -> Outcome:
        """One POST. A URL that may not be called is a permanent failure, without a call."""
        assert self._session is not None, "start() comes first"
        url = checked_url(message.address, self._policy.allow_private)
        if isinstance(url, Failure):
            return DeadLetter(url)
        started_at, began = self._clock(), time.perf_counter()
        answer = await self._post(self._session, url, message, started_at)
        call = ProviderCall(
            provider=self.name,
            started_at=int(started_at * 1000),
            duration_ms=(time.perf_counter() - began) * 1000,
            code=str(answer.status) if answer.status else None,
            request=f"POST {url.host}",
            response=redacted(answer.text, set(_known(url, message))) if answer.failure is not None else "",
        )
        if answer.failure is None:
            return Sent(call, delivered=True)
        if answer.failure.kind is FailureKind.PERMANENT:
            return DeadLetter(answer.failure, call)
        return RetryLater(answer.failure, call)

    async def _post(self, session: aiohttp.ClientSession, url: URL, message: Message, now: float) -> "_Answer":
        body = message.parts["body"].encode()
        headers = {
            "webhook-id": message.delivery_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": sign(self._policy.secrets, message.delivery_id, int(now), body),
        }
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                failure = failure_of(response.status, retry_after(response.headers.get("Retry-After"), now))
                return _Answer(response.status, await _read(response), failure)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _Answer(0, "", self._failure(error))

    def _failure(self, error: Exception) -> Failure:
        """Reasons in our own words: those of aiohttp name hosts and URLs."""
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, BlockedAddress):
            return Failure(FailureKind.PERMANENT, "blocked: the URL leads to an address that is not public")
        if isinstance(error, TimeoutError):
            return Failure(FailureKind.TRANSIENT, f"no answer within {self._policy.timeout_seconds:g} s")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return Failure(FailureKind.TRANSIENT, "the host has no address")
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return Failure(FailureKind.TRANSIENT, "TLS failed: the certificate or protocol does not fit")
        if isinstance(error, aiohttp.ClientConnectorError):
            return Failure(FailureKind.TRANSIENT, "no connection")
        if isinstance(error, ValueError):
            return Failure(FailureKind.PERMANENT, "the URL or a header cannot be used")
        return Failure(FailureKind.TRANSIENT, "the connection was lost or the answer is not HTTP")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str
    failure: Failure | None


def checked_url(address: str, allow_private: bool) -> URL | Failure:
    """The URL, if it may be called; else why not. What the host leads to is checked when connecting."""
    try:
        url = URL(address)
        port = url.port
    except ValueError:
        return _blocked("the address is no URL")
    if len(address) > _LONGEST_URL:
        return _blocked(f"the URL is longer than {_LONGEST_URL} characters")
    if not url.host or url.scheme not in ("https", "http"):
        return _blocked("the URL does not begin with https:// and a host")
    if url.user is not None or url.password is not None:
        return _blocked("the URL has a user or password in it")
    if allow_private:
        return url
    if url.scheme != "https":
        return _blocked("the URL does not begin with https://")
    if port not in _PORTS:
        return _blocked("the port is neither 443 nor 8443")
    return url


def _blocked(reason: str) -> Failure:
    return Failure(FailureKind.PERMANENT, f"blocked: {reason}")


async def _read(response: aiohttp.ClientResponse) -> str:
    """The begin of the answer, for the log. The status is known: what goes wrong from here on changes nothing."""
    kept = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError):
        while len(kept) < ANSWER_BYTES:
            piece = await response.content.read(ANSWER_BYTES - len(kept))
            if not piece:
                return kept.decode("utf-8", "replace")
            kept += piece
    response.close()  # the rest of a long or broken answer is not worth a kept connection
    return kept.decode("utf-8", "replace")


def _known(url: URL, message: Message) -> Iterator[str]:
    """What an answer may repeat of us and must not be kept: the URL's secrets and the values of the body."""
    yield message.address
    yield from (part for part in url.raw_parts if part != "/")
    yield from url.query.values()
    with suppress(ValueError, RecursionError):
        yield from _values(json.loads(message.parts["body"]).get("data"))


def _values(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
