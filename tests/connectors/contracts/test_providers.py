"""What every provider promises (streams/domain/ports.py), the real ones against servers on loopback."""

import asyncio
import email
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

import pytest

from connectors.channels.email import SmtpProvider
from connectors.channels.webhook import WebhookPolicy, WebhookProvider
from connectors.memory.provider import Hangs, ProviderInMemory, Scripted, permanent, transient
from streams.domain.delivery import Message
from streams.domain.failures import FailureKind
from streams.domain.notification import delivery_id
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent
from streams.domain.ports import Provider
from tests.channels.mails import MAIL, WEBHOOK
from tests.channels.receiver import Receiver
from tests.channels.relay import Behaviour, Relay
from tests.channels.smtp import POLICY

PATIENCE = 1.0
CANARIES = ("CANARY", "ada", "lovelace")


class Answer(Enum):
    """What the other side does with the next message."""

    TAKES = auto()
    BUSY = auto()
    NEVER = auto()
    BREAKS = auto()
    SILENT = auto()


class World(Protocol):
    """A provider and the other side of it."""

    provider: Provider
    message: Message

    def will(self, answer: Answer) -> None:
        """What the other side does from now on."""

    def carried(self) -> list[str]:
        """The delivery ids that arrived, as the other side saw them."""


class MailWorld:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        policy = replace(POLICY, url=relay.url, envelope_seconds=PATIENCE, content_seconds=PATIENCE)
        self.provider: Provider = SmtpProvider(policy)
        self.message = MAIL

    def will(self, answer: Answer) -> None:
        self._relay.behaviour = {
            Answer.TAKES: Behaviour(),
            Answer.BUSY: Behaviour({"RCPT": "451 4.7.1 <ada.lovelace@example.com> greylisted"}),
            Answer.NEVER: Behaviour({"RCPT": "550 5.1.1 <ada.lovelace@example.com> is nobody"}),
            Answer.BREAKS: Behaviour(drops_at="DATA"),
            Answer.SILENT: Behaviour(hangs_at="DATA"),
        }[answer]

    def carried(self) -> list[str]:
        ids = (email.message_from_bytes(caught.content)["Message-ID"] for caught in self._relay.mails)
        return [each.strip("<>").partition("@")[0] for each in ids]


class WebhookWorld:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.provider: Provider = WebhookProvider(WebhookPolicy((bytes(32),), PATIENCE, allow_private=True))
        self.message = replace(WEBHOOK, address=f"{receiver.url}/CANARY-PATH?token=CANARY-QUERY")

    def will(self, answer: Answer) -> None:
        self._receiver.status = {Answer.BUSY: 500, Answer.NEVER: 410}.get(answer, 200)
        self._receiver.answer = WEBHOOK.parts["body"].encode()
        self._receiver.drops = answer is Answer.BREAKS
        self._receiver.hangs = answer is Answer.SILENT

    def carried(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self._receiver.taken]


class MemoryWorld:
    def __init__(self) -> None:
        self.memory = ProviderInMemory()
        self.provider: Provider = self.memory
        self.message = MAIL

    def will(self, answer: Answer) -> None:
        scripted: dict[Answer, list[Scripted]] = {
            Answer.TAKES: [],
            Answer.BUSY: [transient()],
            Answer.NEVER: [permanent()],
            Answer.BREAKS: [transient("the connection was lost")],
            Answer.SILENT: [Hangs()],
        }
        self.memory.script(scripted[answer])

    def carried(self) -> list[str]:
        return [message.delivery_id for message in self.memory.sent]


@pytest.fixture(params=["smtp", "smtp-pipelining", "webhook", "memory"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        memory = MemoryWorld()
        await memory.provider.start()
        yield memory
        await memory.provider.close()
    elif request.param == "webhook":
        async with Receiver() as receiver:
            hooks = WebhookWorld(receiver)
            await hooks.provider.start()
            yield hooks
            await hooks.provider.close()
    else:
        async with Relay(pipelining=request.param == "smtp-pipelining") as relay:
            mails = MailWorld(relay)
            await mails.provider.start()
            yield mails
            await mails.provider.close()


def call_of(outcome: Outcome) -> ProviderCall:
    assert isinstance(outcome, Sent | RetryLater | DeadLetter)
    assert outcome.call is not None
    return outcome.call


async def test_what_was_taken_is_sent(world: World) -> None:
    assert isinstance(await world.provider.send(world.message), Sent)
    assert world.carried() == [world.message.delivery_id]


async def test_a_passing_failure_is_tried_later_and_then_succeeds(world: World) -> None:
    world.will(Answer.BUSY)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT
    assert not outcome.failure.ambiguous
    assert world.carried() == []
    world.will(Answer.TAKES)
    assert isinstance(await world.provider.send(replace(world.message, attempt=2)), Sent)


async def test_a_final_refusal_is_a_dead_letter(world: World) -> None:
    world.will(Answer.NEVER)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, DeadLetter)
    assert outcome.failure.kind is FailureKind.PERMANENT
    assert world.carried() == []


async def test_a_line_that_breaks_is_tried_later(world: World) -> None:
    world.will(Answer.BREAKS)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT


async def test_silence_is_tried_later_after_a_bounded_time(world: World, request: pytest.FixtureRequest) -> None:
    if isinstance(world, MemoryWorld):
        request.applymarker(pytest.mark.xfail(reason="Hangs() hangs: for tests of the sender's own deadline"))
    world.will(Answer.SILENT)
    async with asyncio.timeout(4):
        outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT


async def test_a_delivery_has_the_same_id_at_every_attempt(world: World) -> None:
    for attempt in (1, 2, 3):
        await world.provider.send(replace(world.message, attempt=attempt))
    assert world.carried() == [world.message.delivery_id] * 3


async def test_many_are_carried_side_by_side(world: World) -> None:
    ids = [delivery_id(str(number), "any") for number in range(50)]
    outcomes = await asyncio.gather(*(world.provider.send(replace(world.message, delivery_id=each)) for each in ids))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sorted(world.carried()) == sorted(ids)


@pytest.mark.parametrize("answer", [Answer.TAKES, Answer.BUSY, Answer.NEVER, Answer.BREAKS])
async def test_a_call_is_told_in_full(world: World, answer: Answer) -> None:
    world.will(answer)
    before = time.time_ns() // 1_000_000
    call = call_of(await world.provider.send(world.message))
    assert call.provider == world.provider.name
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", call.provider), "it is a label of metrics"
    assert before <= call.started_at <= time.time_ns() // 1_000_000
    assert 0 <= call.duration_ms < 5000
    assert len(call.request) <= 200
    assert len(call.response) <= 200


@pytest.mark.parametrize("answer", [Answer.TAKES, Answer.BUSY, Answer.NEVER, Answer.BREAKS])
async def test_no_outcome_names_an_address_or_a_content(world: World, answer: Answer) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    for canary in CANARIES:
        assert canary not in repr(outcome)


async def test_it_may_be_closed_without_ever_having_sent(world: World) -> None:
    assert world.carried() == []
