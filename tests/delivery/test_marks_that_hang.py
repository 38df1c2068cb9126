"""Claims that go away between the calls and their marks: what a provider took is told all the same."""

import asyncio

import pytest

from connectors.memory.claims import ClaimsInMemory
from connectors.memory.provider import ProviderInMemory
from streams.domain.delivery import Delivery, Message
from streams.domain.outcomes import Outcome
from tests.delivery.builders import delivery
from tests.delivery.ground import Ground, until

pytestmark = pytest.mark.servers


class InTurns(ProviderInMemory):
    """Takes the first one when both are being called, and the other when the gate opens. Then no mark is made."""

    def __init__(self, first: Delivery, claims: ClaimsInMemory) -> None:
        super().__init__()
        self._first, self._claims = first, claims
        self._both, self.gate, self._begun = asyncio.Event(), asyncio.Event(), 0

    async def send(self, message: Message) -> Outcome:
        self._begun += 1
        if self._begun == 2:
            self._claims.away = True
            self._both.set()
        await (self._both if message.delivery_id == self._first.delivery_id else self.gate).wait()
        return await super().send(message)


async def test_what_is_sent_while_the_marks_of_others_hang_is_told_and_marked_when_they_go_through(
    ground: Ground,
) -> None:
    claims, first, second = ClaimsInMemory(), delivery(ground.who("ada")), delivery(ground.who("bob"))
    provider = InTurns(first, claims)
    async with ground.sender(ground.parts(provider, claims)):
        ground.put(first, second)
        await until(lambda: ground.statuses(first) == ["sent"])
        provider.gate.set()
        await until(lambda: ground.statuses(second) == ["sent"])
        assert b"s1" not in claims.values.values()
        claims.away = False
        await until(lambda: list(claims.values.values()) == [b"s1", b"s1"])
    assert len(provider.sent) == 2
