"""A stack for the length of a `with` block, for tests and fault runs."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.devstack.endpoints import Endpoints
from ops.devstack.failures import StackFailed
from ops.devstack.link import Link, Say
from ops.devstack.plan import SERVICES, Plan, ProcessSpec
from ops.devstack.record import Record
from ops.devstack.wire import Kind


class Stack:
    """Servers, and processes beside them; all are gone when the block, or this process, ends in whatever way.

    Without a folder: a fresh one, removed at the end. `tolerate` names servers that may be stopped or killed without
    the end of the stack; `settings` are TIDINGS_* variables of the processes. `brokers=3`: Kafka is a cluster whose
    nodes are the servers kafka-1, kafka-2 and kafka-3 ("kafka" in `tolerate` means them all). StackFailed when
    something does not start, or when another stack runs on the folder.
    """

    def __init__(  # noqa: PLR0913 - what a stack can be told, all of it optional
        self,
        data: Path | None = None,
        services: Iterable[str] = SERVICES,
        processes: Iterable[ProcessSpec] = (),
        *,
        tolerate: Iterable[str] = (),
        given: Endpoints | None = None,
        settings: Mapping[str, str] | None = None,
        say: Say | None = None,
        brokers: int = 1,
    ) -> None:
        self._temporary, self._folder = data is None, data
        self._services, self._processes = tuple(services), tuple(processes)
        self._tolerate, self._given, self._say = tuple(tolerate), given or Endpoints(), say
        self._settings, self._brokers = dict(settings or {}), brokers
        self._link: Link | None = None
        self._record = Record()

    def __enter__(self) -> Self:
        self.data = (self._folder or Path(tempfile.mkdtemp(prefix="tidings-"))).absolute()
        plan = Plan(
            str(self.data),
            self._services,
            self._processes,
            self._tolerate,
            self._given,
            temporary=self._temporary,
            settings=self._settings,
            brokers=self._brokers,
        )
        self._link = Link(plan, self._say)
        try:
            outcome = self._link.outcome()
            if outcome.kind is Kind.FAILED:
                raise StackFailed(outcome.text)
            if outcome.kind is Kind.BUSY or outcome.record is None:
                raise StackFailed(f"{self.data} is in use by another stack")
            self._record = outcome.record
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def endpoints(self) -> Endpoints:
        """Where the servers are."""
        return self._record.endpoints

    @property
    def api_url(self) -> str:
        """Where the API listens; "" when no process of this stack is the API."""
        return self._record.api_url

    @property
    def ports(self) -> dict[str, int]:
        """Per process: the port that answers /readyz."""
        return dict(self._record.process_ports)

    @property
    def start_seconds(self) -> dict[str, float]:
        """By server and process: from its start until it was ready."""
        return dict(self._record.start_seconds)

    @property
    def environment(self) -> dict[str, str]:
        """The TIDINGS_* settings by which another process finds this stack."""
        return dict(self._record.environment)

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now, by name of server and process. Mail and webhooks have none of their own."""
        return self._linked().command("pids").pids or {}

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal: SIGKILL (back when it is dead), SIGSTOP, SIGCONT. StackFailed when `name` does not run."""
        if (pid := self.pids().get(name)) is None:
            raise StackFailed(f"{name} does not run")
        os.kill(pid, number)
        with contextlib.suppress(StackFailed):  # the end of an untolerated server is the stack's
            while number == signal.SIGKILL and self.pids().get(name) == pid:
                time.sleep(0.01)

    def stop(self, name: str) -> None:
        """End one server or process in order; it stays away until `start`."""
        self._linked().command("stop", name)

    def start(self, name: str) -> None:
        """Start it again on its port and folder; back when it is ready."""
        self._linked().command("start", name)

    def wait(self) -> str:
        """Until the stack ends by itself, which only a failure makes it do: why."""
        return self._linked().failure()

    def _linked(self) -> Link:
        if self._link is None:
            raise StackFailed("this stack does not run")
        return self._link

    def _close(self) -> None:
        link, self._link = self._link, None
        if link:
            link.close()
        if self._temporary:  # the supervisor does it, unless it was killed
            shutil.rmtree(self.data, ignore_errors=True)
