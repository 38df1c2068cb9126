"""What a sender is made of besides Kafka: the ports it needs, handed in by the wiring."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.codec import Codec
from streams.domain.catalogue import Catalogue
from streams.domain.delivery import Delivery, Message
from streams.domain.ports import Claims, Provider, Recipients

Compose = Callable[[Delivery, str, int], Message]
"""compose(delivery, address, attempt): the message for one call, `attempt` counted from 1.

Raises RenderingFailed when this delivery can never be put into words: it becomes a dead letter. Any other exception is
taken for a bug: it is logged, and the delivery is tried again by its schedule. Runs on the event loop: no waiting.
"""


@dataclass(frozen=True, slots=True)
class SenderParts:
    """One of each. Recipients and claims raise connectors.unavailable.Unavailable when they are away."""

    provider: Provider
    recipients: Recipients
    claims: Claims
    compose: Compose
    catalogue: Catalogue
    codec: Codec
