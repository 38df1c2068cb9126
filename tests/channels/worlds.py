"""Each provider with the other side of it, which does as the contract suite tells it."""

import email
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from enum import Enum, auto
from typing import ClassVar, Protocol
from urllib.parse import parse_qs, urlsplit

from msgspec import structs

from connectors.channels.email import SmtpProvider
from connectors.channels.sms import SmsPolicy, TwilioProvider
from connectors.channels.webhook import WebhookPolicy, WebhookProvider
from connectors.memory.provider import Hangs, ProviderInMemory, Scripted, permanent, transient
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import RetryLater
from streams.domain.ports import Provider
from tests.channels.mails import MAIL, SMS, WEBHOOK
from tests.channels.oracle_http import AiohttpClient
from tests.channels.receiver import Receiver
from tests.channels.relay import Behaviour, Relay
from tests.channels.smtp import POLICY

PATIENCE = 1.5
SLOW = 0.3
WAIT = timedelta(seconds=7)


class Answer(Enum):
    """What the other side does with the next message."""

    TAKES = auto()
    SLOW = auto()  # takes it, within our patience
    BUSY = auto()
    THROTTLES = auto()  # where it can say so: for WAIT
    NEVER = auto()  # because of this message
    DEAD = auto()  # because of its address
    UNLISTED = auto()  # a code of which our tables know nothing
    BREAKS = auto()  # hangs up when it has the message
    SILENT = auto()  # has the message and says nothing
    GARBAGE = auto()  # says something else than its protocol


class World(Protocol):
    """A provider and the other side of it. `ambiguous`: after these answers it may have the message."""

    provider: Provider
    message: Message
    ambiguous: frozenset[Answer]
    throttles: bool

    def will(self, answer: Answer) -> None:
        """What the other side does from now on."""

    def carried(self) -> list[str]:
        """The delivery ids that arrived, as the other side saw them."""

    def calling(self, port: int) -> tuple[Provider, Message]:
        """The same provider with another other side, on this port of loopback."""


class MailWorld:
    """SMTP knows no answer for *throttled*: 4xx, and the schedule slows down."""

    ambiguous = frozenset({Answer.BREAKS, Answer.SILENT})
    throttles = False

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.provider: Provider = self._to(relay.url)
        self.message = MAIL

    def _to(self, url: str) -> Provider:
        policy = replace(POLICY, url=url, connect_seconds=PATIENCE, envelope_seconds=PATIENCE, content_seconds=PATIENCE)
        return SmtpProvider(policy)

    def calling(self, port: int) -> tuple[Provider, Message]:
        return self._to(f"smtp://127.0.0.1:{port}"), self.message

    def will(self, answer: Answer) -> None:
        self._relay.behaviour = {
            Answer.TAKES: Behaviour(),
            Answer.SLOW: Behaviour(slow=SLOW / 3),
            Answer.BUSY: Behaviour({"RCPT": "451 4.7.1 <ada.lovelace@example.com> greylisted"}),
            Answer.THROTTLES: Behaviour({"RCPT": "452 4.5.3 too many for now"}),
            Answer.NEVER: Behaviour({"RCPT": "550 5.7.1 <ada.lovelace@example.com> not from you"}),
            Answer.DEAD: Behaviour({"RCPT": "550 5.1.1 <ada.lovelace@example.com> is nobody"}),
            Answer.UNLISTED: Behaviour({"RCPT": "571 CANARY@example.com"}),
            Answer.BREAKS: Behaviour(drops_at="DATA"),
            Answer.SILENT: Behaviour(hangs_at="DATA"),
            Answer.GARBAGE: Behaviour({"RCPT": "lovelace, this is not SMTP"}),
        }[answer]

    def carried(self) -> list[str]:
        ids = (email.message_from_bytes(caught.content)["Message-ID"] for caught in self._relay.mails)
        return [each.strip("<>").partition("@")[0] for each in ids]


def _behave(receiver: Receiver, answer: Answer) -> None:
    """What the receivers of HTTP have in common."""
    receiver.drops = answer is Answer.BREAKS
    receiver.hangs = answer is Answer.SILENT
    receiver.garbage = b"lovelace, this is not HTTP\r\n\r\n" if answer is Answer.GARBAGE else b""
    receiver.slow = SLOW if answer is Answer.SLOW else 0
    receiver.headers = {"Retry-After": f"{WAIT.seconds}"} if answer is Answer.THROTTLES else {}


