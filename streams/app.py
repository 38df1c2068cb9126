"""The router: its table of contents, and how it is run."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import uvloop

from ops.telemetry.health import Health
from schemas.codec import Codec
from schemas.topics import PREFERENCES, all_topics
from streams.agents import route_notifications
from streams.agents.router_topics import RouterTopics
from streams.domain.catalogue import Catalogue
from streams.domain.notification import Channel
from streams.engine.application import Application, EnginePolicy
from streams.engine.backlog import Backlog
from streams.engine.crash_marks import CrashMarks
from streams.engine.ending import CannotStart
from streams.engine.lifetime import Look, live
from streams.engine.outbox import KafkaOutbox
from streams.engine.placement_check import check_placement
from streams.engine.state_folder import open_marks
from streams.engine.table import CompactedTable
from streams.engine.topic_check import check_topics
from streams.engine.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class RouterPolicy(EnginePolicy):
    """How a router runs: EnginePolicy, and where it reads and writes."""

    group: str = "tidings-router"
    topics: RouterTopics = field(default_factory=RouterTopics.named)


def create_app(policy: RouterPolicy, catalogue: Catalogue, codec: Codec, crashes: CrashMarks) -> Application:
    """The router's app: one table, one agent."""
    app = Application(policy, crashes=crashes)
    preferences = app.tables.add(CompactedTable(app, name=PREFERENCES, topic=policy.topics.preferences))
    outbox = KafkaOutbox(policy.bootstrap_servers, app.fail, policy.topics.notifications.values())
    app.opening.append(outbox.open)
    app.closing.append(outbox.close)
    route_notifications.register(
        app,
        route_notifications.RoutingParts(outbox, preferences, catalogue, codec, policy.topics, _now),
    )
    return app


def declared(topics: RouterTopics) -> dict[str, Mapping[str, str]]:
    """Every topic that a router touches, with the settings it is declared with."""
    settings = {topic.name: topic.config for topic in all_topics(dict.fromkeys(Channel, ()))}
    return {name: settings[plain] for plain, name in zip(RouterTopics.named().all(), topics.all(), strict=True)}


def run(policy: RouterPolicy, catalogue: Catalogue, codec: Codec, health: Health) -> int:
    """Route until SIGTERM or SIGINT; blocks. Returns the exit code, or ends the process: see engine/ending.py."""
    try:
        cluster = check_topics(policy.bootstrap_servers, declared(policy.topics))
        check_placement(policy.bootstrap_servers, policy.topics.notifications.values(), policy.topics.preferences)
        crashes = open_marks(policy.state_folder, f"{policy.instance} of {policy.group} on {cluster}")
    except CannotStart as error:
        print(f"tidings router: {error}", file=sys.stderr)
        return error.exit_code
    code = uvloop.run(_live(policy, partial(create_app, policy, catalogue, codec, crashes), health))
    crashes.close()
    return code


async def _live(policy: RouterPolicy, create: Callable[[], Application], health: Health) -> int:
    app = create()
    look = Look(app, app.tables[PREFERENCES], Backlog(policy.bootstrap_servers))
    watchdog = Watchdog(look, policy.watchdog_seconds)
    health.alive, health.stalled = watchdog.alive, watchdog.stalled

    def tell(state: str) -> None:
        health.state = state

    app.tell = tell
    return await live(app, watchdog, policy.stop_seconds)


def _now() -> int:
    return time.time_ns() // 1_000_000
