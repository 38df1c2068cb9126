"""The processes under test, with the blows that a fault can strike."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from ops.devstack import Endpoints, Stack, StackFailed
from ops.faults.beside import Beside
from ops.faults.brokers import Brokers
from ops.faults.ends import Ends

SESSION_SECONDS = 10.0  # as shipped: a static member that is away for less keeps its partitions
APPEAR_SECONDS = 30.0
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is under test: names of its processes, its consumer group, the topics it is busiest on, and all that it
    reads."""

    processes: Sequence[str]
    group: str
    busy_topics: Sequence[str]
    topics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """How a fault sees the run. `say`: a line of progress. `check`: raises when load or reader have failed.
    `progress`: outputs that were read so far."""

    say: Callable[[str], None]
    check: Callable[[], None]
    progress: Callable[[], int]


class Stage:
    """The target on a stack that keeps its processes alive. Not thread-safe."""

    def __init__(self, stack: Stack, ends: Ends, target: Target, watch: Watch, beside: Beside | None = None) -> None:
        self._stack, self._ends, self._watch, self._beside = stack, ends, watch, beside
        self.target, self.brokers = target, Brokers(stack, ends)
        self.say, self.progress = watch.say, watch.progress
        self.problems: list[str] = []
        self.runs = 0  # of the fault, so far

    @property
    def beside(self) -> Beside:
        """Provider, tripwires and disks of this run. StackFailed when its processes have none."""
        if self._beside is None:
            raise StackFailed("the processes of this run have no provider")
        return self._beside

    @property
    def endpoints(self) -> Endpoints:
        """Where the servers are."""
        return self._stack.endpoints

    def pause(self, seconds: float) -> None:
        """Let the load flow for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._watch.check()
            time.sleep(min(left, 0.2))

    def problem(self, text: str) -> None:
        """Something is not as it must be; the run goes on and is not ok."""
        self.say(f"PROBLEM: {text}")
        self.problems.append(text)

    def kill(self, name: str) -> str:
        """kill -9, at once if it runs; the stack starts it again. Tells what it was doing (see `state`)."""
        self._until(lambda: name in self._stack.pids(), APPEAR_SECONDS, f"{name} to run")
        state = self.state(name)
        self._ends.invite(name, -signal.SIGKILL)
        self._stack.signal(name, signal.SIGKILL)
        return state

    def dies_at(self, name: str, point: str, passes: int, seconds: float) -> bool:
        """It kills itself when it passes a point for the `passes`-th time; False if that does not happen in time."""
        self.arm(name, point, passes)
        return self.has_died(name, seconds)

    def arm(self, name: str, point: str, passes: int) -> None:
        """It will kill itself there, once it is ready."""
        self.ready(name)
        self._ends.invite(name, -signal.SIGKILL)
        self.beside.tripwires.arm(name, point, passes)

    def has_died(self, name: str, seconds: float) -> bool:
        """Whether an armed process kills itself in time; if not, it will not do so later."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._watch.check()
            if self._ends.wait(name, -signal.SIGKILL, 0.2):
                return True
        if self.beside.tripwires.disarm(name):
            self._ends.withdraw(name, -signal.SIGKILL)
            return False
        return self._ends.wait(name, -signal.SIGKILL, 1)

    def freeze(self, name: str, seconds: float, status: int) -> bool:
        """SIGSTOP, and SIGCONT after so long; whether it then ends by itself with this status."""
        self.ready(name)
        self._ends.invite(name, status)
        self._stack.signal(name, signal.SIGSTOP)
        try:
            self.pause(seconds)
        finally:
            self._stack.signal(name, signal.SIGCONT)
        if self._ends.wait(name, status, STOP_SECONDS):
            return True
        self._ends.withdraw(name, status)
        return False

    def take_away(self, server: str, kill: bool = False) -> None:
        """A server of the stack stops, or is killed -9, and stays away until `bring_back`."""
        if kill:
            self._ends.invite(server, -signal.SIGKILL)
            self._stack.signal(server, signal.SIGKILL)
        else:
            self._stack.stop(server)

    def bring_back(self, server: str) -> None:
        """Back when it works."""
        self._stack.start(server)

    def runs_now(self, name: str) -> bool:
        """Whether a server or process runs."""
        return name in self._stack.pids()

    def terminate(self, name: str) -> None:
        """A planned stop: SIGTERM once it is ready, and it must end with status 0; the stack starts it again."""
        self.ready(name)
        self._ends.invite(name, 0)
        self._stack.signal(name, signal.SIGTERM)
        if not self._ends.wait(name, 0, STOP_SECONDS):
            self.problem(f"{name} did not end with status 0 within {STOP_SECONDS:g} s of SIGTERM")

    def allow_end(self, status: int, name: str = "") -> None:
        """From now on a process (or only this one) may end by itself with this status; the stack starts it again."""
        self._ends.allow(status, name)

    def leave(self, name: str) -> None:
        """A planned stop, and it stays away until `join`."""
        self.terminate(name)
        self._stack.stop(name)

    def join(self, name: str) -> None:
        """Start one that has left; back when it is ready."""
        self._stack.start(name)

    def ready(self, name: str) -> None:
        """Wait until a process says that it is ready. StackFailed when it does not."""
        self._until(lambda: self.state(name) == "ready", READY_SECONDS, f"{name} to be ready")

    def state(self, name: str) -> str:
        """What a process says of itself: starting, recovering, ready, stopping; gone when it does not answer."""
        connection = HTTPConnection("127.0.0.1", self._stack.ports[name], timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().read().decode()
        except (OSError, HTTPException):
            return "gone"
        finally:
            connection.close()

    def _until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise StackFailed(f"waited {seconds:g} s in vain for {what}")
            self._watch.check()
            time.sleep(0.02)
