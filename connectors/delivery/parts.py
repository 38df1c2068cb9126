"""What a sender is made of besides Kafka: the ports it needs, handed in by the wiring."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.codec import Codec
from streams.domain.catalogue import Catalogue
from streams.domain.delivery import Delivery, Message
from streams.domain.ports import Breakers, Claims, Limits, Provider, Recipients

Compose = Callable[[Delivery, str, int], Message]
"""compose(delivery, address, attempt): the message for one call, `attempt` counted from 1.

Raises RenderingFailed when this delivery can never be put into words: it becomes a dead letter. Any other exception is
taken for a bug: it is logged, and the delivery is tried again by its schedule. Runs on the event loop: no waiting.
"""


@dataclass(frozen=True, slots=True)
class SenderParts:
    """All ports but the providers raise connectors.unavailable.Unavailable when they are away.

    `standby`: the channel's other providers, in the order in which they take over; each has a name of its own.
    `breakers`, `limits`: shared with the other senders of the channel; None: this process for itself.
    """

    provider: Provider
    recipients: Recipients
    claims: Claims
    compose: Compose
    catalogue: Catalogue
    codec: Codec
    standby: tuple[Provider, ...] = ()
    breakers: Breakers | None = None
    limits: Limits | None = None

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All of them, the first choice first."""
        return (self.provider, *self.standby)
