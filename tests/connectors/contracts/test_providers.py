"""What every provider promises (streams/domain/ports.py), the real ones against servers on loopback."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from streams.domain.failures import FailureKind
from streams.domain.notification import delivery_id
from streams.domain.outcomes import DeadLetter, Outcome, ProviderCall, RetryLater, Sent
from tests.channels.worlds import WAIT, WORLDS, Answer, MemoryWorld, World, opened

CANARIES = ("CANARY", "ada", "lovelace", "6601234567")
QUICK = [each for each in Answer if each is not Answer.SILENT]
REFUSALS = [each for each in QUICK if each not in (Answer.TAKES, Answer.SLOW)]


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with opened(request.param) as one:
        yield one


@pytest.fixture
def real(world: World, request: pytest.FixtureRequest) -> World:
    """One that calls somebody. Of the fake Hangs() hangs: for tests of the sender's own deadline."""
    if isinstance(world, MemoryWorld):
        request.applymarker(pytest.mark.xfail(reason="the fake calls nobody and has no deadline", run=False))
    return world


def call_of(outcome: Outcome) -> ProviderCall:
    assert isinstance(outcome, Sent | RetryLater | DeadLetter)
    assert outcome.call is not None
    return outcome.call


@pytest.mark.parametrize("answer", [Answer.TAKES, Answer.SLOW])
async def test_what_was_taken_is_sent(world: World, answer: Answer) -> None:
    world.will(answer)
    assert isinstance(await world.provider.send(world.message), Sent)
    assert world.carried() == [world.message.delivery_id]


async def test_a_passing_failure_is_tried_later_and_then_succeeds(world: World) -> None:
    world.will(Answer.BUSY)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT
    assert world.carried() == []
    world.will(Answer.TAKES)
    assert isinstance(await world.provider.send(replace(world.message, attempt=2)), Sent)


async def test_whoever_has_enough_is_left_alone_as_long_as_it_says(world: World) -> None:
    world.will(Answer.THROTTLES)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is (FailureKind.THROTTLED if world.throttles else FailureKind.TRANSIENT)
    assert outcome.not_before == (WAIT if world.throttles else None)
    assert world.carried() == []


@pytest.mark.parametrize(("answer", "dead"), [(Answer.NEVER, False), (Answer.DEAD, True)])
async def test_a_final_refusal_is_a_dead_letter_and_says_whether_the_address_is_dead(
    world: World, answer: Answer, dead: bool
) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, DeadLetter)
    assert outcome.failure.kind is FailureKind.PERMANENT
    assert outcome.failure.address_is_dead is dead
    assert world.carried() == []


@pytest.mark.parametrize("answer", REFUSALS)
async def test_only_a_code_of_no_table_is_loud(world: World, answer: Answer) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater | DeadLetter)
    assert outcome.failure.unlisted is (answer is Answer.UNLISTED)


@pytest.mark.parametrize("answer", REFUSALS)
async def test_only_what_may_have_arrived_is_ambiguous(world: World, answer: Answer) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater | DeadLetter)
    assert outcome.failure.ambiguous is (answer in world.ambiguous)


@pytest.mark.parametrize("answer", [Answer.BREAKS, Answer.GARBAGE])
async def test_a_line_that_breaks_or_says_nonsense_is_tried_later(world: World, answer: Answer) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT


async def test_silence_is_tried_later_after_a_bounded_time(real: World) -> None:
    real.will(Answer.SILENT)
    async with asyncio.timeout(4):
        outcome = await real.provider.send(real.message)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT
    assert outcome.failure.ambiguous is (Answer.SILENT in real.ambiguous)


async def test_a_kept_connection_whose_other_end_is_gone_is_given_up_for_a_new_one(real: World) -> None:
    assert isinstance(await real.provider.send(real.message), Sent)
    real.will(Answer.SILENT)
    async with asyncio.timeout(4):
        assert isinstance(await real.provider.send(replace(real.message, attempt=2)), RetryLater)
    real.will(Answer.TAKES)
    async with asyncio.timeout(4):
        assert isinstance(await real.provider.send(replace(real.message, attempt=3)), Sent)


async def test_a_server_that_connects_and_never_speaks_is_given_up_after_a_bounded_time(real: World) -> None:
    """Half-open: the kernel takes the connection, nobody behind it ever reads."""
    with socket.socket() as half_open:
        half_open.bind(("127.0.0.1", 0))
        half_open.listen()
        provider, message = real.calling(half_open.getsockname()[1])
        await provider.start()
        async with asyncio.timeout(6):
            outcome = await provider.send(message)
            await provider.close()
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.kind is FailureKind.TRANSIENT


async def test_nobody_there_is_tried_later_and_cannot_have_arrived(real: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider, message = real.calling(free.getsockname()[1])
        await provider.start()
        outcome = await provider.send(message)
        await provider.close()
    assert isinstance(outcome, RetryLater)
    assert not outcome.failure.ambiguous


async def test_a_delivery_has_the_same_id_at_every_attempt(world: World) -> None:
    for attempt in (1, 2, 3):
        await world.provider.send(replace(world.message, attempt=attempt))
    assert world.carried() == [world.message.delivery_id] * 3


async def test_many_are_carried_side_by_side(world: World) -> None:
    ids = [delivery_id(str(number), "any") for number in range(50)]
    outcomes = await asyncio.gather(*(world.provider.send(replace(world.message, delivery_id=each)) for each in ids))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert sorted(world.carried()) == sorted(ids)


@pytest.mark.parametrize("answer", QUICK)
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


@pytest.mark.parametrize("answer", QUICK)
async def test_no_outcome_names_an_address_or_a_content(world: World, answer: Answer) -> None:
    world.will(answer)
    outcome = await world.provider.send(world.message)
    for canary in CANARIES:
        assert canary not in repr(outcome)


async def test_it_may_be_closed_without_ever_having_sent(world: World) -> None:
    assert world.carried() == []
