"""What the rules and the senders need of the world. Each has a real form and a first-class fake (connectors/memory)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.domain.breaker import Breaker, BreakerPolicy, Tally
from streams.domain.delivery import Message
from streams.domain.outcomes import Outcome
from streams.domain.rate_limit import Ask, Lease
from streams.domain.recipient import Recipient


class Provider(Protocol):
    """Carries one message. Maps its own codes to the closed set of outcomes and raises for nothing a provider can do.

    Never returns Drop. Safe to call many times side by side on one event loop.
    """

    name: str

    async def start(self) -> None:
        """Open what it needs; called once, on the loop it will be used on."""

    async def send(self, message: Message) -> Outcome:
        """One call. The outcome's ProviderCall is redacted: no address, no content."""

    async def close(self) -> None:
        """Give back connections."""


class Recipients(Protocol):
    """Who is told, looked up for a whole batch at once."""

    async def find(self, recipient_ids: Sequence[str]) -> Mapping[str, Recipient]:
        """Those that are known; an erased one says so.

        Raises Unavailable when some cannot be looked up; SomeUnavailable, with the others, if there are others.
        A change is seen at the latest one second after it was acknowledged.
        """


class Claims(Protocol):
    """Who may call the provider for a delivery: one round trip a batch. Keys are delivery id and redrive number."""

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> Sequence[int | bytes]:
        """Per key NEW (0), AMBIGUOUS (1: a dead owner's claim), or bytes: the mark of what it came to.

        UNSURE (2): nothing is known of it here, and where it could be known nobody can look now.
        """

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or what will be one, or give back a claim: the marks and rules of `claim_marks`.

        An end is never overwritten.
        """


class Told(NamedTuple):
    """A breaker as all processes share it, probes this one may make, and the time it rests on (ms since 1970 UTC)."""

    breaker: Breaker
    granted: int
    now: int


class Breakers(Protocol):
    """The circuit breakers of providers, shared between processes. The rules: streams.domain.breaker.report."""

    async def report(self, provider: str, policy: BreakerPolicy, tally: Tally, wanted: int) -> Told:
        """Tell the calls since the last report and learn how the breaker stands. One round trip."""


class Limits(Protocol):
    """Rate limits shared between processes. The rules: streams.domain.rate_limit.lease."""

    async def lease(self, asks: Sequence[Ask]) -> Sequence[Lease]:
        """What each ask gets, in one round trip for all."""
