"""The processes under test, with the blows that a fault can strike."""

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from ops.devstack import Stack, StackFailed
from ops.faults.brokers import Brokers
from ops.faults.ends import Ends

SESSION_SECONDS = 10.0  # as shipped: a static member that is away for less keeps its partitions
APPEAR_SECONDS = 30.0
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is under test: names of its processes, its consumer group, and the topics it is busiest on."""

    processes: Sequence[str]
    group: str
    busy_topics: Sequence[str]


@dataclass(frozen=True, slots=True)
class Watch:
    """How a fault sees the run. `say`: a line of progress. `check`: raises when load or reader have failed.
    `progress`: outputs that were read so far."""

    say: Callable[[str], None]
    check: Callable[[], None]
    progress: Callable[[], int]


class Stage:
    """The target on a stack that keeps its processes alive. Not thread-safe."""

    def __init__(self, stack: Stack, ends: Ends, target: Target, watch: Watch) -> None:
        self._stack, self._ends, self._watch = stack, ends, watch
        self.target, self.brokers = target, Brokers(stack, ends)
        self.say, self.progress = watch.say, watch.progress
        self.problems: list[str] = []
        self.runs = 0  # of the fault, so far

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

    def terminate(self, name: str) -> None:
        """A planned stop: SIGTERM once it is ready, and it must end with status 0; the stack starts it again."""
        self.ready(name)
        self._ends.invite(name, 0)
        self._stack.signal(name, signal.SIGTERM)
        if not self._ends.wait(name, 0, STOP_SECONDS):
            self.problem(f"{name} did not end with status 0 within {STOP_SECONDS:g} s of SIGTERM")

    def allow_end(self, status: int) -> None:
        """From now on a process may end by itself with this status; the stack starts it again."""
        self._ends.allow(status)

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
