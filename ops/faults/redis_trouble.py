"""Redis forgets everything, goes away, or goes away with PostgreSQL: each delivery has a claim somewhere, or waits."""

import random

from redis import Redis

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = (6.0, 12.0)
SETTLE_SECONDS = 4.0  # calls that were under way may still arrive; and a first server may be waited for so long
REDIS, POSTGRES = "valkey", "postgres"
KILLS = 4  # in one run
BETWEEN_KILLS_SECONDS = (1.0, 4.0)
COMING_BACK_SECONDS = (0.0, 2.5)  # senders look for Redis each second, then copy their claims to it


def flush(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Every other time a sender is killed right after, so that its successor finds no claims."""
    for place, number in enumerate(fault.rounds(stage, chance)):
        with Redis.from_url(stage.endpoints.redis_url) as redis:
            redis.flushall()
        killed = f", and {victim} killed" if (victim := _victim(stage, chance, place)) else ""
        stage.say(f"flush {number}{killed}")


def _victim(stage: Stage, chance: random.Random, place: int) -> str:
    if place % 2 == 0:
        return ""
    victim = chance.choice(stage.target.processes)
    stage.kill(victim)
    return victim


def away(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Stopped and killed -9 in turn. Looks that sending goes on, with claims in PostgreSQL."""
    for place, number in enumerate(fault.rounds(stage, chance)):
        seconds, kill = chance.uniform(*AWAY_SECONDS), place % 2 == 1
        stage.say(f"Redis {number}: {'killed' if kill else 'stopped'} for {seconds:.1f} s")
        stage.take_away(REDIS, kill)
        stage.pause(SETTLE_SECONDS)
        _goes_on(stage, seconds - SETTLE_SECONDS, "Redis was away")
        stage.bring_back(REDIS)


def away_with_kills(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Stopped and killed -9 in turn; senders die while it is away, and once more as it comes back."""
    for place, number in enumerate(fault.rounds(stage, chance)):
        kill = place % 2 == 1
        stage.say(f"Redis {number}: {'killed' if kill else 'stopped'}")
        stage.take_away(REDIS, kill)
        for _ in range(KILLS - 1):
            stage.pause(chance.uniform(*BETWEEN_KILLS_SECONDS))
            _kill_one(stage, chance)
        stage.bring_back(REDIS)
        stage.pause(chance.uniform(*COMING_BACK_SECONDS))
        _kill_one(stage, chance)


def _kill_one(stage: Stage, chance: random.Random) -> None:
    victim = chance.choice(stage.target.processes)
    stage.say(f"{victim} killed: it was {stage.kill(victim)}")


def both_away(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Stopped and killed -9 in turn; each time the other one comes back first.

    Looks that nothing is sent without a claim, and that the first server that is back is enough.
    """
    for place, number in enumerate(fault.rounds(stage, chance)):
        seconds, kill = chance.uniform(*AWAY_SECONDS), place % 2 == 1
        first, last = (REDIS, POSTGRES) if place % 4 < 2 else (POSTGRES, REDIS)
        stage.say(f"both {number}: {'killed' if kill else 'stopped'} for {seconds:.1f} s, {first} is back first")
        stage.take_away(last, kill)
        stage.take_away(first, kill)
        stage.pause(SETTLE_SECONDS)
        before = stage.progress()
        stage.pause(seconds - SETTLE_SECONDS)
        if sent := stage.progress() - before:
            stage.problem(f"{sent} were sent while Redis and PostgreSQL were away")
        stage.bring_back(first)
        stage.pause(SETTLE_SECONDS)
        _goes_on(stage, SETTLE_SECONDS, f"only {first} was there")
        stage.bring_back(last)


def _goes_on(stage: Stage, seconds: float, when: str) -> None:
    before = stage.progress()
    stage.pause(seconds)
    sent = stage.progress() - before
    stage.say(f"{sent} were sent in {seconds:.1f} s while {when}")
    if not sent:
        stage.problem(f"nothing was sent while {when}")


REDIS_FLUSHED = Fault(
    "redis_flushed",
    "Redis is emptied; what was not committed comes twice if its sender is killed too",
    runs=6,
    every_seconds=(2, 4),
    # what waits in its lane for its first retry (0.4 s) holds back the commit of its partition so long
    bound=Bound(duplicates_share=0, drain_seconds=90, duplicates_each=150),
    inject=flush,
    loses_claims=True,
)
REDIS_AWAY = Fault(
    "redis_away",
    "Redis is stopped or killed -9 for some seconds: sending goes on, and nothing comes twice",
    runs=4,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0, drain_seconds=90),
    inject=away,
)
REDIS_AWAY_KILLS = Fault(
    "redis_away_kills",
    "senders are killed -9 while Redis is away and as it comes back; a call that was under way comes twice",
    runs=5,
    every_seconds=(3, 8),
    bound=Bound(duplicates_share=0, drain_seconds=90, duplicates_each=KILLS * 32),  # as with kill
    inject=away_with_kills,
)
REDIS_AND_POSTGRES_AWAY = Fault(
    "redis_and_postgres_away",
    "Redis and PostgreSQL are both away for some seconds: nothing is sent meanwhile, and nothing comes twice",
    runs=4,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0, drain_seconds=90),
    inject=both_away,
)
