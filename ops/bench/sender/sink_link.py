"""The sink as whoever measures sees it: started, asked, ended."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

_SECONDS = 60.0


class Count(NamedTuple):
    """How many messages had come at a moment of time.monotonic, which all processes of a machine share."""

    at: float
    messages: int


class Arrival(NamedTuple):
    """One message: h, n or l for its priority, the number of its delivery, and when it came (time.monotonic)."""

    priority: str
    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Sink:
    """One that runs. `process`: its id."""

    smtp_port: int
    http_port: int
    process: int
    _lines: Any

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.http_port}/in"

    def count(self) -> Count:
        return Count(*self._ask("count"))

    def arrivals(self) -> list[Arrival]:
        """All since the last reset, in their order."""
        return [Arrival(label[0], int(label[2:]), at) for label, at in self._ask("arrivals")]

    def kept(self) -> dict[int, bytes]:
        """Some messages as they came, by number of delivery."""
        return {int(label[2:]): base64.b64decode(raw) for label, raw in self._ask("kept").items()}

    def reset(self) -> None:
        """Nothing has come."""
        self._ask("reset")

    def refuse(self) -> None:
        """No mail is taken any more, for good."""
        self._ask("refuse")

    def take(self) -> None:
        """All mails are taken again."""
        self._ask("take")

    def wait(self, messages: int, seconds: float = _SECONDS) -> Count:
        """Until so many have come. Raises RuntimeError when nothing comes for `seconds`."""
        last, moved_at = self.count(), time.monotonic()
        while last.messages < messages:
            time.sleep(0.02)
            count = self.count()
            if count.messages > last.messages:
                moved_at = count.at
            elif count.at - moved_at > seconds:
                raise RuntimeError(f"stuck at {count.messages} of {messages} messages at the sink")
            last = count
        return last

    def _ask(self, word: str) -> Any:
        self._lines.write(word.encode() + b"\n")
        self._lines.flush()
        return json.loads(self._lines.readline())


@contextmanager
def sink_running(cores: Sequence[int]) -> Iterator[Sink]:
    """On these cores; killed at the end of the block."""
    command = [sys.executable, "-m", "ops.bench.sender.sink", json.dumps(list(cores))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            smtp, http, asking = json.loads(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", asking)) as connection, connection.makefile("rwb") as lines:
                yield Sink(smtp, http, process.pid, lines)
        finally:
            process.kill()
