"""Giving many dead letters up: those a filter means, each with a reason and a time that stay."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from connectors.dead_letters.ports import Drop, RedriveParts
from connectors.dead_letters.stats import DeadLetterStats
from connectors.dead_letters.wanted import DeadLetterFilter, waiting

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class DropMany:
    """What is asked for. `maximum`: None for all."""

    wanted: DeadLetterFilter
    reason: str
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class DropReport:
    """What a drop of many did, or in a dry run would do."""

    dry_run: bool
    to_drop: Annotated[int, Field(description="How many wait and are meant, `maximum` counted in.")]
    dropped: Annotated[int, Field(description="How many were dropped; 0 in a dry run.")]
    until: Annotated[datetime, Field(description="Only what died before.")]
    stats: Annotated[DeadLetterStats, Field(description="What the filters mean, when it began.")]


async def plan_drop(asked: DropMany, parts: RedriveParts) -> DropReport:
    """The dry run: how many, of what. Raises Unavailable."""
    now = parts.now()
    wanted = waiting(asked.wanted, now)
    assert wanted.until is not None
    stats = await parts.dead_letters.stats(wanted, now)
    count = stats.total if asked.maximum is None else min(stats.total, asked.maximum)
    return DropReport(True, count, 0, wanted.until, stats)


async def drop_many(asked: DropMany, parts: RedriveParts) -> DropReport:
    """Oldest first. What, why and when stay, keys, headers and bytes are forgotten. Raises Unavailable: the same call
    goes on with what still waits."""
    planned = await plan_drop(asked, parts)
    wanted = replace(asked.wanted, until=planned.until)
    dropped = 0
    while dropped < planned.to_drop:
        limit = min(_AT_ONCE, planned.to_drop - dropped)
        done = await parts.dead_letters.dropped_many(Drop(wanted, asked.reason, limit, parts.now()))
        if not done:
            break
        dropped += done
    return replace(planned, dry_run=False, dropped=dropped)
