"""Short versions of the fault runs on senders: real senders, real servers, a provider of the run's own, few blows."""

import random
from dataclasses import replace

import pytest

from ops.faults.fault import Fault
from ops.faults.listed import FAULTS, Process
from ops.faults.running import Options
from ops.faults.sender.run import run
from ops.faults.verdict import Result

pytestmark = pytest.mark.servers
RATE = 200
SENDER = FAULTS[Process.SENDER]


def ran(fault: Fault) -> Result:
    """It, and nothing is wrong with it."""
    said: list[str] = []
    result = run(fault, Options(RATE, random.randrange(1_000_000)), said.append)
    assert result.wrong() == [], "\n".join((*said, *result.findings.examples))
    assert result.findings.written >= result.findings.expected > RATE
    return result


def test_kills_lose_nothing_and_break_no_order() -> None:
    assert ran(replace(SENDER["kill"], runs=3, every_seconds=(0.5, 2))).runs == 3


def test_redis_away_stops_nothing_and_both_away_stop_all_and_nothing_comes_twice() -> None:
    """After some seconds everybody is in the cache of recipients, as Redis alone needs them to be."""
    for name in ("redis_away", "redis_and_postgres_away"):
        assert ran(replace(SENDER[name], runs=1, every_seconds=(7, 8))).runs == 1


def test_kills_at_named_points_lose_nothing_and_break_no_order() -> None:
    """All but the one during a revoke, which takes a session."""
    assert ran(replace(SENDER["named_points"], runs=7, every_seconds=(0.3, 1), processes=2)).runs == 7
