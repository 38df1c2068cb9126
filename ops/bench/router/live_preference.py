"""A changed preference under load: from the acknowledged write to the first decision that rests on it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ops.bench.figures import Figure, quantile
from ops.bench.router.data import BASE_MS, Mix
from ops.bench.router.plain_avro import PlainAvro
from ops.bench.router.process import Contender, running
from ops.bench.router.site import Site
from ops.bench.router.traffic import Arrival, Seen, Traffic, traffic, wait_until_routed
from schemas.codec import Codec
from schemas.records import preference_to_record
from streams.agents.router_topics import RouterTopics
from streams.domain.preferences import Choice, Preference

Say = Callable[[str], None]

RATE = 2_000
_PAUSE_SECONDS = 0.05
_LATE_SECONDS = 10.0
_RECIPIENTS = ("watched-0", "watched-1", "watched-2", "watched-3")


@dataclass(slots=True)
class Change:
    """One change: whose, its version, when it was acknowledged, when a decision that knew it arrived."""

    recipient: str
    version: int
    acknowledged_at: float | None = None
    seen_at: float | None = None

    def acknowledged(self, at: float) -> None:
        self.acknowledged_at = at

    @property
    def seconds(self) -> float | None:
        """0 when the decision came before the acknowledgement."""
        if self.seen_at is None or self.acknowledged_at is None:
            return None
        return max(0.0, self.seen_at - self.acknowledged_at)


def measure(site: Site, mix: Mix, changes: int, say: Say) -> list[Figure]:
    """So many changes, one after the other, at 2,000 notifications/s; every second one is for who just changed."""
    with site.ground.inputs(mix) as inputs, site.ground.outputs("live") as outputs:
        order = site.order(inputs, outputs, mix)
        with (
            site.quiet(),
            running(Contender.OURS, order) as process,
            traffic(site.ground, order.topics, mix, order.topics.decisions) as moving,
        ):
            wait_until_routed(moving, Seen(order.topics.decisions), process)
            watcher = _Watcher(moving, order.topics)
            taken = [watcher.change(number) * 1000 for number in range(changes)]
    p50, p99 = quantile(taken, 0.5), quantile(taken, 0.99)
    say(f"a changed preference under {RATE:,}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return [
        Figure("preference_live_p50_ms", p50, "ms", "preference acknowledged to first decision by it, median"),
        Figure("preference_live_p99_ms", p99, "ms", "preference acknowledged to first decision by it, 99 %", "< 50"),
    ]


class _Watcher:
    """Changes preferences and looks for decisions by them, while notifications keep coming."""

    def __init__(self, moving: Traffic, topics: RouterTopics) -> None:
        self._moving = moving
        self._preferences = topics.preferences
        self._codec, self._decision = Codec(), PlainAvro("Decision")
        self._sent = 0

    def change(self, number: int) -> float:
        """Seconds of one change. Raises RuntimeError when it is never seen."""
        change = Change(_RECIPIENTS[number % len(_RECIPIENTS)], number + 1)
        self._write(change)
        begin = time.perf_counter()
        for arrival in self._moving.at_rate(RATE, _LATE_SECONDS, lambda: self._send(change.recipient)):
            if change.seen_at is None and self._knows(arrival, change):
                change.seen_at = arrival.at
            if change.seconds is not None and arrival.at - begin > _PAUSE_SECONDS:
                return change.seconds
        raise RuntimeError(f"a changed preference was not seen within {_LATE_SECONDS:g} s")

    def _send(self, recipient: str) -> None:
        self._sent += 1
        if self._sent % 2:
            self._moving.send()
        else:
            self._moving.send(recipient_id=recipient)

    def _write(self, change: Change) -> None:
        wish = Preference(change.recipient, change.version, choices=(Choice(change.version % 2 == 0, channel="email"),))
        value = self._codec.encode("Preference", preference_to_record(wish, BASE_MS))
        self._moving.write(self._preferences, value, change.recipient.encode(), change.acknowledged)

    def _knows(self, arrival: Arrival, change: Change) -> bool:
        if arrival.message.key() != change.recipient.encode():
            return False
        return bool(self._decision.decode(arrival.message.value())["preference_version"] >= change.version)
