"""`tidings sender <channel>` that can be told to kill itself, -9, at a named point.

The sender is the shipped one, started by the shipped command; only what it is handed from outside (claims, provider,
Kafka's consumer) passes through here. A point that no file names costs one look for it.
"""

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer

from connectors.delivery.parts import SenderParts
from ops.settings import Settings
from streams.domain.delivery import Message
from streams.domain.notification import Channel
from streams.domain.outcomes import Outcome, Sent
from streams.domain.ports import Claims, Provider

FOLDER = "TIDINGS_FAULTS_TRIPWIRES"
POINTS = (
    "after_claim",
    "during_call",
    "after_answer",
    "before_settle",
    "before_mark",
    "after_mark",
    "before_commit",
    "during_revoke",
)
"""after_claim: claimed, nothing called. during_call: the call is under way. after_answer: the provider took it, and
nobody here knows. before_settle: the sender is about to write what it has learnt. before_mark: it was sent, or is a
confirmed dead letter, and not yet marked in the claims. after_mark: marked, and what is marked before it is told is not
told. before_commit: its offset is about to be committed. during_revoke: partitions are being given up, everything in
flight has ended, and nothing of it is committed."""

_HAS_COME, _COMES = (b"s", b"d"), (b"s", b"x", b"b")  # marks of what was sent or confirmed, and of what is to be told
Pass = Callable[[str], bool]


class Files:
    """A file for each process: the point and how many passes are left. Implements beside.Tripwires."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arm(self, process: str, point: str, passes: int) -> None:
        if point not in POINTS:
            raise ValueError(f"no such point: {point}; there are {', '.join(POINTS)}")
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{process}.fresh"
        fresh.write_text(f"{point} {passes}")
        fresh.replace(self._folder / process)

    def disarm(self, process: str) -> bool:
        """Whether it was still armed."""
        try:
            (self._folder / process).unlink()
        except FileNotFoundError:
            return False
        return True


class Wire:
    """In the process under test. `die` ends it at once."""

    def __init__(self, file: Path, die: Callable[[], None]) -> None:
        self._file, self._die, self._left = file, die, 0

    def passes(self, point: str) -> bool:
        """This point is passed; whether the process is to die now."""
        try:
            named, passes = self._file.read_text().split()
        except FileNotFoundError:
            self._left = 0
            return False
        if named != point:
            return False
        self._left = (self._left or int(passes)) - 1
        return self._left <= 0

    def at(self, point: str) -> None:
        """Die here if that was asked for."""
        if self.passes(point):
            self.trip()

    def trip(self) -> None:
        """Die, and do it once."""
        self._file.unlink(missing_ok=True)
        self._die()


class TrippedClaims:
    """Implements streams.domain.ports.Claims."""

    def __init__(self, claims: Claims, wire: Wire) -> None:
        self._claims, self._wire = claims, wire

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> Sequence[int | bytes]:
        verdicts = await self._claims.claim(owner, keys)
        self._wire.at("after_claim")
        return verdicts

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        if any(mark[:1] in _HAS_COME for _, mark in marks):
            self._wire.at("before_mark")
        await self._claims.mark(owner, marks)
        if any(mark[:1] in _COMES for _, mark in marks):
            self._wire.at("after_mark")


class TrippedProvider:
    """Implements streams.domain.ports.Provider."""

    def __init__(self, provider: Provider, wire: Wire) -> None:
        self._provider, self._wire = provider, wire
        self.name = provider.name

    async def start(self) -> None:
        await self._provider.start()

    async def close(self) -> None:
        await self._provider.close()

    async def send(self, message: Message) -> Outcome:
        if self._wire.passes("during_call"):
            call = asyncio.ensure_future(self._provider.send(message))
            await asyncio.wait([call], timeout=0.004)  # the provider answers after 5 ms
            self._wire.trip()
        outcome = await self._provider.send(message)
        if isinstance(outcome, Sent):
            self._wire.at("after_answer")
        return outcome


class TrippedConsumer(Consumer):  # type: ignore[misc]
    """Kafka's consumer."""

    wire: Wire

    def commit(self, *given: Any, **named: Any) -> Any:
        """The sender commits with `asynchronous=False` only while it gives up its partitions."""
        self.wire.at("before_commit" if named.get("asynchronous", True) else "during_revoke")
        return super().commit(*given, **named)


def string_up(wire: Wire) -> None:
    """Everything that the sender of this process will be handed passes the wire."""
    import connectors.delivery.poll_thread as polling
    import connectors.delivery.settle as settling
    import ops.wiring.sender as wiring

    parts_of, finished = wiring.sender_parts, settling.Settle.finished

    @asynccontextmanager
    async def tripped_parts(settings: Settings, channel: Channel) -> AsyncIterator[SenderParts]:
        async with parts_of(settings, channel) as parts:
            provider, claims = TrippedProvider(parts.provider, wire), TrippedClaims(parts.claims, wire)
            yield replace(parts, provider=provider, claims=claims)

    def tripped_finished(self: settling.Settle, record: Any, outcome: Outcome, held: bool = False) -> None:
        wire.at("before_settle")
        finished(self, record, outcome, held)

    TrippedConsumer.wire = wire
    vars(polling)["Consumer"] = TrippedConsumer
    vars(wiring)["sender_parts"] = tripped_parts
    settling.Settle.finished = tripped_finished  # type: ignore[method-assign]


def main() -> None:
    """With the arguments of `tidings sender`."""
    name = os.environ["TIDINGS_INSTANCE"].removeprefix("dev-").removesuffix("-1")
    string_up(Wire(Path(os.environ[FOLDER]) / name, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    sys.argv = ["tidings", "sender", *sys.argv[1:]]
    runpy.run_module("ops.commands.main", run_name="__main__")


if __name__ == "__main__":
    main()
