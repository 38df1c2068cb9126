"""Short versions of the fault runs: real routers, a real Kafka, few blows."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from ops.commands.faults import app
from ops.faults.kill import KILL
from ops.faults.listed import FAULTS
from ops.faults.planned_stop import PLANNED_STOP
from ops.faults.router.run import run
from ops.faults.running import Options
from ops.faults.verdict import Bound
from tests.engine.ground import ROOT, until

pytestmark = pytest.mark.servers
RATE = 800
# One kill costs what was in hand: of the little that flows in some seconds that is more than of a whole run.
FEW_BLOWS = Bound(duplicates_share=0.2, drain_seconds=60)


def seed() -> int:
    return random.randrange(1_000_000)


def test_three_kills_lose_nothing_and_break_no_order() -> None:
    said: list[str] = []
    result = run(replace(KILL, runs=3, every_seconds=(0.3, 1.5), bound=FEW_BLOWS), Options(RATE, seed()), said.append)
    assert result.wrong() == [], "\n".join((*said, *result.findings.examples))
    assert result.runs == 3
    assert result.findings.accepted > RATE
    assert result.findings.written >= result.findings.expected > result.findings.accepted


def test_planned_stops_let_nothing_come_twice() -> None:
    said: list[str] = []
    result = run(replace(PLANNED_STOP, runs=2, every_seconds=(0.2, 0.5)), Options(RATE, seed()), said.append)
    assert result.wrong() == [], "\n".join((*said, *result.findings.examples))
    assert result.findings.duplicated == 0


def test_ctrl_c_stops_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.commands.main", "faults", "run", "router", "--only", "kill", "--kills", "50"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as told:
        family = until(lambda: routers_and_what_they_need(told.pid), 60, "routers that run")
        assert list(tmp_path.glob("tidings-fault-kill-*/stack.json"))
        told.send_signal(signal.SIGINT)
        assert told.wait(30) == 130
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert list(tmp_path.glob("tidings-fault-*")) == []


def routers_and_what_they_need(pid: int) -> list[psutil.Process]:
    """All children of this process, once two of them are routers."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(pid).children(recursive=True)
        if sum(each.cmdline()[-1:] == ["router"] for each in family) == 2:
            return family
    return []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "router", "--only", "kil"], "no such fault: kil; there are kill, planned_stop"),
        (["run", "postman"], "'postman' is not"),
    ],
)
def test_a_wrong_word_is_told_and_nothing_is_started(words: list[str], said: str) -> None:
    answer = CliRunner().invoke(app, words, terminal_width=200)
    assert answer.exit_code == 2
    assert said in answer.stderr


def test_each_fault_is_listed_with_a_line() -> None:
    answer = CliRunner().invoke(app, ["ls"])
    listed = [tuple(line.split()[:2]) for line in answer.stdout.splitlines()]
    assert listed == [(str(process), name) for process, faults in FAULTS.items() for name in faults]
