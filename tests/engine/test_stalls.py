"""Nothing stands still in silence: it goes on, or the process ends and says where it stood."""

import signal
import time
from collections import Counter
from pathlib import Path

from ops.devstack import Stack
from streams.engine.ending import EXIT_NO_KAFKA, EXIT_STALLED
from tests.engine.ground import Ground, notification, until
from tests.engine.router_process import HANG, SLOW


def test_an_agent_that_hangs_is_ended_with_its_stacks_and_nothing_committed(ground: Ground) -> None:
    ground.create()
    ground.notify([notification(1, "ann", type=HANG)])
    with ground.router(broken=True, watchdog_seconds=2) as router:
        assert router.ended(30) == EXIT_STALLED, router.said()
        assert "records are in hand, and nothing has moved" in router.said()
        assert "route_notifications.py" in router.said()
    assert ground.committed() == {}
    with ground.router():
        ground.drained()
    assert [d["notification_id"] for d in ground.decisions()] == ["ann-1"]


def test_a_stall_is_told_by_readyz_before_the_process_is_ended(ground: Ground) -> None:
    ground.create()
    with ground.router(broken=True, watchdog_seconds=6) as router:
        router.ready()
        ground.notify([notification(1, "ann", type=HANG)])
        until(lambda: router.phase() == "stalled", 6, "readyz that says stalled")
        assert router.process.poll() is None
        assert router.ended(30) == EXIT_STALLED, router.said()


def test_a_router_with_nothing_to_do_is_left_alone(ground: Ground) -> None:
    ground.create()
    ground.notify([notification(1, "ann")])
    with ground.router(watchdog_seconds=1) as router:
        ground.drained()
        time.sleep(5)
        assert router.phase() == "ready"
        assert router.stop() == 0, router.said()


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(own_kafka: Stack, tmp_path: Path) -> None:
    ground = Ground(str(own_kafka.endpoints.kafka_bootstrap_servers), tmp_path)
    ground.create()
    with ground.router(session_timeout_seconds=6) as router:
        router.ready()
        ground.notify(notification(n, f"person-{n % 50}") for n in range(3_000))
        own_kafka.signal("kafka", signal.SIGKILL)
        time.sleep(8)  # longer than the session
        own_kafka.start("kafka")
        ground.notify(notification(n, f"person-{n % 50}") for n in range(3_000, 6_000))
        ground.drained(60)
        assert router.stop() == 0, router.said()
    times = Counter(d["notification_id"] for d in ground.decisions())
    assert times.keys() == {f"person-{n % 50}-{n}" for n in range(6_000)}


def test_without_kafka_a_router_says_so_and_ends(own_kafka: Stack, tmp_path: Path) -> None:
    ground = Ground(str(own_kafka.endpoints.kafka_bootstrap_servers), tmp_path)
    own_kafka.stop("kafka")
    try:
        with ground.router() as router:
            assert router.ended(30) == EXIT_NO_KAFKA
            assert router.said().startswith("tidings router: Kafka at 127.0.0.1:")
            assert router.said().count("\n") == 1
    finally:
        own_kafka.start("kafka")


def test_kafka_that_stays_away_ends_a_router_with_work_in_hand(own_kafka: Stack, tmp_path: Path) -> None:
    ground = Ground(str(own_kafka.endpoints.kafka_bootstrap_servers), tmp_path)
    ground.create()
    with ground.router(broken=True, watchdog_seconds=6) as router:
        router.ready()
        ground.notify(notification(n, f"person-{n % 50}", type=SLOW, locale=f"x{n}") for n in range(20_000))
        until(lambda: ground.written(ground.topics.decisions) > 500, 20)
        own_kafka.signal("kafka", signal.SIGKILL)
        assert router.ended(40) == EXIT_STALLED, router.said()
    own_kafka.start("kafka")
    with ground.router() as router:
        ground.drained(60)
    assert len({d["notification_id"] for d in ground.decisions()}) == 20_000
