"""One sender: threads read Kafka, an asyncio loop does the work, batches cross between them."""

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.awake import Awake
from connectors.delivery.clients import producer_config
from connectors.delivery.dispatch import Dispatch
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.hand_over import HandOver
from connectors.delivery.incoming import Record
from connectors.delivery.marking import Marker
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.outgoing import Letters
from connectors.delivery.ownership import Ownership
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.poll_thread import PollThread
from connectors.delivery.producing import Writer
from connectors.delivery.reader import Reader
from connectors.delivery.rebalance import Rebalance
from connectors.delivery.release import Release
from connectors.delivery.settle import Settle
from connectors.delivery.start_check import check_topics
from connectors.unavailable import Unavailable
from ops.telemetry import logs
from ops.telemetry.health import Health
from schemas.codec import PoisonRecord

_FLUSH_S = 5.0
_DRAIN_POLL_S = 0.005


class Sender:
    """Sends the deliveries of one channel. Start more of it in other processes to share the partitions.

    Killed at any moment it loses nothing: what was not settled comes up again, here or elsewhere.
    """

    def __init__(self, policy: SenderPolicy, parts: SenderParts, health: Health | None = None) -> None:
        """Inside a running loop. `health` is kept up to date with `state` and `alive`."""
        self._policy, self._health = policy, health or Health()
        self._health.alive = self.alive
        self._loop = asyncio.get_running_loop()
        self._log = logs.get(part="sender")
        self._sources = {name: source for source, name in enumerate(policy.topics)}
        self._stopping = self._is_reading = False
        meter = Meter(policy)
        self._ownership = Ownership()
        self._awake = Awake(policy.frozen_after)
        self._outages = (Outage("nothing is sent until it is back"), Outage("nothing is settled until it is back"))
        self._producer = Producer(producer_config(policy))
        self._settle = Settle(policy, Letters(policy, parts.codec), Marker(parts.claims, self._outages[1]), meter)
        self._writer = Writer(self._producer, self._settle.confirmed)
        self._dispatch = Dispatch(policy, parts, self._ownership, self._settle, self._outages[0], meter)
        self._settle.use(self._writer, self._dispatch.wake)
        self._dispatch.attempts.check_awake = self._awake.check
        self._release = Release(self._ownership, self._awake, self._dispatch.wake, self._tick)
        self._rebalance = Rebalance(policy, self._ownership, uuid4().hex[:12])
        self._rebalance.drain = self._drain_from_thread
        self._polling = PollThread(policy, self._ownership, self._rebalance, HandOver(self._loop, self._take))
        self._rebalance.beat = self._polling.beat
        self._readers = [
            Reader(policy, self._ownership, source, HandOver(self._loop, self._take))
            for source in range(TIER_0)
            if source not in policy.urgent_sources
        ]
        self._dispatch.picked = self._look_for_more
        meter.watch(lambda: self._dispatch.in_flight, lambda: len(self._ownership.assignment.parked))

    @property
    def state(self) -> str:
        """starting, recovering (partitions are being taken over), ready, stalled (a server is away) or stopping."""
        if self._stopping:
            return "stopping"
        if any(outage.lasts for outage in self._outages):
            return "stalled"
        return self._rebalance.state

    def alive(self) -> bool:
        """False when the loop or a thread has not moved for `policy.stalled_after`."""
        readers = (reader.beat_at for reader in self._readers if self._is_reading)
        oldest = min(self._awake.at, self._polling.beat_at, *readers)
        return time.monotonic() - oldest < self._policy.stalled_after.total_seconds()

    def stop(self) -> None:
        """Finish what is in flight within `policy.drain`, commit, and let run() return. From the loop's thread."""
        self._stopping = True
        self._polling.stop()
        for reader in self._readers:
            reader.stop()
        self._tell_health()

    async def run(self) -> None:
        """Until stop(). Raises WrongTopics at the start; anything unexpected later ends the process (fail_stop)."""
        tasks = [self._watched(self._release.run())]
        try:
            if await self._topics_are_there():
                await self._dispatch.providers.start()
                parts = (self._settle, self._dispatch, self._dispatch.providers, self._writer)
                tasks += [self._watched(part.run()) for part in parts]
                await self._poll_until_stopped()
                await self._dispatch.abandon()
                await asyncio.to_thread(self._producer.flush, _FLUSH_S)
                await self._dispatch.providers.close()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll_until_stopped(self) -> None:
        runs = [self._polling.run, *(reader.run for reader in self._readers)]
        with ThreadPoolExecutor(len(runs)) as threads:
            self._is_reading = True
            reading = asyncio.gather(*(self._loop.run_in_executor(threads, run) for run in runs))
            try:
                await asyncio.shield(reading)
            except asyncio.CancelledError:
                self.stop()
                await reading
                raise
            finally:
                self._is_reading = False

    async def _topics_are_there(self) -> bool:
        """Waits for Kafka; False when it was stopped meanwhile."""
        outage = Outage("nothing is read until it is back")
        while not self._stopping:
            self._polling.beat()
            try:
                await asyncio.to_thread(check_topics, self._rebalance.admin, self._policy.topics)
            except Unavailable as away:
                await outage.wait(away)
            else:
                outage.over()
                return True
        return False

    def _watched(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        task.add_done_callback(_stop_on_error)
        return task

    def _take(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        """From the poll thread into lanes and heaps. A redelivered offset is passed over."""
        waiting = False
        for message in messages:
            record = Record(assignment, message, self._sources[message.topic()])
            if not assignment.track(record):
                continue
            try:
                record.read_place()
            except PoisonRecord as error:
                self._settle.poison(record, str(error), in_lane=False)
                continue
            assignment.admit(record)
            waiting = waiting or record.source >= TIER_0
        self._dispatch.wake()
        if waiting:
            self._release.nudge()

    def _look_for_more(self) -> None:
        for reader in self._readers:
            reader.look()

    def _drain_from_thread(self) -> None:
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()

    async def _drain(self) -> None:
        """Nothing new starts; what is in flight may finish. After it the assignment is an orphan."""
        deadline = self._loop.time() + self._policy.drain.total_seconds()
        self._ownership.draining = True
        while (self._dispatch.in_flight or not self._settle.idle) and self._loop.time() < deadline:
            await asyncio.sleep(_DRAIN_POLL_S)
        self._settle.tell_sent()  # also while the marks of those before hang
        if self._dispatch.in_flight:
            self._log.warning("given up with calls in flight", count=self._dispatch.in_flight)
        self._ownership.assignment.alive = False
        self._ownership.draining = False

    def _tick(self) -> None:
        """Twice a second, whatever hangs."""
        self._settle.tell_sent()
        self._tell_health()

    def _tell_health(self) -> None:
        self._health.state = self.state


def _stop_on_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        fail_stop(error)
