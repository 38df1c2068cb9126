"""A Faust app whose agents get batches, whose failures end the process and which leaves no trace on disk."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

import faust
from faust.app.base import BootStrategy
from faust.types import TP, TopicT

from ops.telemetry import metrics
from streams.engine.batch import BatchSchema
from streams.engine.crash_marks import CrashMarks
from streams.engine.ending import fail_stop
from streams.engine.transport import Consumer, Transport


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """How a process on the engine runs.

    `instance`: name of this process, stable over restarts and unique in its group: it keeps its partitions while it is
    away for less than the session timeout. `watchdog_seconds`: records wait and nothing moves for so long: it ends.
    `stop_seconds`: what a planned stop may take. `state_folder`: see state_folder.py.
    """

    bootstrap_servers: str
    instance: str
    group: str
    session_timeout_seconds: float = 10.0
    commit_interval_seconds: float = 0.1
    watchdog_seconds: float = 60.0
    stop_seconds: float = 8.0
    state_folder: Path | None = None

    def settings(self) -> dict[str, Any]:
        """Faust's settings; README.md tells why each differs from its default."""
        longest = max(20.0, self.session_timeout_seconds)
        return {
            "broker": [f"kafka://{server.strip()}" for server in self.bootstrap_servers.split(",")],
            "consumer_group_instance_id": self.instance,
            "broker_session_timeout": self.session_timeout_seconds,
            "broker_heartbeat_interval": min(2.0, self.session_timeout_seconds / 5),
            "broker_rebalance_timeout": longest,
            "broker_request_timeout": 2 * longest,
            "broker_commit_interval": self.commit_interval_seconds,
            "broker_max_poll_records": 500,
            "consumer_auto_offset_reset": "earliest",
            "stream_wait_empty": True,
            "stream_recovery_delay": 0.0,
            "table_standby_replicas": 0,
            "topic_disable_leader": True,
            "topic_allow_declare": False,
            "autodiscover": False,
            "web_enabled": False,
            "datadir": tempfile.gettempdir(),
        }


class _Boot(BootStrategy):
    """What an app starts with: neither Faust's web server nor its producer (outputs leave by the outbox)."""

    enable_web = False
    enable_kafka_producer = False


class Application(faust.App):
    """Agents, tables, membership: Faust's. Everything that goes wrong: `fail`, which does not return."""

    BootStrategy = _Boot

    def __init__(
        self,
        policy: EnginePolicy,
        fail: Callable[[BaseException], NoReturn] = fail_stop,
        crashes: CrashMarks | None = None,
    ) -> None:
        self.fail = fail
        self.crashes = crashes or CrashMarks()
        self.rank: dict[str, int] = {}  # topic -> place: the order in which fetched batches are handed over
        self.phase = "starting"  # then recovering and ready, in turns, and stopping
        self.tell: Callable[[str], None] = lambda _state: None
        self.opening: list[Callable[[], Awaitable[None]]] = []  # awaited before anything else starts
        self.closing: list[Callable[[], Awaitable[None]]] = []  # awaited when everything else has stopped
        super().__init__(policy.group, **policy.settings())

    def batches_of(self, *topics: str) -> TopicT:
        """The source of an agent that gets a Batch per event; what was fetched of the first topics comes first."""
        for topic in topics:
            self.rank.setdefault(topic, len(self.rank))
        return self.topic(*topics, schema=BatchSchema())

    def started_consumer(self) -> Consumer | None:
        """The consumer, once there is one. Callable from any thread, unlike `consumer`, which makes it."""
        return cast(Consumer | None, self._consumer)

    def on_rebalance_start(self) -> None:
        """Partitions are being given away."""
        self.enter("recovering")
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        """Partitions were gained and tables loaded: records flow again."""
        super().on_rebalance_end()
        held: set[TP] = self.consumer.assignment()
        for topic in self.rank:
            metrics.PARTITIONS.labels(topic).set(sum(tp.topic == topic for tp in held))
        self.enter("ready")

    def enter(self, state: str) -> None:
        """From now on the process is in this state. Stopping is the last one."""
        if self.phase != "stopping":
            self.phase = state
            self.tell(state)

    async def start(self) -> None:
        """Returns when everything runs; what cannot start raises."""
        for open_ in self.opening:
            await open_()
        await super().start()

    async def stop(self) -> None:
        """Finish what is in hand, commit it, stop."""
        await super().stop()
        for close in self.closing:
            await close()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Nothing is kept on disk."""

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:
        self.fail(exc)  # Faust would commit, then restart the agent past the bad event

    def _crash(self, reason: BaseException) -> None:
        self.fail(reason)  # every service of the app crashes up to here; Faust would stop and commit
