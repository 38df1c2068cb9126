"""What the provider in memory promises to the tests and benchmarks that use it."""

import asyncio

import pytest

from connectors.memory.provider import Hangs, ProviderInMemory, Raises, permanent, transient
from streams.domain.delivery import Message
from streams.domain.outcomes import DeadLetter, RetryLater, Sent
from streams.domain.ports import Provider


def to(address: str, attempt: int = 1) -> Message:
    return Message("d1", "n1", "order.shipped", address, {"text": "hello"}, 0, attempt)


async def test_it_takes_everything_unless_told_otherwise() -> None:
    provider: Provider = ProviderInMemory()
    await provider.start()
    outcome = await provider.send(to("ada@example.org"))
    await provider.close()
    assert isinstance(outcome, Sent)
    assert outcome.call.provider == provider.name


async def test_scripts_are_followed_in_order_those_of_the_address_first() -> None:
    provider = ProviderInMemory()
    provider.script([transient()])
    provider.script([permanent("550")], "ada@example.org")
    outcomes = [await provider.send(to(name)) for name in ("ada@example.org", "bob@example.org", "ada@example.org")]
    assert [type(outcome) for outcome in outcomes] == [DeadLetter, RetryLater, Sent]
    assert [message.address for message in provider.sent] == ["ada@example.org"]
    assert len(provider.calls) == 3


async def test_a_call_can_raise_and_a_call_can_hang() -> None:
    provider = ProviderInMemory()
    provider.script([Raises(KeyError("bug")), Hangs()])
    with pytest.raises(KeyError):
        await provider.send(to("ada@example.org"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(provider.send(to("ada@example.org")), 0.05)
    assert len(provider.sent) == 1  # the call that hangs may have been a delivery
