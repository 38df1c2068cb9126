"""A record that kills the process is set aside by the third one, and nothing else is lost by it."""

import random
import signal

import pytest
from confluent_kafka import Producer, murmur2

from schemas import headers as names
from schemas.topics import LARGEST_RECORD
from streams.domain.notification import Priority
from streams.engine.ending import EXIT_FAIL_STOP, EXIT_SETTINGS, EXIT_STALLED
from tests.engine.ground import PARTITIONS, Ground, incompressible, notification, numbers_by_recipient
from tests.engine.router_process import KILL

RECORDS = 300
DEADLY = 150


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (b"kill -9", -signal.SIGKILL),
        (b"segfault", -signal.SIGSEGV),
        (b"raise", EXIT_FAIL_STOP),
        (b"hang", EXIT_STALLED),
        (b"hang with the interpreter", 1),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_two_processes_die_on_it_and_the_third_sets_it_aside(ground: Ground, ending: bytes, code: int) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.NORMAL]
    values = [ending if n == DEADLY else b"value-%d" % n for n in range(RECORDS)]
    for value in values:
        ground.send(topic, "ann", value, [("own", b"header")])
    ground.flush()
    for _ in range(2):
        with ground.router("copy_process", watchdog_seconds=2) as process:
            assert process.ended(30) == code, process.said()
    with ground.router("copy_process") as process:
        ground.drained()
        assert process.stop() == 0, process.said()
        assert f"{topic}/" in process.said()

    [letter] = ground.dead_letters()
    headers = dict(letter.headers())
    assert (letter.key(), letter.value(), headers["own"]) == (b"ann", ending, b"header")
    assert headers["origin"].startswith(f"{topic}/".encode())
    assert headers["origin"].endswith(b"@%d" % DEADLY)
    assert b"ended 2 times because of this record" in headers["reason"]
    copied = list(dict.fromkeys(message.value() for message in ground.read(ground.topics.decisions)))
    assert copied == [value for value in values if value != ending]


def test_the_router_makes_a_dead_letter_of_it_and_routes_everything_else(ground: Ground) -> None:
    ground.create()
    ground.notify(notification(n, "ann", type=KILL if n == DEADLY else "order.shipped") for n in range(RECORDS))
    for _ in range(2):
        with ground.router(broken=True) as router:
            assert router.ended(30) == -signal.SIGKILL, router.said()
    with ground.router(broken=True) as router:
        ground.drained()
        assert router.stop() == 0, router.said()
    [letter] = ground.dead_letters()
    headers = dict(letter.headers())
    [came] = [m for m in ground.read(ground.topics.notifications[Priority.NORMAL]) if m.offset() == DEADLY]
    assert (letter.key(), letter.value()) == (came.key(), came.value())
    assert (headers[names.ORIGIN_TOPIC], headers[names.ORIGIN_OFFSET]) == (came.topic().encode(), b"%d" % DEADLY)
    assert b"ended 2 times because of this record" in headers[names.FAILURE_REASON]
    routed = numbers_by_recipient(decision["notification_id"] for decision in ground.decisions())
    assert routed == {"ann": [n for n in range(RECORDS) if n != DEADLY]}


def test_two_deadly_records_side_by_side_are_both_set_aside_and_a_stopped_process_forgets_them(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.HIGH]
    for value in (b"first", b"kill -9", b"kill -9", b"last"):
        ground.send(topic, "ann", value)
    ground.flush()
    for _ in range(4):
        with ground.router("copy_process") as process:
            assert process.ended(30) == -signal.SIGKILL, process.said()
    with ground.router("copy_process") as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    assert [letter.value() for letter in ground.dead_letters()] == [b"kill -9"] * 2
    assert {message.value() for message in ground.read(ground.topics.decisions)} == {b"first", b"last"}
    assert list((ground.folder / "state").iterdir()) == []


def test_a_record_whose_output_no_broker_takes_is_set_aside_in_the_end_without_its_bytes(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.HIGH]
    ground.configure(topic, "max.message.bytes", str(2 * LARGEST_RECORD))
    large = Producer({"bootstrap.servers": ground.bootstrap_servers, "message.max.bytes": 2 * LARGEST_RECORD})
    values = [b"first", random.Random(1).randbytes(LARGEST_RECORD + 500_000), b"last"]
    for value in values:
        large.produce(topic, value, b"ann", partition=murmur2(b"ann", PARTITIONS))
    assert large.flush(20) == 0
    for _ in range(4):  # its output is refused twice, and so is its dead letter
        with ground.router("copy_process") as process:
            assert process.ended(30) == EXIT_FAIL_STOP, process.said()
            assert "MessageSizeTooLargeError" in process.said()
    with ground.router("copy_process") as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    [letter] = ground.dead_letters()
    assert (letter.key(), letter.value()) == (b"ann", None)
    assert b"its bytes are left where it came from" in dict(letter.headers())["reason"]
    assert {message.value() for message in ground.read(ground.topics.decisions)} == {b"first", b"last"}


def test_a_record_that_was_sent_compressed_may_be_larger_than_what_brokers_take(ground: Ground) -> None:
    """regression: the client refused to produce it, again at every start"""
    ground.create()
    packing = Producer(
        {"bootstrap.servers": ground.bootstrap_servers, "compression.type": "zstd", "message.max.bytes": 20_000_000}
    )
    value = incompressible(2_000).encode() * 4_000
    packing.produce(ground.topics.notifications[Priority.HIGH], value, b"ann", partition=murmur2(b"ann", PARTITIONS))
    assert packing.flush(20) == 0
    with ground.router("copy_process") as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    assert [message.value() for message in ground.read(ground.topics.decisions)] == [value]


def test_a_kill_with_nothing_in_hand_is_held_against_no_record(ground: Ground) -> None:
    ground.create()
    ground.send(ground.topics.notifications[Priority.HIGH], "ann", b"only")
    ground.flush()
    with ground.router("copy_process") as process:
        ground.drained()
        process.kill()
    with ground.router("copy_process") as process:
        process.ready()
        assert process.stop() == 0
        assert process.said() == ""
    assert list((ground.folder / "state").iterdir()) == []


def test_a_folder_that_cannot_be_used_is_one_line_and_exit_78(ground: Ground) -> None:
    ground.create()
    (ground.folder / "file").touch()
    with ground.router("copy_process", state_folder=str(ground.folder / "file")) as process:
        assert process.ended(30) == EXIT_SETTINGS
        said = process.said()
        assert said.startswith(f"copy: TIDINGS_STATE_FOLDER: {ground.folder / 'file'} cannot be used: ")
        assert said.count("\n") == 1


def test_a_second_process_of_the_same_name_is_one_line_and_exit_78(ground: Ground) -> None:
    ground.create()
    with ground.router("copy_process") as first:
        first.ready()
        with ground.router("copy_process") as second:
            assert second.ended(30) == EXIT_SETTINGS
            assert "TIDINGS_INSTANCE" in second.said()
            assert second.said().count("\n") == 1
        assert first.stop() == 0, first.said()
