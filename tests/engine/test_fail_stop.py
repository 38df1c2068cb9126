"""A fault of ours ends the process with nothing committed; the repaired program loses nothing."""

import socket
import time
from pathlib import Path

from schemas.topics import LARGEST_RECORD
from streams.domain.notification import Channel, Priority
from streams.engine.ending import EXIT_FAIL_STOP, EXIT_NO_KAFKA, EXIT_TOPICS
from tests.engine.ground import Ground, incompressible, notification
from tests.engine.router_process import BUG


def test_an_exception_in_the_agent_commits_nothing_and_the_repaired_program_drains(ground: Ground) -> None:
    ground.create()
    ground.notify([*(notification(n, "ann") for n in range(50)), notification(50, "ann", type=BUG)])
    with ground.router(broken=True) as router:
        assert router.ended(30) == EXIT_FAIL_STOP, router.said()
        assert "a fault in the agent" in router.said()
    assert ground.committed() == {}
    with ground.router() as router:
        ground.drained()
        assert router.stop() == 0, router.said()
    assert {d["notification_id"] for d in ground.decisions()} == {f"ann-{n}" for n in range(51)}


def test_a_record_the_broker_refuses_commits_nothing_and_the_repaired_topic_drains(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.deliveries[Channel.EMAIL, Priority.NORMAL]
    with ground.router() as router:
        router.ready()
        ground.configure(topic, "max.message.bytes", "1000")
        ground.notify([notification(1, "ann"), notification(2, "ann", data=incompressible(5_000))])
        assert router.ended(30) == EXIT_FAIL_STOP, router.said()
        assert "was not delivered" in router.said()
    assert ground.committed() == {}
    ground.configure(topic, "max.message.bytes", str(LARGEST_RECORD))
    with ground.router() as router:
        ground.drained()
        assert router.stop() == 0, router.said()
    assert {d["notification"]["notification_id"] for d in ground.deliveries(Channel.EMAIL)} == {"ann-1", "ann-2"}


def test_a_preference_topic_that_vanishes_ends_the_process(ground: Ground) -> None:
    ground.create()
    with ground.router(watchdog_seconds=30) as router:
        router.ready()
        for gone in ground.admin.delete_topics([ground.topics.preferences]).values():
            gone.result(20)
        assert router.ended(30) == EXIT_FAIL_STOP, router.said()
        assert "can no longer be followed" in router.said()


def test_a_missing_topic_is_one_line_and_exit_78(ground: Ground) -> None:
    ground.create(ground.topics.dead_letters)
    started = time.monotonic()
    with ground.router() as router:
        assert router.ended(30) == EXIT_TOPICS
        assert time.monotonic() - started < 15
        assert router.said() == (
            f"tidings router: topic {ground.topics.dead_letters} is missing: "
            "`tidings topics apply` creates what is missing\n"
        )


def test_unequal_partition_counts_are_one_line_and_exit_78(ground: Ground) -> None:
    ground.create(partitions={ground.topics.preferences: 3})
    with ground.router() as router:
        assert router.ended(30) == EXIT_TOPICS
        assert f"{ground.topics.preferences} has 3 partitions" in router.said()
        assert router.said().count("\n") == 1


def test_kafka_that_goes_away_between_the_check_and_the_start_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Ground(address, tmp_path).router("copy_process", checked=False) as process:
            assert process.ended(30) == EXIT_NO_KAFKA, process.said()
    assert f"Kafka at {address} went away" in process.said()
    assert "Traceback" not in process.said()
