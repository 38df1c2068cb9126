"""The router: its table of contents, and how it is run."""

import asyncio
import sys
import time
from dataclasses import dataclass, field

from ops.telemetry.health import Health
from schemas.codec import Codec
from schemas.topics import PREFERENCES
from streams.agents import route_notifications
from streams.agents.router_topics import RouterTopics
from streams.domain.catalogue import Catalogue
from streams.engine.application import Application, EnginePolicy
from streams.engine.backlog import Backlog
from streams.engine.ending import CannotStart
from streams.engine.lifetime import Look, live
from streams.engine.outbox import KafkaOutbox
from streams.engine.table import CompactedTable
from streams.engine.topic_check import check_topics
from streams.engine.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class RouterPolicy(EnginePolicy):
    """How a router runs: EnginePolicy, and where it reads and writes."""

    group: str = "tidings-router"
    topics: RouterTopics = field(default_factory=RouterTopics.named)


def create_app(policy: RouterPolicy, catalogue: Catalogue, codec: Codec) -> Application:
    """The router's app: one table, one agent."""
    app = Application(policy)
    preferences = app.tables.add(CompactedTable(app, name=PREFERENCES, topic=policy.topics.preferences))
    outbox = KafkaOutbox(policy.bootstrap_servers, app.fail, policy.linger_ms)
    route_notifications.register(
        app,
        route_notifications.RoutingParts(outbox, preferences, catalogue, codec, policy.topics, _now),
    )
    return app


def run(policy: RouterPolicy, catalogue: Catalogue, codec: Codec, health: Health) -> int:
    """Route until SIGTERM or SIGINT; blocks. Returns the exit code, or ends the process: see engine/ending.py."""
    try:
        check_topics(policy.bootstrap_servers, policy.topics.all())
    except CannotStart as error:
        print(f"tidings router: {error}", file=sys.stderr)
        return error.exit_code
    return asyncio.run(_live(policy, catalogue, codec, health))


async def _live(policy: RouterPolicy, catalogue: Catalogue, codec: Codec, health: Health) -> int:
    app = create_app(policy, catalogue, codec)
    look = Look(app, app.tables[PREFERENCES], Backlog(policy.bootstrap_servers))
    watchdog = Watchdog(look, policy.watchdog_seconds)
    health.alive = watchdog.alive

    def tell(state: str) -> None:
        health.state = state

    app.tell = tell
    return await live(app, watchdog, policy.stop_seconds)


def _now() -> int:
    return time.time_ns() // 1_000_000
