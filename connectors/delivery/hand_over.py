"""From a thread that reads Kafka to the loop: one batch at a time."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaException

from connectors.delivery.assignment import Assignment
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.incoming import Record
from ops.telemetry import logs

Take = Callable[[Assignment[Record], list[Any]], None]


class HandOver:
    """While one batch is being taken the next is being fetched."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Take) -> None:
        """`take` runs on the loop. It must not raise."""
        self._loop, self._take = loop, take
        self._taken = threading.Event()

    def hand_over(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        """Returns when the loop has taken them."""
        self._taken.clear()
        self._loop.call_soon_threadsafe(self._take_over, assignment, messages)
        self._taken.wait()

    def _take_over(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        try:
            self._take(assignment, messages)
        except Exception as error:
            fail_stop(error)
        self._taken.set()


def sound(messages: Sequence[Any]) -> list[Any]:
    """Those that are records. Raises KafkaException for an error that waiting does not mend."""
    good = []
    for message in messages:
        error = message.error()
        if error is None:
            good.append(message)
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)
        else:
            logs.get(part="sender").warning("kafka", reason=error.str())
    return good
