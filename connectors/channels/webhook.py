"""Webhooks: JSON by POST, signed as Standard Webhooks 1.0.0 says."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from yarl import URL

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_client import Http, HttpClient
from connectors.channels.http_url import HttpUrl, UnfitUrl, parse_url
from connectors.channels.redaction import redacted
from connectors.channels.retry_after import retry_after
from connectors.channels.webhook_codes import failure_of
from connectors.channels.webhook_signature import Signer
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent

_PORTS = frozenset({443, 8443})
_HEAD = (
    "Content-Type: application/json\r\nAccept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: tidings\r\n"
    "webhook-id: {}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n"
).format
_TRANSIENT, _PERMANENT = FailureKind.TRANSIENT, FailureKind.PERMANENT
_FAULTS = {
    Fault.UNUSABLE: Failure(_PERMANENT, "the URL or a header cannot be used"),
    Fault.BLOCKED: Failure(_PERMANENT, "blocked: the URL leads to an address that is not public"),
    Fault.NO_ADDRESS: Failure(_TRANSIENT, "the host has no address"),
    Fault.TLS: Failure(_TRANSIENT, "TLS failed: the certificate or protocol does not fit"),
    Fault.NO_CONNECTION: Failure(_TRANSIENT, "no connection"),
    Fault.LOST: Failure(_TRANSIENT, "the connection was lost or the answer is not HTTP"),
}


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """How receivers are called. `secrets`: from parse_secrets. `allow_private`: http and every address and port."""

    secrets: tuple[bytes, ...] = field(repr=False)
    timeout_seconds: float = 15
    allow_private: bool = False
    connections: int = 512
    connect_seconds: float = 5


class WebhookProvider:
    """Implements streams.domain.ports.Provider. A 2xx is the proof of delivery."""

    name = "webhook"

    def __init__(self, policy: WebhookPolicy, clock: Callable[[], float] = time.time, http: Http | None = None) -> None:
        """`http`: another way to call, which then has to keep away from private addresses itself."""
        if not policy.secrets:
            raise ValueError("a webhook needs a secret to be signed with")
        self._policy = policy
        self._clock = clock
        self._signer = Signer(policy.secrets)
        self._http = http or HttpClient(policy.connections, policy.connect_seconds, not policy.allow_private)

    async def start(self) -> None:
        await self._http.start()

    async def close(self) -> None:
        await self._http.close()

    async def send(self, message: Message) -> Outcome:
        """One POST. A URL that may not be called is a permanent failure, without a call."""
        url = checked_url(message.address, self._policy.allow_private)
        if isinstance(url, Failure):
            return DeadLetter(url)
        started_at, began = self._clock(), time.perf_counter()
        answer, failure = await self._post(url, message, started_at)
        call = ProviderCall(
            provider=self.name,
            started_at=int(started_at * 1000),
            duration_ms=(time.perf_counter() - began) * 1000,
            code=str(answer.status) if answer is not None else None,
            request=f"POST {url.origin.host}",
            response=_kept(answer, message) if answer is not None and failure is not None else "",
        )
        if failure is None:
            return Sent(call, delivered=True)
        if failure.kind is FailureKind.PERMANENT:
            return DeadLetter(failure, call)
        return RetryLater(failure, call)

    async def _post(self, url: HttpUrl, message: Message, now: float) -> tuple[Answer | None, Failure | None]:
        policy, identity, second = self._policy, message.delivery_id, int(now)
        if not (identity.isascii() and identity.isprintable()):
            return None, _FAULTS[Fault.UNUSABLE]
        try:
            body = message.parts["body"].encode()
        except UnicodeEncodeError:
            return None, Failure(FailureKind.PERMANENT, "the body is not valid Unicode")
        head = _HEAD(identity, second, self._signer.sign(identity, second, body))
        try:
            answer = await self._http.post(url, head, body, policy.timeout_seconds)
        except NoAnswer as why:
            if why.fault is Fault.TOO_LATE:
                return None, Failure(FailureKind.TRANSIENT, f"no answer within {policy.timeout_seconds:g} s")
            return None, _FAULTS[why.fault]
        return answer, failure_of(answer.status, retry_after(answer.retry_after, now))


def checked_url(address: str, allow_private: bool) -> HttpUrl | Failure:
    """The URL, if it may be called; else why not. What the host leads to is checked when connecting."""
    try:
        url = parse_url(address)
    except UnfitUrl as why:
        return _blocked(str(why))
    if allow_private:
        return url
    if not url.origin.tls:
        return _blocked("the URL does not begin with https://")
    if url.origin.port not in _PORTS:
        return _blocked("the port is neither 443 nor 8443")
    return url


def _blocked(reason: str) -> Failure:
    return Failure(FailureKind.PERMANENT, f"blocked: {reason}")


def _kept(answer: Answer, message: Message) -> str:
    if not answer.begin:
        return ""
    return redacted(answer.begin.decode("utf-8", "replace"), set(_known(message)))


def _known(message: Message) -> Iterator[str]:
    """What an answer may repeat of us and must not be kept: the URL's secrets and the values of the body."""
    url = URL(message.address)
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
