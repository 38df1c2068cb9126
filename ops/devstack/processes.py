"""The processes of the system under development: prepared, started, and started again when they end."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from ops.devstack.child import Child, Manners, Site
from ops.devstack.plan import ProcessSpec
from ops.devstack.ports import answers_ok
from ops.devstack.process_settings import own_settings
from ops.devstack.together import together

FIRST_DELAY_SECONDS = 0.2
LARGEST_DELAY_SECONDS = 5.0
STEADY_SECONDS = 10.0
GRACE_SECONDS = 10.0


def restart_delay(previous_seconds: float, ran_seconds: float) -> float:
    """How long to wait before starting a process again, in seconds.

    Doubles from 0.2 to 5; a process that ran for 10 s begins anew. `previous_seconds` 0 = it has not ended before.
    """
    if previous_seconds == 0 or ran_seconds >= STEADY_SECONDS:
        return FIRST_DELAY_SECONDS
    return min(previous_seconds * 2, LARGEST_DELAY_SECONDS)


class Supervised:
    """One process that is kept alive. SIGKILL is its death signal: the system must bear that at any moment."""

    def __init__(self, spec: ProcessSpec, site: Site, settings: Mapping[str, str], ports: Sequence[int]) -> None:
        self.spec, self.environment = spec, {**settings, **own_settings(spec, ports)}
        self.ready_port = ports[0] if ports else 0
        self.child = Child(spec.name, site, Manners(death=signal.SIGKILL))
        self._keeping: asyncio.Task[None] | None = None
        self.start_seconds = 0.0

    async def up(self, on_change: Callable[[str], None]) -> None:
        """Start and wait until ready; StackFailed when it ends before. From then on it is kept alive.

        `on_change` hears of every end and every new start.
        """
        began = time.monotonic()
        await self._start()
        self.start_seconds = time.monotonic() - began
        self._keeping = asyncio.create_task(self._keep_alive(on_change))

    async def run_once(self) -> None:
        """Run to its end; StackFailed unless its status is 0."""
        await self.child.start(self.spec.argv, environment=self.environment)
        await self.child.completed("did not do its work")

    async def stop(self) -> None:
        """SIGTERM, after 10 s SIGKILL; not started again until `up`."""
        if self._keeping:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
            self._keeping = None
        await self.child.stop(GRACE_SECONDS)

    async def _start(self) -> None:
        await self.child.start(self.spec.argv, environment=self.environment)
        if self.ready_port:
            await self.child.until(lambda: answers_ok(self.ready_port, "/readyz"))

    async def _keep_alive(self, on_change: Callable[[str], None]) -> None:
        delay = 0.0
        while True:
            born = time.monotonic()
            report = await self.child.ended()
            delay = restart_delay(delay, time.monotonic() - born)
            on_change(f"{report}\n  It is started again in {delay:.1f} s.")
            await asyncio.sleep(delay)
            await self.child.start(self.spec.argv, environment=self.environment)
            on_change("")


class ProcessGroup:
    """All processes of a stack. `settings` go to each, `ports` has the numbers reserved for each name."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        site: Site,
        settings: Mapping[str, str],
        ports: Mapping[str, Sequence[int]],
        on_change: Callable[[str], None],
    ) -> None:
        self.site, self.on_change = site, on_change
        made = [Supervised(spec, site, settings, ports[spec.name]) for spec in specs]
        self.first = [each for each in made if each.spec.once]
        self.kept = {each.spec.name: each for each in made if not each.spec.once}

    async def up(self) -> None:
        """Run what comes first, all of it side by side; then start the others, likewise."""
        await together(*(self._run(each) for each in self.first))
        await together(*(self.start(name) for name in self.kept))

    async def start(self, name: str) -> None:
        """Start one of the kept processes and wait until it is ready."""
        self.site.say(f"{name}: starting")
        await self.kept[name].up(self.on_change)

    async def _run(self, once: Supervised) -> None:
        self.site.say(f"{once.spec.name}: running")
        await once.run_once()

    async def down(self) -> None:
        """Stop all, side by side."""
        await asyncio.gather(*(each.stop() for each in [*self.first, *self.kept.values()]), return_exceptions=True)
