"""Redis forgets everything, or goes away: the claims are there, or nothing is sent."""

import random

from redis import Redis

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = (6.0, 12.0)
SETTLE_SECONDS = 4.0  # calls that were under way may still arrive
REDIS = "valkey"


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
    """Stopped and killed -9 in turn. Looks that nothing is sent without a claim."""
    for place, number in enumerate(fault.rounds(stage, chance)):
        seconds, kill = chance.uniform(*AWAY_SECONDS), place % 2 == 1
        stage.say(f"Redis {number}: {'killed' if kill else 'stopped'} for {seconds:.1f} s")
        stage.take_away(REDIS, kill)
        stage.pause(SETTLE_SECONDS)
        before = stage.progress()
        stage.pause(seconds - SETTLE_SECONDS)
        if sent := stage.progress() - before:
            stage.problem(f"{sent} were sent while Redis was away")
        stage.bring_back(REDIS)


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
    "Redis is stopped or killed -9 for some seconds: nothing is sent meanwhile, and nothing comes twice",
    runs=4,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0, drain_seconds=90),
    inject=away,
)
