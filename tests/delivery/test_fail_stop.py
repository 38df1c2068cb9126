"""A broken invariant ends the process at once, and quotes nobody's address."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(source: str) -> tuple[int, str]:
    ended = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


def test_an_exception_is_told_by_type_and_place() -> None:
    code, said = run(
        "from connectors.delivery.fail_stop import fail_stop\n"
        "def place():\n    raise KeyError('ada@example.org')\n"
        "try:\n    place()\nexcept KeyError as error:\n    fail_stop(error)\n"
        "print('not reached')"
    )
    assert code == 70
    assert "KeyError" in said
    assert "in place" in said
    assert "example.org" not in said
    assert "not reached" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("set_up", ["", "from ops.telemetry import logs; logs.start('sender-email')\n"])
def test_a_log_that_cannot_be_written_does_not_keep_it_alive(set_up: str) -> None:
    source = f"{set_up}from connectors.delivery.fail_stop import fail_stop\nfail_stop('broken')"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([sys.executable, "-c", source], cwd=ROOT, stdout=full, stderr=full, timeout=60)
    assert ended.returncode == 70


def test_a_record_that_kafka_did_not_take_ends_the_process() -> None:
    code, said = run(
        "import asyncio\n"
        "from connectors.delivery.producing import Writer\n"
        "from connectors.delivery.outgoing import Outgoing\n"
        "from tests.delivery.builders import delivery, main_record\n"
        "class Refuses:\n"
        "    def produce(self, topic, value, key, partition, told, *more): told('MSG_TIMED_OUT', None)\n"
        "async def main():\n"
        "    Writer(Refuses(), print).write(main_record(delivery()), Outgoing('t', None, b'', []))\n"
        "asyncio.run(main())\nprint('not reached')"
    )
    assert code == 70
    assert "MSG_TIMED_OUT" in said
    assert "not reached" not in said


def test_a_full_producer_queue_is_waited_for() -> None:
    code, said = run(
        "import asyncio\n"
        "from connectors.delivery.producing import Writer\n"
        "from connectors.delivery.outgoing import Outgoing\n"
        "from tests.delivery.builders import delivery, main_record\n"
        "class Full:\n"
        "    polls = 0\n"
        "    def poll(self, seconds): self.polls += 1\n"
        "    def produce(self, *a, **k):\n"
        "        if self.polls < 3: raise BufferError\n"
        "async def main():\n"
        "    full = Full()\n"
        "    writer = Writer(full, print)\n"
        "    writer.write(main_record(delivery()), Outgoing('t', None, b'', []))\n"
        "    print(full.polls, writer.unconfirmed)\n"
        "asyncio.run(main())"
    )
    assert (code, said.strip()) == (0, "3 1")
