"""The engine with a small agent: `python -m tests.engine.copy_process '{"bootstrap_servers": ..., "prefix": ...}'`.

Copies the value of every notification to the decisions, byte for byte, whatever it is; what kills it comes to the dead
letters. Prints the port of /readyz, then runs. A value that names an ending ends the process in that way. With
"checked" false nothing is asked of the topics before the start.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from ops.telemetry.health import Health, serve
from streams.agents.router_topics import RouterTopics
from streams.app import declared
from streams.engine.application import Application, EnginePolicy
from streams.engine.backlog import Backlog
from streams.engine.crash_marks import CrashMarks
from streams.engine.ending import CannotStart
from streams.engine.lifetime import Look, live
from streams.engine.outbox import KafkaOutbox
from streams.engine.record import Partition, Record
from streams.engine.state_folder import open_marks
from streams.engine.table import CompactedTable
from streams.engine.topic_check import check_topics
from streams.engine.watchdog import Watchdog


def _raise() -> None:
    raise RuntimeError("a fault in the agent")


ENDINGS: dict[bytes, Callable[[], object]] = {
    b"kill -9": lambda: os.kill(os.getpid(), signal.SIGKILL),
    b"segfault": lambda: ctypes.string_at(0),
    b"raise": _raise,
    b"hang": lambda: threading.Event().wait(),
    b"hang with the interpreter": lambda: ctypes.PyDLL(None).sleep(60),
}


class Copier:
    """The agent."""

    def __init__(self, outbox: KafkaOutbox, topics: RouterTopics) -> None:
        self._outbox = outbox
        self._topics = topics

    async def copy(self, stream: Any) -> None:
        async for batch in self._outbox.batches(stream, self.bury):
            for record in batch:
                ENDINGS.get(record.value or b"", lambda: None)()
                self._outbox.send(self._topics.decisions, record.value, record.key, [])

    def bury(self, tp: Partition, record: Record, reason: str) -> None:
        origin = f"{tp.topic}/{tp.partition}@{record.offset}".encode()
        headers = [*record.headers, ("reason", reason.encode()), ("origin", origin)]
        self._outbox.send(self._topics.dead_letters, record.value, record.key, headers)


async def _live(policy: EnginePolicy, topics: RouterTopics, crashes: CrashMarks, health: Health) -> int:
    app = Application(policy, crashes=crashes)
    table = app.tables.add(CompactedTable(app, name="preferences", topic=topics.preferences))
    outbox = KafkaOutbox(policy.bootstrap_servers, app.fail, topics.notifications.values())
    app.opening.append(outbox.open)
    app.closing.append(outbox.close)
    app.agent(app.batches_of(*topics.notifications.values()), name="copy")(Copier(outbox, topics).copy)
    watchdog = Watchdog(Look(app, table, Backlog(policy.bootstrap_servers)), policy.watchdog_seconds)
    health.alive, health.stalled = watchdog.alive, watchdog.stalled

    def tell(state: str) -> None:
        health.state = state

    app.tell = tell
    return await live(app, watchdog, policy.stop_seconds)


def main() -> int:
    given = json.loads(sys.argv[1])
    logging.basicConfig(level="WARNING", format="%(asctime)s %(name)s %(message)s")
    topics, checked = RouterTopics.named(given.pop("prefix")), given.pop("checked", True)
    policy = EnginePolicy(state_folder=Path(given.pop("state_folder")), **given)
    health = Health()
    print(serve(health, "127.0.0.1", 0).server_address[1], flush=True)
    try:
        cluster = check_topics(policy.bootstrap_servers, declared(topics)) if checked else "mock"
        crashes = open_marks(policy.state_folder, f"{policy.instance} of {policy.group} on {cluster}")
    except CannotStart as error:
        print(f"copy: {error}", file=sys.stderr)
        return error.exit_code
    code = uvloop.run(_live(policy, topics, crashes, health))
    crashes.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
