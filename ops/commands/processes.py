"""tidings api | router | sender | recorder | scheduler: a verb per process. Start more of one to scale it."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Collection
from typing import Annotated

import typer

from ops.settings import KAFKA, POSTGRESQL, SERVERS, Settings, WrongSetting, read
from ops.telemetry import logs
from ops.telemetry.health import Health, serve
from streams.domain.notification import Channel

EXIT_CONFIGURATION = 78


def api() -> None:
    """The HTTP API: takes notifications, recipients and preferences; tells statuses; redrives. Reference at /docs."""
    from connectors.http.app import create_api
    from connectors.http.server import serve as serve_api
    from ops.wiring.api import api_parts

    settings = _begin("api")
    serve_api(create_api(api_parts(settings)), settings.api_host, settings.api_port)


def router() -> None:
    """Decides for each notification who hears about it on which channel, and fans out. A Faust worker."""
    from ops.wiring.router import router_policy
    from ops.wiring.shared import catalogue, codec
    from streams.app import run

    settings = _begin("router", needs=(KAFKA,))
    health = _served(settings)
    sys.exit(run(router_policy(settings), catalogue(settings), codec(settings), health))


def sender(channel: Annotated[Channel, typer.Argument(help="Which channel's deliveries it carries out.")]) -> None:
    """Carries out the deliveries of one channel: claims, renders, calls the provider, records, retries in order."""
    import uvloop

    settings = _begin(f"sender-{channel}")
    uvloop.run(_send(settings, channel, _served(settings)))


async def _send(settings: Settings, channel: Channel, health: Health) -> None:
    from connectors.delivery.sender import Sender
    from connectors.delivery.start_check import WrongTopics
    from ops.wiring.sender import sender_parts, sender_policy

    async with sender_parts(settings, channel) as parts:
        running = Sender(sender_policy(settings, channel), parts, health)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.stop)
        _make_swift()
        try:
            await running.run()
        except WrongTopics as error:
            print(f"tidings: {error}", file=sys.stderr)
            sys.exit(EXIT_CONFIGURATION)


def _make_swift() -> None:
    """Threads that read Kafka wait for the interpreter a tenth of the usual time. What is there by now stays out of the
    garbage collector, which seldom runs: deliveries leave no cycles behind (measured: 6-9 % of a sender's CPU).
    """
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def recorder() -> None:
    """Keeps decisions, statuses, attempts and dead letters in PostgreSQL, where the API reads them."""
    from ops.wiring.recorder import recorder as build
    from ops.wiring.recorder import recording_store

    settings = _begin("recorder", needs=(KAFKA, POSTGRESQL))
    health = _served(settings)
    with recording_store(settings) as store:
        running = build(settings, store, health)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: running.stop())
        running.run()


def scheduler() -> None:
    """Relays committed changes of preferences to Kafka, and forgets what is kept only for a time."""
    settings = _begin("scheduler")
    asyncio.run(_schedule(settings, _served(settings)))


async def _schedule(settings: Settings, health: Health) -> None:
    from connectors.postgres.retention import forget_old_attempts
    from ops.wiring.scheduler import relay as build

    async with build(settings, health) as relay:
        await _until_stopped(relay(), forget_old_attempts(settings.postgres_dsn, settings.attempts_kept_days))


async def _until_stopped(*work: Awaitable[None]) -> None:
    """Run side by side until SIGTERM or SIGINT; the first that fails ends all."""
    tasks = [asyncio.ensure_future(each) for each in work]
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: [task.cancel() for task in tasks])
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _begin(process: str, needs: Collection[str] = SERVERS) -> Settings:
    """A process takes its settings from the environment only: never from a dev stack that happens to run here."""
    settings = read(needs)
    logs.start(process, settings.log_level)
    return settings


def _served(settings: Settings) -> Health:
    health = Health()
    try:
        serve(health, settings.metrics_host, settings.metrics_port)
    except OSError as error:
        raise WrongSetting(
            f"TIDINGS_METRICS_PORT: {settings.metrics_host}:{settings.metrics_port} cannot be used: {error.strerror}"
        ) from None
    return health
