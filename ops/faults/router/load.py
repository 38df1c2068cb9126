"""What is sent to the routers: real notifications on all three priorities, and preferences before them."""

import random
import time
from collections.abc import Callable, Iterable

from ops.faults.lanes import LANES, id_of, traceparent
from ops.faults.ledger import Ledger
from ops.faults.load import Input, producer
from ops.faults.router.traffic import KINDS, Rule, value_of
from schemas import topics
from schemas.codec import Codec
from schemas.headers import cloud_event
from schemas.records import preference_to_record
from streams.domain.preferences import Preference

_TYPE, _SOURCE = "tidings.notification", "/tidings/faults"
_WEIGHTS = [kind.weight for kind in KINDS]


def publish_preferences(bootstrap_servers: str, preferences: Iterable[Preference], codec: Codec) -> None:
    """Straight to the compacted topic, confirmed."""
    made = producer(bootstrap_servers)
    for each in preferences:
        made.produce(topics.PREFERENCES, codec.encode("Preference", preference_to_record(each, 0)), each.recipient_id)
    if left := made.flush(60):
        raise RuntimeError(f"{left} preferences were not confirmed")


def notifications(ledger: Ledger, rule: Rule, chance: random.Random) -> Callable[[], Input]:
    """The next notification, each time it is asked: of any lane, kinds by their weights."""
    codec = Codec()

    def make() -> Input:
        lane = chance.randrange(len(LANES))
        number = chance.choices(range(len(KINDS)), _WEIGHTS)[0]
        now = time.time_ns() // 1_000_000
        label = ledger.send(lane, number, now)
        return Input(
            label,
            topics.notifications(LANES[lane].priority),
            LANES[lane].recipient,
            value_of(label, KINDS[number], now, codec),
            cloud_event(id_of(label), _TYPE, _SOURCE, now, traceparent(label)),
            rule.of(label, number).dead is not None,
        )

    return make
