"""A stretch of work watched from outside: outputs counted on the topics, CPU asked of the system."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.bench.router.cores import busy_seconds
from ops.bench.router.ground import Ground
from ops.bench.router.process import Running, cpu_seconds
from ops.bench.router.site import Site
from streams.agents.router_topics import RouterTopics

_SHORTEST, _LONGEST = 0.005, 0.25  # seconds between two looks: the longer, the less Kafka is kept from its work
_STUCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """Events decided in so many seconds, and CPU seconds meanwhile: of the measured processes, of the broker, and of
    anybody else on the measured cores."""

    events: int
    seconds: float
    cpu_seconds: float
    broker_seconds: float
    others_seconds: float

    @property
    def events_per_s(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU for an event."""
        return self.cpu_seconds / self.events * 1e6

    @property
    def broker_us(self) -> float:
        """Microseconds of the broker's CPU for an event; 0: it is not here."""
        return self.broker_seconds / self.events * 1e6

    @property
    def others_percent(self) -> float:
        """Of one core: what others took away while it was measured. More than a few: measure again."""
        return self.others_seconds / self.seconds * 100


@dataclass(frozen=True, slots=True)
class Reading:
    """One look. `busy_seconds`: of the measured cores since the machine started, whoever it was for."""

    at: float
    events: int
    cpu_seconds: float
    broker_seconds: float
    busy_seconds: float

    def until(self, end: "Reading") -> Window:
        """Raises RuntimeError when nothing happened in between: then there is nothing to tell."""
        if end.events <= self.events:
            raise RuntimeError("all was decided before the clock started: measure with more --events")
        cpu = end.cpu_seconds - self.cpu_seconds
        return Window(
            end.events - self.events,
            end.at - self.at,
            cpu,
            end.broker_seconds - self.broker_seconds,
            max(0.0, end.busy_seconds - self.busy_seconds - cpu),
        )


class Watch:
    """Watches processes that decide on what they read from these topics."""

    def __init__(self, site: Site, topics: RouterTopics, processes: Sequence[Running]) -> None:
        self._site = site
        self._topics = topics
        self._processes = processes

    def look(self) -> Reading:
        """Now."""
        events = self._ground.written([self._topics.decisions])
        cpu = sum(each.cpu_seconds() for each in self._processes)
        broker = cpu_seconds(self._site.broker) if self._site.broker else 0.0
        return Reading(time.perf_counter(), events, cpu, broker, busy_seconds(self._site.cores.measured))

    def decided(self, events: int) -> Reading:
        """Wait until so many were decided. Raises Ended when a process ends, RuntimeError when nothing moves."""
        last, moved_at = self.look(), time.perf_counter()
        while last.events < events:
            for each in self._processes:
                each.check()
            reading = self._after_a_while(last, events)
            if reading.events > last.events:
                moved_at = reading.at
            elif reading.at - moved_at > _STUCK_SECONDS:
                logs = "".join(each.log_end() for each in self._processes)
                raise RuntimeError(f"stuck at {reading.events} of {events} decisions: {logs}")
            last = reading
        return last

    def committed(self, group: str, markers: int = 0) -> Reading:
        """Wait until the group has committed all notifications. `markers`: offsets at the ends that are no records."""
        ends = self._ground.ends(self._topics.notifications.values())
        wanted = {tp: end - markers for tp, end in ends.items() if end > markers}
        deadline = time.perf_counter() + _STUCK_SECONDS
        while any((found := self._ground.committed(group)).get(tp, 0) < end for tp, end in wanted.items()):
            if time.perf_counter() > deadline:
                raise RuntimeError(f"the group {group} has not committed all: {found} of {wanted}")
            time.sleep(_SHORTEST)
        return self.look()

    @property
    def _ground(self) -> Ground:
        return self._site.ground

    def _after_a_while(self, last: Reading, events: int) -> Reading:
        """Look again when half of what is missing should be there: exact at the end, rare before."""
        time.sleep(_SHORTEST)
        reading = self.look()
        gained = reading.events - last.events
        if gained > 0 and reading.events < events:
            rate = gained / (reading.at - last.at)
            time.sleep(max(_SHORTEST, min(_LONGEST, (events - reading.events) / rate / 2)))
            return self.look()
        return reading
