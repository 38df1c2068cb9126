"""The process that owns one stack: `python -m ops.devstack.supervisor`, the plan on its standard input.

Whoever started it holds a pipe to it. When that closes, for whatever reason (kill -9 too), everything stops. When the
supervisor itself is killed, the kernel signals its children (Linux); elsewhere the next start clears them away.
"""

import asyncio
import os
import shutil
import signal
import traceback

import msgspec

from ops.devstack.failures import StackFailed
from ops.devstack.locks import take_lock
from ops.devstack.plan import Plan
from ops.devstack.record import read_record
from ops.devstack.running_stack import RunningStack
from ops.devstack.wire import Command, Inlet, Kind, Line, Outlet

DONE, FAILED, JOINED = 0, 1, 3
PARENT_WATCH_SECONDS = 2


class Supervisor:
    """One run: take the folder, bring the stack up, obey until it is over, and leave nothing behind."""

    def __init__(self, plan: Plan, inlet: Inlet, outlet: Outlet) -> None:
        self.plan, self.inlet, self.outlet = plan, inlet, outlet
        self.over, self.problems = asyncio.Event(), list[str]()
        self.commands: asyncio.Queue[Command] = asyncio.Queue()
        self.parent = os.getppid()
        self.helpers: list[asyncio.Task[None]] = []

    async def run(self, early: list[bytes]) -> int:
        """Until it is over; the exit status."""
        self._listen(early)
        try:
            self.plan.data.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            self.outlet.tell(Line(Kind.FAILED, f"{self.plan.data} cannot be the folder of a stack: {problem.strerror}"))
            return FAILED
        if not await self._take_folder():
            return JOINED
        stack = RunningStack(self.plan, self.outlet.tell, self._server_died)
        try:
            await self._until_over(stack)
            if self.problems or not stack.record.ready:
                raise StackFailed("\n".join(self.problems) or "stopped before it was ready")
            return DONE
        except Exception as problem:
            known = isinstance(problem, (StackFailed, ValueError, OSError))
            self._tell_failure(str(problem) if known else traceback.format_exc())
            return FAILED
        finally:
            for helper in self.helpers:
                helper.cancel()
            await asyncio.gather(*self.helpers, return_exceptions=True)
            await stack.down()

    def _listen(self, early: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.over.set)
        if self.plan.lifeline:
            self._take_commands(early)
            loop.add_reader(self.inlet.descriptor, self._hear)
            self.helpers.append(asyncio.create_task(self._watch_parent()))

    def _hear(self) -> None:
        if (lines := self.inlet.read()) is None:
            asyncio.get_running_loop().remove_reader(self.inlet.descriptor)
            self.over.set()
        else:
            self._take_commands(lines)

    def _take_commands(self, lines: list[bytes]) -> None:
        for line in lines:
            self.commands.put_nowait(msgspec.json.decode(line, type=Command))

    async def _watch_parent(self) -> None:
        """A fork of the parent may hold the pipe open after the parent's end."""
        while os.getppid() == self.parent:
            await asyncio.sleep(PARENT_WATCH_SECONDS)
        self.over.set()

    async def _take_folder(self) -> bool:
        """Own this folder; False when another supervisor does (its starter is told) or nobody wants it any more."""
        waited = False
        while take_lock(self.plan.data / "supervisor.lock") is None:
            record = read_record(self.plan.data)
            if self.over.is_set() or record.ready:
                self.outlet.tell(Line(Kind.BUSY, record=record))
                return False
            if not waited:
                self.outlet.tell(Line(Kind.PROGRESS, "another process starts or stops this stack; waiting for it"))
                waited = True
            await asyncio.sleep(0.05)
        return True

    async def _until_over(self, stack: RunningStack) -> None:
        starting, ending = asyncio.create_task(stack.up()), asyncio.create_task(self.over.wait())
        try:
            await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self.helpers.append(asyncio.create_task(self._obey(stack)))
                await ending
        finally:
            for task in (starting, ending):
                task.cancel()
            await asyncio.gather(starting, ending, return_exceptions=True)

    async def _obey(self, stack: RunningStack) -> None:
        while True:
            command = await self.commands.get()
            try:
                reply = await stack.obey(command)
            except Exception as problem:  # whatever it is, the next command is obeyed too
                known = isinstance(problem, (StackFailed, ValueError))
                reply = Line(Kind.REPLY, str(problem) if known else traceback.format_exc(), command.number)
            self.outlet.tell(reply)

    def _server_died(self, report: str) -> None:
        self.problems.append(report)
        self.over.set()

    def _tell_failure(self, text: str) -> None:
        log = self.plan.data / "log" / "stack.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(text + "\n")
        self.outlet.tell(Line(Kind.FAILED, text))


def main() -> None:
    """Never returns."""
    inlet = Inlet(0)
    plan, early = inlet.first(Plan)
    loop = asyncio.new_event_loop()  # not asyncio.run: that would wait for a download in a thread
    code = loop.run_until_complete(Supervisor(plan, inlet, Outlet(1)).run(early))
    if plan.temporary and code != JOINED:
        shutil.rmtree(plan.data, ignore_errors=True)
    os._exit(code)


if __name__ == "__main__":
    main()
