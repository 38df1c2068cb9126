import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest
from standardwebhooks import Webhook

from connectors.channels.http_connection import ANSWER_BYTES
from connectors.channels.webhook import WebhookPolicy, WebhookProvider
from streams.domain.failures import FailureKind
from streams.domain.outcomes import DeadLetter, Outcome, RetryLater, Sent
from tests.channels.conftest import Calls
from tests.channels.mails import WEBHOOK, webhook
from tests.channels.receiver import Names, Receiver, endless

SECRETS = (bytes(range(32)), bytes(range(100, 148)))
POLICY = WebhookPolicy(SECRETS, timeout_seconds=2, allow_private=True)


class Opened(Protocol):
    """Opens a provider."""

    def __call__(
        self, names: Names | None = None, clock: Callable[[], float] = time.time, **changes: Any
    ) -> AbstractAsyncContextManager[WebhookProvider]: ...


@pytest.fixture
def provider(calls: Calls) -> Opened:
    @asynccontextmanager
    async def opened(
        names: Names | None = None, clock: Callable[[], float] = time.time, **changes: Any
    ) -> AsyncIterator[WebhookProvider]:
        policy = replace(POLICY, **changes)
        one = WebhookProvider(policy, clock, calls(policy, names))
        await one.start()
        try:
            yield one
        finally:
            await one.close()

    return opened


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, RetryLater | DeadLetter)
    return outcome.failure.reason


async def test_a_webhook_arrives_and_is_delivered(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        outcome = await channel.send(webhook(address=f"{receiver.url}?a=b"))
        assert isinstance(outcome, Sent)
        assert outcome.delivered
        (request,) = receiver.requests
    assert request.path == "/in?a=b"
    assert request.body.decode() == WEBHOOK.parts["body"]
    assert request.headers["Content-Type"] == "application/json"
    assert outcome.call.code == "200"
    assert outcome.call.request == "POST 127.0.0.1"
    assert outcome.call.response == ""


async def test_every_secret_verifies_with_the_standards_own_library(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        await channel.send(webhook(address=receiver.url))
        (request,) = receiver.requests
    for secret in SECRETS:
        assert Webhook(secret).verify(request.body, dict(request.headers)) == json.loads(WEBHOOK.parts["body"])
    assert len(request.headers["webhook-signature"].split(" ")) == 2


async def test_the_id_is_stable_over_attempts_and_the_timestamp_is_not(provider: Opened) -> None:
    times = iter([1_795_000_000.2, 1_795_000_030.9])
    async with Receiver() as receiver, provider(clock=lambda: next(times)) as channel:
        for attempt in (1, 2):
            await channel.send(webhook(address=receiver.url, attempt=attempt))
    first, second = (request.headers for request in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"] == WEBHOOK.delivery_id
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1795000000", "1795000030")
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_a_connection_is_kept_for_many_webhooks(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        for status in (200, 500, 200):
            receiver.status = status
            await channel.send(webhook(address=receiver.url))
        assert len(receiver.connections) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, FailureKind.PERMANENT), (401, FailureKind.TRANSIENT), (404, FailureKind.TRANSIENT),
     (408, FailureKind.TRANSIENT), (410, FailureKind.PERMANENT), (425, FailureKind.TRANSIENT),
     (429, FailureKind.THROTTLED), (500, FailureKind.TRANSIENT), (503, FailureKind.TRANSIENT)],
)  # fmt: skip
async def test_a_refusal_is_told_by_the_table(provider: Opened, status: int, kind: FailureKind) -> None:
    async with Receiver() as receiver, provider() as channel:
        receiver.status, receiver.answer = status, b"no,\nthank you"
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, DeadLetter if kind is FailureKind.PERMANENT else RetryLater)
    assert outcome.failure.kind is kind
    assert outcome.call is not None
    assert (outcome.call.code, outcome.call.response) == (str(status), "no, thank you")


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", 7), ("Wed, 18 Nov 2026 11:07:40 GMT", 60), ("nonsense", None)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(provider: Opened, status: int, value: str, wait: int | None) -> None:
    async with Receiver() as receiver, provider(clock=lambda: 1_795_000_000.0) as channel:
        receiver.status, receiver.headers = status, {"Retry-After": value}
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.retry_after == (None if wait is None else timedelta(seconds=wait))
    throttled = status == 429 or wait is not None
    assert (outcome.failure.kind is FailureKind.THROTTLED) is throttled


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(provider: Opened, status: int) -> None:
    async with Receiver() as receiver, provider() as channel:
        receiver.status, receiver.headers = status, {"Location": "/elsewhere"}
        outcome = await channel.send(webhook(address=receiver.url))
        assert reason(outcome) == f"{status}: a redirect, which is not followed"
        assert isinstance(outcome, RetryLater)
        assert receiver.others == 0


