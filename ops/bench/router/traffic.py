"""Notifications at a steady rate, and when what they caused arrives: seen with one clock, from outside of Kafka.

Open loop: each is sent when its moment has come. One thread sends and listens, so that neither waits for the other.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from ops.bench.router.data import Mix, number_of
from ops.bench.router.filling import Notifications
from ops.bench.router.ground import Ground
from ops.bench.router.process import Running
from schemas.headers import TRACE_PARENT
from streams.agents.router_topics import RouterTopics

_TICK_SECONDS = 0.001
_LATE_SECONDS = 30.0


class Arrival(NamedTuple):
    """A record of the outputs: which notification caused it, and when it came (time.perf_counter)."""

    number: int
    at: float
    message: Message


class Traffic:
    """`sent`: when each notification was handed to the producer; `late`: by how many seconds `at_rate` was behind.

    `listen`: topics whose records are noted.
    """

    def __init__(self, ground: Ground, topics: RouterTopics, mix: Mix, listen: Iterable[str]) -> None:
        self.sent: dict[int, float] = {}
        self.late: list[float] = []
        self._topics = topics.notifications
        self._maker = Notifications(mix)
        self._failed: list[str] = []
        self._last = -1
        self._producer = Producer(
            {
                "bootstrap.servers": ground.bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 0,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": ground.bootstrap_servers,
                "group.id": "bench-listener",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(*tp, end) for tp, end in ground.ends(listen).items()])

    def close(self) -> None:
        self._consumer.close()

    def send(self, **changes: Any) -> int:
        """The next notification, with other fields as given; its number."""
        self._last = number = self._last + 1
        priority, value, key, headers = self._maker.made(number, **changes)
        self.sent[number] = time.perf_counter()
        self._producer.produce(self._topics[priority], value, key, headers=headers, on_delivery=self._delivered)
        return number

    def write(self, topic: str, value: bytes, key: bytes, acknowledged: Callable[[float], None]) -> None:
        """Any other record; `acknowledged` hears when it is on the broker."""

        def told(error: object, message: object) -> None:
            self._delivered(error, message)
            acknowledged(time.perf_counter())

        self._producer.produce(topic, value, key, on_delivery=told)

    def at_rate(self, rate: int, seconds: float, act: Callable[[], Any]) -> Iterator[Arrival]:
        """Call `act` so often a second, for so long; yields what arrives meanwhile."""
        begin, done, count = time.perf_counter(), 0, int(rate * seconds)
        while done < count:
            passed = time.perf_counter() - begin
            due = min(count, int(passed * rate) + 1)
            if done < due:
                self.late.append(passed - done / rate)
            while done < due:
                act()
                done += 1
            yield from self.arrivals()

    def arrivals(self) -> Iterator[Arrival]:
        """What has arrived; waits a millisecond at most."""
        self._producer.poll(0)
        if self._failed:
            raise RuntimeError(f"a notification was not written: {self._failed[0]}")
        first = self._consumer.poll(_TICK_SECONDS)
        if first is None:
            return
        at = time.perf_counter()
        for message in (first, *self._consumer.consume(1_000, 0)):
            if message.error():
                raise KafkaException(message.error())
            trace = next((value for name, value in message.headers() or [] if name == TRACE_PARENT), None)
            if trace is not None:
                yield Arrival(number_of(trace), at, message)

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._failed.append(str(error))


@contextmanager
def traffic(ground: Ground, topics: RouterTopics, mix: Mix, *listen: str) -> Iterator[Traffic]:
    """Ends with the block."""
    made = Traffic(ground, topics, mix, listen)
    try:
        yield made
    finally:
        made.close()


class Seen:
    """Which notifications caused a record on one of these topics, told arrival by arrival."""

    def __init__(self, *topics: str) -> None:
        self._topics = frozenset(topics)
        self.numbers: set[int] = set()

    def note(self, arrival: Arrival) -> bool:
        """True: it is one of those records."""
        if arrival.message.topic() not in self._topics:
            return False
        self.numbers.add(arrival.number)
        return True


def wait_until_routed(moving: Traffic, seen: Seen, process: Running) -> None:
    """Send now and then until the process routes, and until all of that is seen."""
    deadline = time.perf_counter() + _LATE_SECONDS
    while not seen.numbers:
        process.check()
        _not_after(deadline)
        for arrival in moving.at_rate(20, 0.1, moving.send):
            seen.note(arrival)
    for arrival in rest(moving, seen):
        seen.note(arrival)


def rest(moving: Traffic, seen: Seen) -> Iterator[Arrival]:
    """What still arrives until all that was sent is seen, and a moment longer for records on other topics."""
    deadline = time.perf_counter() + _LATE_SECONDS
    while moving.sent.keys() - seen.numbers:
        _not_after(deadline)
        yield from moving.arrivals()
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        yield from moving.arrivals()


def _not_after(deadline: float) -> None:
    if time.perf_counter() > deadline:
        raise RuntimeError(f"notifications were not routed within {_LATE_SECONDS:g} s")
