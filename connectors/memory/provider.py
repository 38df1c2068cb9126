"""A provider in memory: scripted outcomes, everything it was asked to carry in a public list."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Drop, Outcome, ProviderCall, RetryLater, Sent


@dataclass(frozen=True, slots=True)
class Raises:
    """A script's word for a bug: the call raises this."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Hangs:
    """A script's word for a call that never comes back."""


Scripted = Outcome | Raises | Hangs


class ProviderInMemory:
    """Answers with what was scripted for the address, then with what was scripted for anybody, then with Sent.

    `sent`: messages that were taken; `calls`: all messages, in the order of the calls.
    """

    def __init__(self, name: str = "memory", takes_seconds: float = 0) -> None:
        """`takes_seconds`: how long each call takes."""
        self.name = name
        self.sent: list[Message] = []
        self.calls: list[Message] = []
        self.running = False
        self._takes_seconds = takes_seconds
        self._scripts: dict[str, deque[Scripted]] = {}

    def script(self, outcomes: Iterable[Scripted], address: str = "") -> None:
        """The answers to the next calls, in order; with `address` only to calls for it."""
        self._scripts.setdefault(address, deque()).extend(outcomes)

    async def start(self) -> None:
        self.running = True

    async def close(self) -> None:
        self.running = False

    async def send(self, message: Message) -> Outcome:
        """As scripted. `sent` grows before the answer: an answer that never comes may have been a delivery."""
        began = _now_ms()
        self.calls.append(message)
        script = self._scripts.get(message.address) or self._scripts.get("")
        answer = script.popleft() if script else Sent(_call(self.name, message))
        if isinstance(answer, Raises):
            raise answer.error
        if isinstance(answer, Sent | Hangs):
            self.sent.append(message)
        if isinstance(answer, Hangs):
            await asyncio.Event().wait()
            raise AssertionError("never set")
        if self._takes_seconds:
            await asyncio.sleep(self._takes_seconds)
        return _made_at(answer, began)


def transient(reason: str = "503", provider: str = "memory") -> RetryLater:
    """A call that failed and may go well another time."""
    return RetryLater(Failure(FailureKind.TRANSIENT, reason), ProviderCall(provider, _now_ms(), 1.0, code=reason))


def permanent(reason: str = "550", provider: str = "memory") -> DeadLetter:
    """A call that failed and always will."""
    return DeadLetter(Failure(FailureKind.PERMANENT, reason), ProviderCall(provider, _now_ms(), 1.0, code=reason))


def _call(name: str, message: Message) -> ProviderCall:
    return ProviderCall(
        name, _now_ms(), 0.0, code="250", provider_message_id=f"{message.delivery_id}/{message.attempt}"
    )


def _made_at(answer: Outcome, began: int) -> Outcome:
    """It was scripted earlier than it was made."""
    if isinstance(answer, Drop) or answer.call is None:
        return answer
    return replace(answer, call=replace(answer.call, started_at=began))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
