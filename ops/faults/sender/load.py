"""What is sent to the senders: deliveries as a router would write them, made by plain Avro."""

import random
import time

from ops.faults.lanes import LANES, id_of, traceparent
from ops.faults.ledger import Ledger
from ops.faults.load import Input
from ops.faults.sender.traffic import KINDS, POISON, value_of
from schemas import topics
from schemas.headers import cloud_event
from streams.domain.notification import Channel, delivery_id

_EVENT, _SOURCE = "tidings.delivery", "/tidings/faults"


class Deliveries:
    """The next delivery, each time it is called: of any lane, kinds by their weights. Called by one thread.

    `base`: the provider's URL, for webhooks.
    """

    def __init__(self, ledger: Ledger, channel: Channel, base: str, chance: random.Random) -> None:
        self._ledger, self._channel, self._base, self._chance = ledger, channel, base, chance
        self._kinds = KINDS[channel]
        self._weights = [kind.weight for kind in self._kinds]
        self._poison = range(len(self._kinds) - len(POISON), len(self._kinds))
        self._poison_due = 0

    def poison(self, count: int) -> None:
        """So many of the next ones cannot be read. From any thread."""
        self._poison_due = count

    def __call__(self) -> Input:
        lane, number = self._chance.randrange(len(LANES)), self._number()
        now = time.time_ns() // 1_000_000
        label = self._ledger.send(lane, number, now)
        event = delivery_id(id_of(label), self._channel)
        return Input(
            label,
            topics.deliveries(self._channel, LANES[lane].priority),
            LANES[lane].recipient,
            value_of(self._channel, self._base, label, self._kinds[number], now),
            cloud_event(event, _EVENT, _SOURCE, now, traceparent(label)),
            keep_place=True,
        )

    def _number(self) -> int:
        if self._poison_due > 0:
            self._poison_due -= 1
            return self._chance.choice(self._poison)
        return self._chance.choices(range(len(self._kinds)), self._weights)[0]