class WebhookWorld:
    """A webhook carries its id: whoever gets it twice can tell, so nothing is ambiguous."""

    ambiguous: frozenset[Answer] = frozenset()
    throttles = True
    _statuses: ClassVar = {
        Answer.BUSY: 500,
        Answer.THROTTLES: 429,
        Answer.NEVER: 422,
        Answer.DEAD: 410,
        Answer.UNLISTED: 418,
    }

    def __init__(self, receiver: Receiver, by_oracle: bool) -> None:
        self._receiver = receiver
        self._by_oracle = by_oracle
        self.provider: Provider = self._made()
        self.message = structs.replace(WEBHOOK, address=f"{receiver.url}/CANARY-PATH?token=CANARY-QUERY")

    def _made(self) -> Provider:
        policy = WebhookPolicy((bytes(32),), PATIENCE, allow_private=True)
        return WebhookProvider(policy, http=AiohttpClient(public_only=False) if self._by_oracle else None)

    def calling(self, port: int) -> tuple[Provider, Message]:
        return self._made(), structs.replace(self.message, address=f"http://127.0.0.1:{port}/CANARY-PATH")

    def will(self, answer: Answer) -> None:
        _behave(self._receiver, answer)
        self._receiver.status = self._statuses.get(answer, 200)
        self._receiver.answer = WEBHOOK.parts["body"].encode()

    def carried(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self._receiver.taken]


class SmsWorld:
    """Twilio has no key by which it would know a request again."""

    ambiguous = frozenset({Answer.BREAKS, Answer.SILENT, Answer.GARBAGE})
    throttles = True
    _refusals: ClassVar = {
        Answer.BUSY: (503, 20503),
        Answer.THROTTLES: (429, 20429),
        Answer.NEVER: (400, 21408),
        Answer.DEAD: (400, 21211),
        Answer.UNLISTED: (400, 21999),
    }

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.provider: Provider = self._to(receiver.url)
        self.message = SMS
        self.will(Answer.TAKES)

    def _to(self, url: str) -> Provider:
        statuses = "https://tidings.example/receipts/sms"
        return TwilioProvider(SmsPolicy(url, "AC0123", "CANARY", "+15005550006", statuses, PATIENCE, PATIENCE))

    def calling(self, port: int) -> tuple[Provider, Message]:
        return self._to(f"http://127.0.0.1:{port}"), self.message

    def will(self, answer: Answer) -> None:
        _behave(self._receiver, answer)
        self._receiver.status, code = self._refusals.get(answer, (201, 0))
        said = f"{SMS.address} and {SMS.parts['text']}"
        told = {"code": code, "message": said} if code else {"sid": "SM0123", "status": "queued", "body": said}
        self._receiver.answer = json.dumps(told).encode()

    def carried(self) -> list[str]:
        forms = [parse_qs(request.body.decode()) for request in self._receiver.taken]
        return [parse_qs(urlsplit(form["StatusCallback"][0]).query)["delivery_id"][0] for form in forms]


class MemoryWorld:
    """The fake. Hangs() hangs: for tests of the sender's own deadline."""

    ambiguous: frozenset[Answer] = frozenset()
    throttles = True

    def __init__(self) -> None:
        self.memory = ProviderInMemory()
        self.provider: Provider = self.memory
        self.message = MAIL

    def calling(self, port: int) -> tuple[Provider, Message]:
        raise NotImplementedError("it calls nobody")

    def will(self, answer: Answer) -> None:
        dead, odd = permanent("550"), transient("599")
        throttled = RetryLater(Failure(FailureKind.THROTTLED, "429", WAIT), transient().call)
        scripted: dict[Answer, list[Scripted]] = {
            Answer.BUSY: [transient()],
            Answer.THROTTLES: [throttled],
            Answer.NEVER: [permanent()],
            Answer.DEAD: [structs.replace(dead, failure=structs.replace(dead.failure, address_is_dead=True))],
            Answer.UNLISTED: [structs.replace(odd, failure=structs.replace(odd.failure, unlisted=True))],
            Answer.BREAKS: [transient("the connection was lost")],
            Answer.SILENT: [Hangs()],
            Answer.GARBAGE: [transient("not what was asked for")],
        }
        self.memory.script(scripted.get(answer, []))

    def carried(self) -> list[str]:
        return [message.delivery_id for message in self.memory.sent]


WORLDS = ("smtp", "smtp-pipelining", "webhook", "webhook-by-aiohttp", "twilio", "memory")


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[World]:
    """The world of this name, its provider started; a new provider has its world here and its name in WORLDS."""
    world: World
    if name == "memory":
        world = MemoryWorld()
        async with _started(world.provider):
            yield world
    elif not name.startswith("smtp"):
        async with Receiver() as receiver:
            by_oracle = name == "webhook-by-aiohttp"
            world = SmsWorld(receiver) if name == "twilio" else WebhookWorld(receiver, by_oracle)
            async with _started(world.provider):
                yield world
    else:
        async with Relay(pipelining=name == "smtp-pipelining") as relay:
            world = MailWorld(relay)
            async with _started(world.provider):
                yield world


@asynccontextmanager
async def _started(provider: Provider) -> AsyncIterator[None]:
    await provider.start()
    try:
        yield
    finally:
        await provider.close()
