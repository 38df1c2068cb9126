"""SMS by Twilio's Messages API, or one like it."""

import asyncio
import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from connectors.channels.redaction import redacted
from connectors.channels.retry_after import retry_after
from connectors.channels.sms_codes import Answer, failure_of, unsure
from connectors.channels.sms_segments import segments
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent
from streams.domain.phone_number import number_fault

LONGEST_TEXT = 1600
ANSWER_BYTES = 64 * 1024
LONGEST_VALIDITY_SECONDS = 14_400  # what every account is allowed
_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_ACCOUNT = re.compile(r"[A-Za-z0-9]{2,64}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9 +&_-]{1,11}")
_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FAILED = frozenset({"failed", "undelivered", "canceled"})


@dataclass(frozen=True, slots=True)
class SmsPolicy:
    """Whose account, and who it is sent from. `token`: an auth token, or an API key as SID:secret."""

    url: str
    account: str
    token: str = field(repr=False)
    sender: str
    status_url: str = ""
    timeout_seconds: float = 15
    connect_seconds: float = 5
    connections: int = 64


class TwilioProvider:
    """Implements streams.domain.ports.Provider. Raises ValueError at once, the name of the setting first, for a policy
    that cannot work."""

    name = "twilio"

    def __init__(self, policy: SmsPolicy, clock: Callable[[], float] = time.time) -> None:
        _check(policy)
        self._policy = policy
        self._clock = clock
        self._url = f"{policy.url.rstrip('/')}/2010-04-01/Accounts/{policy.account}/Messages.json"
        key, _, secret = policy.token.rpartition(":")
        self._login = "Basic " + b64encode(f"{key or policy.account}:{secret}".encode()).decode()
        self._sender = {"MessagingServiceSid" if _SERVICE.fullmatch(policy.sender) else "From": policy.sender}
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        policy = self._policy
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_that_it_left)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=policy.connections),
            timeout=aiohttp.ClientTimeout(total=policy.timeout_seconds, sock_connect=policy.connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={
                "Authorization": self._login,
                "User-Agent": "tidings",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            trace_configs=[trace],
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, message: Message) -> Outcome:
        """One SMS. What can never be one is a permanent failure, without a call."""
        assert self._session is not None, "start() comes first"
        unfit = _unfit(message)
        if unfit is not None:
            return DeadLetter(unfit)
        started_at, began = self._clock(), time.perf_counter()
        answer = await self._post(self._session, self._form(message, started_at), started_at)
        call = self._call(message, answer, started_at, (time.perf_counter() - began) * 1000)
        failure = answer.failure
        if failure is None:
            return Sent(call)
        return DeadLetter(failure, call) if failure.kind is FailureKind.PERMANENT else RetryLater(failure, call)

    def _form(self, message: Message, now: float) -> dict[str, str]:
        """A message that expires is not held for a phone that is off any longer than that.

        The URL for statuses names the delivery, so that a later status finds it also when we died before we noted the
        message's SID.
        """
        form = {"To": message.address, "Body": message.parts["text"], **self._sender}
        if self._policy.status_url:
            form["StatusCallback"] = _with_query(self._policy.status_url, delivery_id=message.delivery_id)
        if message.expires_at is not None:
            left = int(message.expires_at / 1000 - now)
            form["ValidityPeriod"] = str(min(max(left, 1), LONGEST_VALIDITY_SECONDS))
        return form

    async def _post(self, session: aiohttp.ClientSession, form: dict[str, str], now: float) -> "_Heard":
        way = SimpleNamespace(left=False)
        try:
            async with session.post(self._url, data=form, allow_redirects=False, trace_request_ctx=way) as response:
                body = _read(await _begin(response))
                wait = retry_after(response.headers.get("Retry-After"), now)
                code = body.code if response.status >= 300 or body.failed else None
                failure = failure_of(Answer(response.status, code, body.sid is not None and not body.failed, wait))
                return _Heard(response.status, body, failure)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _Heard(0, _Body(), self._silence(error, way.left))

    def _silence(self, error: Exception, left: bool) -> Failure:
        """Reasons in our own words: those of aiohttp name hosts and URLs."""
        if left:
            return unsure("silence" if isinstance(error, TimeoutError) else "a lost connection")
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return Failure(FailureKind.TRANSIENT, "TLS failed: the certificate or protocol does not fit")
        if isinstance(error, TimeoutError):
            return Failure(FailureKind.TRANSIENT, "no connection in time")
        return Failure(FailureKind.TRANSIENT, "no connection")

    def _call(self, message: Message, heard: "_Heard", started_at: float, duration_ms: float) -> ProviderCall:
        taken = segments(message.parts["text"])
        code = heard.body.code or heard.status
        known = {message.address, message.address.removeprefix("+"), message.parts["text"]}
        return ProviderCall(
            provider=self.name,
            started_at=int(started_at * 1000),
            duration_ms=duration_ms,
            code=str(code) if code else None,
            request=f"POST Messages, {taken.encoding}, segments: {taken.count}",
            response=redacted(_NUMBER.sub("<number>", heard.body.said), known) if heard.failure is not None else "",
            provider_message_id=heard.body.sid,
        )


@dataclass(frozen=True, slots=True)
class _Body:
    """What an answer says. `said`: Twilio's words about a failure; they may repeat the number."""

    sid: str | None = None
    code: int | None = None
    failed: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class _Heard:
    status: int
    body: _Body
    failure: Failure | None


def _check(policy: SmsPolicy) -> None:
    try:
        url = urlsplit(policy.url)
        host = url.hostname
    except ValueError:
        raise ValueError("URL cannot be read: write https://api.twilio.com") from None
    if url.scheme not in ("http", "https") or not host or url.query or url.fragment or url.username:
        raise ValueError("URL is not complete: write https://api.twilio.com")
    if url.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("URL begins with http://: the token would cross the network in the clear")
    if not _ACCOUNT.fullmatch(policy.account):
        raise ValueError("ACCOUNT is not set or no account SID: Twilio's console shows it, it begins with AC")
    if not policy.token or not policy.token.isascii() or not policy.token.isprintable():
        raise ValueError("TOKEN is not set or has a character that cannot stand there")
    if policy.status_url and not policy.status_url.startswith(("https://", "http://")):
        raise ValueError("STATUS_URL is no web address: write https://host/path, or leave it empty")
    if not (_SENDER.fullmatch(policy.sender) or _SERVICE.fullmatch(policy.sender)):
        raise ValueError(
            "FROM is not set or no sender: write a number such as +43660123456, a name of at most 11 letters and "
            "digits, or the SID of a messaging service (MG...)"
        )


def _with_query(url: str, **more: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"


def _unfit(message: Message) -> Failure | None:
    fault = number_fault(message.address)
    if fault is not None:
        return Failure(FailureKind.PERMANENT, fault)
    text = message.parts.get("text", "")
    if not text:
        return Failure(FailureKind.PERMANENT, "the text is empty")
    if len(text) > LONGEST_TEXT:
        return Failure(FailureKind.PERMANENT, f"the text is longer than {LONGEST_TEXT:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        return Failure(FailureKind.PERMANENT, "the text is not valid Unicode")
    return None


async def _note_that_it_left(_session: aiohttp.ClientSession, context: SimpleNamespace, _told: Any) -> None:
    context.trace_request_ctx.left = True


async def _begin(response: aiohttp.ClientResponse) -> bytes:
    """The begin of the answer. The status is known: what goes wrong from here on is an answer cut short."""
    kept = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError):
        while len(kept) < ANSWER_BYTES:
            piece = await response.content.read(ANSWER_BYTES - len(kept))
            if not piece:
                return bytes(kept)
            kept += piece
    response.close()
    return bytes(kept)


def _read(data: bytes) -> _Body:
    """What is not the JSON we know says nothing."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return _Body(said=data.decode("utf-8", "replace"))
    if not isinstance(found, dict):
        return _Body()
    sid = found.get("sid")
    code = next((each for each in (found.get("code"), found.get("error_code")) if type(each) is int), None)
    said = found.get("message") or found.get("error_message")
    return _Body(
        sid=sid if isinstance(sid, str) and _SID.fullmatch(sid) else None,
        code=code,
        failed=found.get("status") in _FAILED,
        said=said if isinstance(said, str) else "",
    )
