"""Redis is emptied (FLUSHALL) under a sender: it is found out at once, and nothing is repeated unnoticed."""

import signal
from dataclasses import replace

import pytest
from redis import Redis

from ops.devstack import Stack
from tests.delivery.builders import delivery
from tests.delivery.ground import Ground, until
from tests.delivery.sender_process import Config
from tests.delivery.test_redis_away import config, own
from tests.delivery.test_sender_killed import calls, ended, errors

__all__ = ["config", "own"]  # fixtures
pytestmark = pytest.mark.servers


async def test_what_was_called_before_and_not_committed_is_known_after_a_kill(
    ground: Ground, own: Stack, config: Config
) -> None:
    """Whoever hangs holds back the commits of its partition, so what ended behind it comes up again."""
    code = delivery(ground.who("hang-code"), type="login.code")
    hanging = [delivery(ground.who(f"hang{n}")) for n in range(8)]
    before = [delivery(ground.who(f"r{n}"), number) for number in (1, 2) for n in range(40)]
    after = [delivery(ground.who(f"r{n}"), 3) for n in range(40)]
    with ground.process(replace(config, hang="hang")) as first:
        ground.put(code, *hanging, *before)
        await until(lambda: ground.ended(*before) and all(calls(config)[d.delivery_id] for d in (code, *hanging)), 30)
        with Redis.from_url(own.endpoints.redis_url) as redis:
            redis.flushall()
        ground.put(*after)
        await until(lambda: ground.ended(*after), 30)
        first.send_signal(signal.SIGKILL)
        ended(first)
    assert ground.lag() > len(hanging), "what ended was committed: nothing is shown"
    with ground.process(config) as second:
        await until(lambda: ground.ended(code, *hanging), 30)
        await ground.committed()
        second.terminate()
        assert ended(second) == 0, errors(config)
    made = calls(config)
    assert ground.statuses(code) == ["unknown"]
    assert made[code.delivery_id] == 1
    assert {made[each.delivery_id] for each in hanging} == {2}
    assert {made[each.delivery_id] for each in (*before, *after)} == {1}
    assert "forgotten all claims" in errors(config)
