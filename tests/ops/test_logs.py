"""Lines that come by the thousand look like all others, and are there when something rests on them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from ops.telemetry import logs

ROOT = Path(__file__).parents[2]
NOW_MS = 1_795_537_941_492


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging as it was."""
    before, process = structlog.get_config(), logs._process
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()
    logs._process = process


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_a_flood_tells_what_an_ordinary_one_tells(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("sender-email")
    flood = logs.Flood("provider call", ("delivery_id", "code"), part="sender")
    flood.add(NOW_MS, "d1", None)
    logs.get(part="sender").info("provider call", delivery_id="d1", code=None)
    logs.flush()
    ordinary, own = lines(capsys)
    assert own.pop("timestamp") == "2026-11-24T16:32:21.492Z"
    datetime.fromisoformat(ordinary.pop("timestamp")).astimezone(UTC)
    assert own == ordinary


def test_lines_are_kept_until_they_are_flushed_once_and_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("sender-email")
    flood = logs.Flood("call", ("number",))
    assert [flood.add(NOW_MS, number) for number in range(3)] == [True, False, False]
    assert lines(capsys) == []
    logs.flush()
    logs.flush()
    assert [line["number"] for line in lines(capsys)] == [0, 1, 2]
    assert flood.add(NOW_MS, 3)


def test_a_level_above_info_writes_none(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("sender-email", "WARNING")
    flood = logs.Flood("call", ())
    flood.add(NOW_MS)
    logs.flush()
    assert lines(capsys) == []


def test_a_text_that_is_no_unicode_spoils_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start("sender-email")
    flood = logs.Flood("call", ("reason",))
    flood.add(NOW_MS, "caf\udce9")
    flood.add(NOW_MS, "fine")
    logs.flush()
    assert [line["reason"] for line in lines(capsys)] == ["caf\udce9", "fine"]


def test_before_logging_is_set_up_lines_go_where_all_others_go(capsys: pytest.CaptureFixture[str]) -> None:
    logs._process = None
    flood = logs.Flood("a call", ("number",), part="x")
    flood.add(NOW_MS, 7)
    logs.flush()
    said = "".join(capsys.readouterr())
    assert "a call" in said
    assert "7" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_lines_that_cannot_be_written_are_dropped_and_counted() -> None:
    source = (
        "from ops.telemetry import logs, metrics\n"
        "logs.start('sender-email')\n"
        "flood = logs.Flood('call', ('number',))\n"
        "logs.get(part='x').warning('ordinary')\n"
        "flood.add(0, 1)\n"
        "logs.flush()\n"
        "print(next(iter(metrics.LOG_WRITES_FAILED.collect())).samples[0].value, flush=True)\n"
        "import os; os._exit(0)"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, stderr=full, text=True, timeout=60
        )
    assert (done.returncode, done.stdout.strip()) == (0, "2.0")
