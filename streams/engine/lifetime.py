"""From the start of an application to its planned stop, and what watches over it in between."""

import asyncio
import faulthandler
import gc
import signal
import sys
from collections.abc import Hashable, Mapping
from typing import NoReturn

from streams.engine.application import Application
from streams.engine.backlog import Backlog
from streams.engine.batch import Partition
from streams.engine.ending import EXIT_STOPPED, stalled
from streams.engine.seldom import quieten
from streams.engine.table import CompactedTable
from streams.engine.watchdog import Reading, Watchdog, print_tasks

_OBJECTS_BETWEEN_COLLECTIONS = 200_000
# Between threads: what arrives passes the interpreter from one to the other several times before it reaches the agent.
_SWITCH_SECONDS = 0.0005


class Look:
    """How a running application shows itself to the watchdog. Called from the watchdog's thread."""

    def __init__(self, app: Application, table: CompactedTable, backlog: Backlog) -> None:
        self._app = app
        self._table = table
        self._backlog = backlog
        self._last: Hashable = None

    def __call__(self) -> Reading:
        consumer = self._app.started_consumer()
        if consumer is None:
            return Reading(None, "the process is starting")
        positions = consumer.read_positions()
        generation, in_hand = self._app.consumer_generation_id, consumer.oldest()
        progress: Hashable
        if in_hand is not None:  # whatever else moves: its partition does only when this one is finished
            progress = (generation, *in_hand)
        else:
            progress = (
                self._app.phase, generation, consumer.fetched, self._table.applied(), tuple(positions.values())
            )  # fmt: skip
        moved, self._last = progress != self._last, progress
        return Reading(progress, None if moved else self._waiting(consumer.open_records(), positions))

    def _waiting(self, in_hand: int, positions: Mapping[Partition, int | None]) -> str | None:
        if in_hand:
            return f"{in_hand} records are in hand"
        if self._app.phase != "ready":
            return f"the process is {self._app.phase}"
        if self._table.behind():
            return f"{self._table.behind()} records of table {self._table.name} are not read"
        return self._backlog.waiting(positions)


async def live(app: Application, watchdog: Watchdog, stop_seconds: float) -> int:
    """Run until SIGTERM or SIGINT, then finish what is in hand, commit and stop. Returns the exit code.

    Does not return when something fails (fail-stop) or when the stop takes longer than `stop_seconds` (stalled).
    """
    quieten()
    faulthandler.enable(sys.__stderr__ or 2)  # the stack of a crash in native code
    collect_seldom()
    sys.setswitchinterval(_SWITCH_SECONDS)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.create_task(_start(app))
    watchdog.start()
    await stop.wait()
    watchdog.stop()
    app.enter("stopping")
    try:
        await asyncio.wait_for(app.stop(), stop_seconds)
    except TimeoutError:
        _too_slow(loop, stop_seconds)
    starting.cancel()
    return EXIT_STOPPED


def collect_seldom() -> None:
    """Reference counting frees what batches leave behind; looking for cycles after every 700 objects took a fifth of
    the time under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


async def _start(app: Application) -> None:
    try:
        await app.start()
    except Exception as error:
        app.fail(error)


def _too_slow(loop: asyncio.AbstractEventLoop, stop_seconds: float) -> NoReturn:
    print_tasks(loop)
    stalled(f"the stop was not done after {stop_seconds:g} s; what was in hand is not committed")
