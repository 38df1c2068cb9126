"""Our sender with a provider that does nothing: lanes, claims in Redis, statuses, commits, and no look-up or words."""

import asyncio
import gc
import signal
import sys

import uvloop

from connectors.catalogue.load import load
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.sender import Sender
from connectors.memory.recipients import RecipientsInMemory
from connectors.redis.claims import RedisClaims
from ops.bench.router.cores import pin
from ops.bench.sender.data import CATALOGUE
from ops.bench.sender.order import Order
from ops.telemetry import logs
from schemas.codec import Codec
from streams.domain.delivery import Delivery, Message
from streams.domain.outcomes import Outcome, ProviderCall, Sent
from streams.domain.retry_schedule import DEFAULT, RetrySchedule

_SENT = Sent(ProviderCall("none", 0, 0.0, code="250"))


class NoProvider:
    """Everything is sent the moment it is asked for."""

    name = "none"

    async def start(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing."""

    async def send(self, message: Message) -> Outcome:
        """Sent, and nothing was called: not even an outcome is made."""
        return _SENT


def no_words(delivery: Delivery, address: str, attempt: int) -> Message:
    """A message without parts."""
    told = delivery.notification
    return Message(delivery.delivery_id, told.notification_id, told.type, address, {}, told.created_at, attempt)


async def run(order: Order) -> None:
    """Until SIGTERM."""
    logs.start("sender-machinery")
    policy = SenderPolicy(order.bootstrap_servers, order.channel, RetrySchedule.parse(DEFAULT), "bench")
    claims = RedisClaims.at(order.redis_url)
    parts = SenderParts(NoProvider(), RecipientsInMemory(), claims, no_words, load(CATALOGUE), Codec())
    sender = Sender(policy, parts)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sender.stop)
    sys.setswitchinterval(0.0005)  # these four as `tidings sender` does
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        await sender.run()
    finally:
        await claims.close()


if __name__ == "__main__":
    told = Order.from_argument(sys.argv[1])
    pin(told.cores)
    uvloop.run(run(told))
