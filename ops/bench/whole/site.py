"""Where it is measured: every server and process of tidings, and the sink of the senders' bench. Nothing is pinned."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil
import psycopg

from ops.bench.java import java_as_in_service
from ops.bench.router.filling import Filling, HiddenFilling
from ops.bench.sender.data import CATALOGUE, MAIL_FROM, SOURCE, notification_of
from ops.bench.sender.order import Order
from ops.bench.sender.sink_link import Sink, sink_running
from ops.bench.sender.site import save_recipients
from ops.devstack import Endpoints, Stack
from ops.devstack.tidings import tidings_processes
from schemas.codec import Codec
from schemas.headers import Headers, cloud_event
from schemas.records import notification_to_record
from schemas.topics import notifications
from streams.domain.notification import Channel

Say = Callable[[str], None]

SERVICES = ("kafka", "postgres", "valkey")
_EVENT = "tidings.notification"
_STUCK_SECONDS = 120.0


@dataclass(slots=True)
class Whole:
    """`filled`: notifications made so far; the next one gets this number. `written`: how many of each channel."""

    stack: Stack
    sink: Sink
    filled: int = 0
    written: Counter[Channel] = field(default_factory=Counter)
    _codec: Codec = field(default_factory=Codec)

    @property
    def endpoints(self) -> Endpoints:
        return self.stack.endpoints

    def hidden(self, channel: Channel, count: int) -> HiddenFilling:
        """So many notifications that nobody sees before `show`."""
        filling = HiddenFilling(self.endpoints.kafka_bootstrap_servers, f"whole-{self.filled}")
        now = time.time_ns() // 1_000_000
        for _ in range(count):
            self.write(filling, channel, self.next(), now)
        filling.flush()
        return filling

    def next(self) -> int:
        """A number that no other notification has."""
        self.filled += 1
        return self.filled - 1

    def write(self, filling: Filling, channel: Channel, number: int, now: int) -> None:
        """One notification, as a service publishes it."""
        filling.write(*self.made(channel, number, now))

    def made(self, channel: Channel, number: int, now: int) -> tuple[str, bytes, bytes, Headers]:
        """Topic, value, key and headers of a notification that will be written at `now` (ms since 1970 UTC)."""
        told = notification_of(channel, number, now, url=self.sink.url)
        self.written[channel] += 1
        value = self._codec.encode("Notification", notification_to_record(told))
        headers = cloud_event(told.notification_id, _EVENT, SOURCE, now)
        return notifications(told.priority), value, told.recipient_id.encode(), headers

    def order(self, name: str) -> Order:
        """For a contender that is not ours."""
        told = self.endpoints
        return Order(
            told.kafka_bootstrap_servers, told.postgres_dsn, told.redis_url, Channel.EMAIL, name, self.sink.smtp_port,
            self.sink.url,
        )  # fmt: skip

    def wait_for_rows(self, question: str, wanted: int) -> None:
        """Until PostgreSQL counts so many. Raises RuntimeError when that takes longer than two minutes."""
        deadline = time.monotonic() + _STUCK_SECONDS
        with psycopg.connect(self.endpoints.postgres_dsn, autocommit=True) as connection:
            while (found := count_of(connection, question)) < wanted:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{found} of {wanted} statuses were in PostgreSQL after {_STUCK_SECONDS:g} s")
                time.sleep(0.05)

    def cpu_seconds(self) -> dict[str, float]:
        """What each server and process has used since its start, with its children."""
        used = {name: _cpu(process) for name, process in self.stack.pids().items()}
        return {**used, "sink": _cpu(self.sink.process)}


def count_of(connection: psycopg.Connection, question: str) -> int:
    """The one number that a statement asks for."""
    row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return int(row[0])


def _cpu(process: int) -> float:
    used = 0.0
    with suppress(psutil.NoSuchProcess):
        about = psutil.Process(process)
        for each in [about, *about.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used += times.user + times.system
    return used


@contextmanager
def site_of_its_own(say: Say) -> Iterator[Whole]:
    """Everything runs and is ready; all gone at the end of the block."""
    with java_as_in_service(), sink_running([]) as sink:
        settings = {"TIDINGS_CATALOGUE": str(CATALOGUE), "TIDINGS_MAIL_FROM": MAIL_FROM}
        given = Endpoints(smtp_url=f"smtp://127.0.0.1:{sink.smtp_port}?starttls=off")
        with Stack(
            services=SERVICES,
            processes=tidings_processes(),
            given=given,
            settings=settings,
            say=lambda line: say(line.text),
        ) as stack:
            asyncio.run(save_recipients(stack.endpoints.postgres_dsn))
            yield Whole(stack, sink)
