"""High does not wait behind what is less urgent."""

from connectors.memory.provider import ProviderInMemory
from streams.domain.claim_marks import AMBIGUOUS, NEW
from streams.domain.delivery import Message
from streams.domain.notification import Priority
from streams.domain.outcomes import Outcome
from tests.delivery.builders import claim_key, delivery
from tests.delivery.desk import Desk, Gated, some_turns
from tests.delivery.ground import until


async def test_high_is_called_before_low_that_is_claimed_and_waits_for_its_call() -> None:
    provider = Gated()
    desk = Desk(provider, slots=8, at_once=1)
    async with desk.running():
        desk.put(*(delivery(f"low-{number}", priority=Priority.LOW) for number in range(6)))
        await until(lambda: desk.dispatch.in_flight == 6)
        high = delivery("high", priority=Priority.HIGH)
        desk.put(high)
        await until(lambda: desk.dispatch.in_flight == 7)
        await some_turns()
        provider.gate.set()
        await until(lambda: len(provider.sent) == 7)
    assert [message.delivery_id for message in provider.sent].index(high.delivery_id) == 1


class Counting(ProviderInMemory):
    """Knows how many calls there were at a time."""

    under_way = most = 0

    async def send(self, message: Message) -> Outcome:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await some_turns()
        self.under_way -= 1
        return await super().send(message)


async def test_there_are_never_more_calls_at_once_than_the_policy_says() -> None:
    provider = Counting()
    desk = Desk(provider, slots=8, at_once=3)
    async with desk.running():
        mails = [delivery(f"r{number}", priority=list(Priority)[number % 3]) for number in range(40)]
        desk.put(*mails)
        await until(lambda: len(provider.sent) == len(mails))
        assert desk.dispatch.in_flight == 0
    assert provider.most == 3


async def test_what_waits_for_its_call_when_partitions_are_given_up_is_given_back() -> None:
    provider = Gated()
    desk = Desk(provider, slots=4, at_once=1)
    async with desk.running():
        mails = [delivery(f"r{number}") for number in range(3)]
        desk.put(*mails)
        await until(lambda: desk.dispatch.in_flight == 3)
        desk.assign(b"run.2")
        provider.gate.set()
        await until(lambda: desk.dispatch.in_flight == 0)
        assert len(provider.sent) == 1
        desk.put(*mails[1:])
        await until(lambda: len(provider.sent) == 3)
    assert sorted(message.delivery_id for message in provider.sent) == sorted(mail.delivery_id for mail in mails)


async def test_what_stands_in_line_when_the_sender_gives_up_is_not_called_any_more() -> None:
    provider = Gated()
    desk = Desk(provider, slots=4, at_once=1)
    async with desk.running():
        mails = [delivery(f"r{number}") for number in range(3)]
        desk.put(*mails)
        await until(lambda: len(desk.claims.values) == 3)
        await some_turns()
        await desk.dispatch.abandon()
        await some_turns()
        provider.gate.set()
        await some_turns()
        assert provider.calls == []
        verdicts = await desk.claims.claim(b"successor.1", [claim_key(mail) for mail in mails])
    assert verdicts == [AMBIGUOUS, NEW, NEW]
