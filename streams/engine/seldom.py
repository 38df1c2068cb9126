"""Clients that cannot reach Kafka say so many times a second: once in a while is enough."""

import logging
from collections.abc import Callable
from time import monotonic

TALKATIVE = (
    "aiokafka",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
    "streams.engine.view",
)
_SAME = 50  # characters by which two lines count as the same


class Seldom(logging.Filter):
    """Lets a line pass that has not been seen for `seconds`; lines that begin alike are the same line."""

    def __init__(self, seconds: float = 10.0, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line passes."""
        now, line = self._clock(), (record.name, str(record.msg)[:_SAME])
        if now - self._seen.get(line, -self._seconds) < self._seconds:
            return False
        self._seen[line] = now
        return True


def quieten(names: tuple[str, ...] = TALKATIVE) -> None:
    """From now on these loggers repeat themselves only every 10 s, and a slow commit is not worth a line."""
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(each, Seldom) for each in logger.filters):
            logger.addFilter(Seldom())
