"""SIGTERM: what is in hand is finished and committed; the next run delivers nothing again."""

import signal
import time
from collections import Counter

import psutil
import pytest

from streams.domain.notification import Channel
from tests.engine.ground import Ground, notification


def test_planned_stops_in_the_middle_of_work_deliver_nothing_twice(ground: Ground) -> None:
    ground.create()
    ground.notify(notification(n, f"person-{n % 50}") for n in range(10_000))
    for part in (1, 3, 5):
        with ground.router() as router:
            router.hears_signals()
            ground.wait_for(ground.topics.decisions, part * 1_500)
            started = time.monotonic()
            assert router.stop() == 0, router.said()
            assert time.monotonic() - started < 10
        assert sum(ground.committed().values()) == ground.written(ground.topics.decisions)
    with ground.router():
        ground.drained()
    assert set(Counter(d["notification_id"] for d in ground.decisions()).values()) == {1}
    assert ground.written(ground.topics.decisions) == 10_000
    assert len(ground.deliveries(Channel.EMAIL)) == 10_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_has_nothing_to_do_stops_at_once_and_quietly(ground: Ground, number: signal.Signals) -> None:
    ground.create()
    with ground.router() as router:
        router.ready()
        sockets = psutil.Process(router.process.pid).net_connections("inet")
        assert [each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN] == [router.port]
        router.process.send_signal(number)
        assert router.ended(10) == 0
        assert router.said() == ""
        assert list((ground.folder / "run1").iterdir()) == []  # Faust would leave a folder <group>-data


def test_a_process_that_is_only_starting_can_be_stopped(ground: Ground) -> None:
    ground.create()
    with ground.router() as router:
        router.hears_signals()
        assert router.stop() == 0, router.said()


def test_a_second_process_that_joins_and_leaves_causes_no_duplicates(ground: Ground) -> None:
    ground.create()
    with ground.router(instance="one", session_timeout_seconds=6) as one:
        one.ready()
        ground.notify(notification(n, f"person-{n % 50}") for n in range(4_000))
        with ground.router(instance="two", session_timeout_seconds=6) as two:
            for part in range(1, 8):
                ground.notify(notification(n, f"person-{n % 50}") for n in range(4_000 * part, 4_000 * (part + 1)))
                time.sleep(0.3)
            two.ready()
            one.ready()
            ground.drained()
            ground.notify(notification(n, f"person-{n % 50}") for n in range(32_000, 36_000))
            ground.drained()
            assert two.stop() == 0, two.said()
        assert one.stop() == 0, one.said()
    assert Counter(Counter(d["notification_id"] for d in ground.decisions()).values()) == {1: 36_000}
