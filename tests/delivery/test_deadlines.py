"""Calls that take too long are ended, and no others."""

import asyncio
import time
from datetime import timedelta

import pytest

from connectors.delivery.calling import Caller
from connectors.delivery.deadlines import Deadlines
from connectors.delivery.meter import Meter
from connectors.delivery.providers import Providers
from connectors.memory.provider import ProviderInMemory
from streams.domain.delivery import Message
from streams.domain.outcomes import Outcome, RetryLater, Sent
from tests.delivery.builders import compose, delivery, main_record, policy
from tests.delivery.desk import Desk, Gated

MAIL = delivery()
MESSAGE = compose(MAIL, "ada@example.org", 1)


class Calls:
    """Calls of one provider that take at most so long."""

    def __init__(self, seconds: float, provider: ProviderInMemory) -> None:
        meter, parts = Meter(policy()), Desk(provider).parts
        self._providers = Providers(policy(), parts, meter, lambda: None)
        self._outcomes: list[Outcome] = []
        self._caller = Caller(
            self._providers,
            meter,
            timedelta(seconds=seconds),
            lambda _name, _record, outcome: self._outcomes.append(outcome),
        )

    async def call(self) -> Outcome:
        chosen = self._providers.choose(None)
        assert chosen is not None
        await self._caller.call(chosen, main_record(MAIL), MESSAGE)
        return self._outcomes.pop()


def calling(by: Calls) -> asyncio.Task[Outcome]:
    return asyncio.create_task(by.call())


async def test_calls_that_hang_have_failed_when_their_time_is_over_each_at_its_own() -> None:
    by = Calls(0.05, Gated())
    first = calling(by)
    await asyncio.sleep(0.02)
    second = calling(by)
    await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert (first.done(), second.done()) == (True, False)
    for outcome in (await first, await second):
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.reason == "unexpected error: TimeoutError"
        assert outcome.call is not None
        assert outcome.call.response == "raised TimeoutError"
    assert first.cancelling() == second.cancelling() == 0


async def test_a_call_that_ends_in_time_is_left_alone_also_after_its_time() -> None:
    by = Calls(0.02, ProviderInMemory())

    async def call_and_stay() -> Outcome:
        outcome = await by.call()
        await asyncio.sleep(0.05)
        return outcome

    assert isinstance(await asyncio.create_task(call_and_stay()), Sent)


async def test_who_is_canceled_for_another_reason_is_canceled() -> None:
    call = calling(Calls(5, Gated()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_who_is_canceled_while_its_time_is_over_is_canceled_all_the_same() -> None:
    deadlines = Deadlines(0.01)
    seen: list[bool] = []

    async def work() -> None:
        task = deadlines.begin(time.monotonic())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(deadlines.is_over(task))
            raise
        finally:
            deadlines.end(task)

    task = asyncio.create_task(work())
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(seen) == 1


async def test_a_provider_that_will_not_be_canceled_keeps_its_outcome() -> None:
    class Stubborn(ProviderInMemory):
        async def send(self, message: Message) -> Outcome:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return await super().send(message)
            raise AssertionError

    task = calling(Calls(0.01, Stubborn()))
    assert isinstance(await task, Sent)
    assert task.cancelling() == 0
