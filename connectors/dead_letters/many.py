"""Putting many dead letters back to work: those a filter means, at a pace that live deliveries do not feel.

A batch is locked, published, noted, committed. Whatever ends the process in between, the same call goes on with what
still waits; the records of an unfinished batch may go out a second time and carry the same redrive number, so the
sender recognises them.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from connectors.dead_letters.dead_letter import Cursor, DeadLetter
from connectors.dead_letters.pace import DEFAULT_RATE, Pace
from connectors.dead_letters.ports import Batch, RedriveParts
from connectors.dead_letters.put_back import PutBack, Skip, put_back
from connectors.dead_letters.stats import DeadLetterStats
from connectors.dead_letters.wanted import DeadLetterFilter, waiting
from connectors.outgoing import Outgoing
from connectors.unavailable import Unavailable


@dataclass(frozen=True, slots=True)
class RedriveMany:
    """What is asked for. `rate`: a second; `maximum`: None for all.

    `own_priority`: each delivery at the priority it had; otherwise all at low, where they make way for live ones.
    `seconds`: after this time no further batch is begun; None: until all are done.
    """

    wanted: DeadLetterFilter
    rate: int = DEFAULT_RATE
    maximum: int | None = None
    own_priority: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RedriveReport:
    """What a redrive of many did, or in a dry run would do."""

    dry_run: bool
    to_redrive: Annotated[int, Field(description="How many could go back when it began, `maximum` counted in.")]
    redriven: Annotated[int, Field(description="How many went back; 0 in a dry run.")]
    expired: Annotated[int, Field(description="Skipped: nothing would be sent after `expires_at`.")]
    unplaced: Annotated[int, Field(description="Skipped: no delivery, and it came from no topic of ours.")]
    left: Annotated[int, Field(description="How many of `to_redrive` still wait. Not 0: send the same once more.")]
    until: Annotated[
        datetime, Field(description="Only what died before. Send it along once more, and what dies again is left out.")
    ]
    stats: Annotated[DeadLetterStats, Field(description="What the filters mean, when it began.")]


class Interrupted(Exception):
    """A server went away on the way. `report`: what was done until then; the same call goes on from there."""

    def __init__(self, report: RedriveReport, cause: Unavailable) -> None:
        super().__init__(str(cause))
        self.report, self.cause = report, cause


@dataclass(frozen=True, slots=True)
class Watch:
    """The clock it goes by, who may stop it between two batches, and who is told after each how many went back."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[int], None] = lambda _: None


async def plan(asked: RedriveMany, parts: RedriveParts) -> RedriveReport:
    """The dry run: how many, of what, and what would be skipped. Raises Unavailable."""
    now = parts.now()
    wanted = waiting(asked.wanted, now)
    assert wanted.until is not None
    stats = await parts.dead_letters.stats(wanted, now)
    could = stats.total - stats.expired
    count = could if asked.maximum is None else min(could, asked.maximum)
    return RedriveReport(True, count, 0, stats.expired, 0, count, wanted.until, stats)


async def redrive_many(asked: RedriveMany, parts: RedriveParts, watch: Watch = Watch()) -> RedriveReport:
    """Put back what waits, oldest first, each once. Raises Interrupted, or Unavailable when it cannot even begin."""
    planned = replace(await plan(asked, parts), dry_run=False)
    run = _Run(asked, parts, planned, watch)
    try:
        await run.to_the_end()
    except Unavailable as away:
        raise Interrupted(run.report(), away) from away
    return run.report()


@dataclass(slots=True)
class _Run:
    asked: RedriveMany
    parts: RedriveParts
    planned: RedriveReport
    watch: Watch
    after: Cursor | None = None
    redriven: int = 0
    confirmed: int = 0
    ended: bool = False
    skipped: Counter[Skip] = field(default_factory=Counter)
    failure: Unavailable | None = None

    async def to_the_end(self) -> None:
        pace = Pace(self.asked.rate)
        began = self.watch.monotonic()
        while (room := self._room(pace.batch)) and not self.watch.stopped():
            now = self.watch.monotonic()
            pause = pace.wait(now)
            if self.asked.seconds is not None and now + pause - began > self.asked.seconds:
                return
            await self.watch.sleep(pause)
            began_batch = self.watch.monotonic()
            letters = await self._batch(room)
            pace.went(self.confirmed, began_batch)
            self.watch.tell(self.redriven)
            if not letters:
                self.ended = True
                return

    def _room(self, batch: int) -> int:
        maximum = self.asked.maximum
        return batch if maximum is None else min(batch, maximum - self.redriven)

    async def _batch(self, limit: int) -> Sequence[DeadLetter]:
        """The next ones. Raises Unavailable after what was confirmed is noted."""
        wanted = replace(self.asked.wanted, until=self.planned.until)
        batch = Batch(wanted, self.after, limit, self.parts.now())
        self.confirmed = 0
        letters = await self.parts.dead_letters.redriven_many(batch, self._work)
        self.redriven += self.confirmed
        if self.failure is not None:
            raise self.failure
        if letters:
            self.after = Cursor(letters[-1].dead_at, letters[-1].dead_letter_id)
        return letters

    async def _work(self, letters: Sequence[DeadLetter]) -> list[str]:
        """The ids of those that went back."""
        done: list[str] = []
        going: list[tuple[str, Awaitable[None]]] = []
        for dead in letters:
            how = PutBack(self.parts.now(), self.parts.new_id(), low=not self.asked.own_priority)
            records = put_back(dead, self.parts.codec, how)
            if isinstance(records, Skip):
                self.skipped[records] += 1
            else:
                going.append((dead.dead_letter_id, self._publish(records)))
        ends = await asyncio.gather(*(each for _, each in going), return_exceptions=True)
        for (dead_letter_id, _), end in zip(going, ends, strict=True):
            if end is None:
                done.append(dead_letter_id)
            elif isinstance(end, Unavailable):
                self.failure = end
            else:
                raise end
        self.confirmed = len(done)
        return done

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            await self.parts.publisher.publish(record.topic, record.key, record.value, record.headers)

    def report(self) -> RedriveReport:
        skipped = self.skipped
        left = 0 if self.ended else max(0, self.planned.to_redrive - self.redriven - skipped.total())
        return replace(
            self.planned,
            redriven=self.redriven,
            expired=self.planned.expired + skipped[Skip.EXPIRED],
            unplaced=skipped[Skip.UNPLACED],
            left=left,
        )