async def test_a_receiver_that_hangs_is_given_up_at_the_deadline(provider: Opened) -> None:
    async with Receiver() as receiver, provider(timeout_seconds=0.2) as channel:
        receiver.hangs = True
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "no answer within 0.2 s"
    assert outcome.call is not None
    assert 150 < outcome.call.duration_ms < 2000


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_never_ends_ends_at_the_deadline_with_its_status(provider: Opened, status: int) -> None:
    async with Receiver() as receiver, provider(timeout_seconds=0.2) as channel:
        receiver.drips, receiver.status = True, status
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, Sent if status == 200 else RetryLater)


async def test_a_lost_connection_is_tried_later(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        receiver.drops = True
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "the connection was lost or the answer is not HTTP"


async def test_nobody_listening_is_tried_later(provider: Opened) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with provider() as channel:
            outcome = await channel.send(webhook(address=f"http://127.0.0.1:{free.getsockname()[1]}/"))
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "no connection"


async def test_a_name_that_does_not_exist_is_tried_later(provider: Opened) -> None:
    async with provider(Names(443)) as channel:
        outcome = await channel.send(webhook(address="https://nowhere.example/"))
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "the host has no address"


async def test_what_does_not_speak_tls_is_tried_later(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        outcome = await channel.send(webhook(address=receiver.url.replace("http://", "https://")))
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "TLS failed: the certificate or protocol does not fit"


async def test_what_does_not_speak_http_is_tried_later(provider: Opened) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"nonsense\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, provider() as channel:
        port = server.sockets[0].getsockname()[1]
        outcome = await channel.send(webhook(address=f"http://127.0.0.1:{port}/"))
    assert isinstance(outcome, RetryLater)


async def test_a_gzip_bomb_stays_small(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        receiver.status, receiver.headers = 500, {"Content-Encoding": "gzip"}
        receiver.answer = gzip.compress(b"A" * 50_000_000)
        outcome = await channel.send(webhook(address=receiver.url))
    assert isinstance(outcome, RetryLater)
    assert outcome.call is not None
    assert len(outcome.call.response) <= 200
    assert "AAAA" not in outcome.call.response


async def test_of_a_long_answer_only_the_begin_is_read(provider: Opened) -> None:
    async with endless(500) as other, provider(timeout_seconds=5) as channel:
        outcome = await channel.send(webhook(address=other.url))
    assert isinstance(outcome, RetryLater)
    assert outcome.call is not None
    assert outcome.call.code == "500"
    assert outcome.call.duration_ms < 4000
    assert other.taken < 100 * ANSWER_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        "{body}",
        "rejected {body}",
        '"CANARY \\u0022Ada\\u0022" is not allowed',
        "{url}",
        "<p>CANARY &quot;Ada&quot;</p>",
        '{{"m":"\\ud83d CANARY \\"Ada\\" \\n"}}',
    ],
)
async def test_what_the_receiver_repeats_of_us_is_not_kept(provider: Opened, answer: str) -> None:
    async with Receiver() as receiver, provider() as channel:
        url = f"{receiver.url}/CANARY-PATH?token=CANARY-QUERY"
        receiver.status = 500
        receiver.answer = answer.format(body=WEBHOOK.parts["body"], url=url).encode()
        outcome = await channel.send(webhook(address=url))
    assert isinstance(outcome, RetryLater)
    assert "CANARY" not in repr(outcome)


async def test_an_id_that_fits_no_header_is_a_permanent_failure(provider: Opened) -> None:
    async with Receiver() as receiver, provider() as channel:
        outcome = await channel.send(webhook(address=receiver.url, delivery_id="a\r\nX-Evil: b"))
        assert isinstance(outcome, DeadLetter)
        assert receiver.requests == []


def test_without_a_secret_there_is_no_channel() -> None:
    with pytest.raises(ValueError, match="secret"):
        WebhookProvider(WebhookPolicy(()))


def test_the_secret_is_not_shown() -> None:
    assert repr(SECRETS[0]) not in repr(POLICY)
