"""The starter's end of a supervisor: its pipe, its lines, its end."""

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from ops.devstack.failures import StackFailed
from ops.devstack.plan import Plan
from ops.devstack.wire import Command, Inlet, Kind, Line, encode

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 60
COMMAND_SECONDS = 90

Say = Callable[[Line], None]


class Link:
    """Starts a supervisor with a plan and follows it. `say` hears progress and events, on a thread of its own."""

    def __init__(self, plan: Plan, say: Say | None = None) -> None:
        self._say, self._numbers = say, itertools.count(1)
        self._changed, self._lines, self._closed = threading.Condition(), list[Line](), False
        self._child = self._start(plan)
        self._reader = threading.Thread(target=self._read, name="devstack", daemon=True)
        self._reader.start()

    def outcome(self) -> Line:
        """Wait for the end of the start: READY, BUSY or FAILED."""
        return self._next(lambda line: line.kind in (Kind.READY, Kind.BUSY, Kind.FAILED))

    def failure(self) -> str:
        """Wait until the stack ends: why, or "" when it was told to."""
        line = self._next(lambda line: line.kind is Kind.FAILED)
        return line.text

    def command(self, do: str, name: str = "") -> Line:
        """Give one command and wait for its reply; StackFailed with what went wrong."""
        command = Command(next(self._numbers), do, name)
        assert self._child.stdin is not None, "a detached stack takes no commands"
        try:
            self._child.stdin.write(encode(command))
        except OSError as problem:
            raise StackFailed(self.failure() or "the stack has ended") from problem
        reply = self._next(
            lambda line: line.kind is Kind.FAILED or (line.kind is Kind.REPLY and line.number == command.number),
            COMMAND_SECONDS,
        )
        if reply.text or reply.kind is Kind.FAILED:
            raise StackFailed(reply.text or "the stack has ended")
        return reply

    def close(self) -> None:
        """Stop the stack (not the one that was joined) and return when it is gone."""
        if self._child.stdin:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        else:
            self._child.terminate()
        self._child.wait(END_SECONDS)
        self._reader.join(END_SECONDS)
        assert self._child.stdout
        self._child.stdout.close()

    def _start(self, plan: Plan) -> "subprocess.Popen[bytes]":
        with tempfile.TemporaryFile() as order:
            order.write(encode(plan))
            order.seek(0)
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "ops.devstack.supervisor", plan.folder],
                stdin=subprocess.PIPE if plan.lifeline else order,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # the terminal's Ctrl-C is for us alone
                stderr=None if plan.lifeline else subprocess.DEVNULL,  # it must not hold the caller's terminal open
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            )
        if child.stdin:
            child.stdin.write(encode(plan))
        return child

    def _read(self) -> None:
        assert self._child.stdout
        inlet = Inlet(self._child.stdout.fileno())
        try:
            while (lines := inlet.read()) is not None:
                for line in lines:
                    self._take(msgspec.json.decode(line, type=Line))
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _take(self, line: Line) -> None:
        if line.kind in (Kind.PROGRESS, Kind.EVENT):
            if self._say:
                self._say(line)
            return
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()

    def _next(self, wanted: Callable[[Line], bool], timeout_seconds: float = float("inf")) -> Line:
        """The next line of this kind; at the end of all lines, a FAILED one that tells how the supervisor ended.

        Waits in short steps: one long wait can lose a Ctrl-C that comes just before it.
        """
        with self._changed:
            waited = 0.0
            while waited < timeout_seconds:
                for place, line in enumerate(self._lines):
                    if wanted(line):  # an end stays: whoever asks later hears of it too
                        return line if line.kind is Kind.FAILED else self._lines.pop(place)
                if self._closed:
                    status = self._child.wait(END_SECONDS)
                    return Line(Kind.FAILED, "" if status == 0 else f"the supervisor was killed (status {status})")
                waited += 0 if self._changed.wait(0.5) else 0.5
        raise StackFailed(f"no answer for {timeout_seconds:.0f} s")
