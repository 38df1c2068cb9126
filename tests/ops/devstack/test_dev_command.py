"""`tidings dev` as a person at a terminal meets it."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.devstack.record import read_record
from tests.ops.devstack.waiting import all_pids, eventually, nothing_left

pytestmark = pytest.mark.servers
DEV = (sys.executable, "-c", "from ops.commands.dev import app; app()")
SMALL = ("--only", "valkey,mail,webhooks")


def dev(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*DEV, *words], cwd=cwd, capture_output=True, text=True, timeout=60)


def read_until(terminal: int, text: str, seconds: float = 20) -> str:
    seen, deadline = "", time.monotonic() + seconds
    while text not in seen:
        assert time.monotonic() < deadline, f"{text!r} never came: {seen}"
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")
    return seen


def test_ctrl_c_at_the_terminal_stops_all_in_order_and_exits_130(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the command's own process
        os.chdir(tmp_path)
        os.execv(DEV[0], [*DEV, "up", *SMALL])
    try:
        seen = read_until(terminal, "Ctrl-C stops everything")
        assert "redis://127.0.0.1:" in seen
        data = tmp_path / ".tidings" / "dev"
        pids = [pid for pid in all_pids(data) if pid != child]
        os.write(terminal, b"\x03")
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 130
        assert nothing_left(data, pids)
        assert "bye bye" in (data / "log" / "valkey.log").read_text()
    finally:
        os.close(terminal)


def test_detached_it_runs_until_down_and_tells_where_it_is(tmp_path: Path) -> None:
    up = dev("up", *SMALL, "--detach", cwd=tmp_path)
    assert up.returncode == 0, up.stderr
    data = tmp_path / ".tidings" / "dev"
    found = read_record(data).endpoints
    assert all(address in up.stdout for address in (found.mail_url, found.redis_url, found.webhooks_url))
    assert "valkey: starting" in up.stderr

    again = dev("up", *SMALL, cwd=tmp_path)
    assert (again.returncode, "running already" in again.stderr) == (0, True)
    assert found.redis_url in again.stdout

    status = dev("status", "--json", cwd=tmp_path)
    assert status.returncode == 0
    told = json.loads(status.stdout)
    assert told["endpoints"]["mail_url"] == found.mail_url
    assert set(told["answers"].values()) == {True}

    assert "to take fresh data" in dev("up", *SMALL, "--fresh", cwd=tmp_path).stderr
    pids = all_pids(data)
    assert dev("down", cwd=tmp_path).returncode == 0
    assert nothing_left(data, pids)
    assert dev("status", cwd=tmp_path).returncode == 3
    assert "nothing runs" in dev("down", cwd=tmp_path).stdout
    assert "bye bye" in dev("logs", "valkey", cwd=tmp_path).stdout


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_all_before_the_command_ends(tmp_path: Path, sent: signal.Signals, expected: int) -> None:
    with subprocess.Popen([*DEV, "up", *SMALL, "--data", str(tmp_path), "--json"], stdout=subprocess.PIPE) as command:
        assert command.stdout
        assert json.loads(command.stdout.readline())["ready"]
        pids = [pid for pid in all_pids(tmp_path) if pid != command.pid]
        command.send_signal(sent)
        assert command.wait(20) == expected
    assert nothing_left(tmp_path, pids)


def test_a_server_that_dies_ends_the_command_with_its_last_lines(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEV, "up", *SMALL, "--data", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        eventually(lambda: read_record(tmp_path).ready, "it is up")
        os.kill(read_record(tmp_path).running["valkey"].pid, signal.SIGKILL)
        _, told = command.communicate(timeout=20)
        assert command.returncode == 1
    assert "valkey ended with status -9" in told
    assert "Ready to accept connections" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("up", "--only", "kafak"), "no such service: kafak"),
        (("logs",), "no logs"),
        (("up", *SMALL, "--data", "a-file"), "a-file"),
        (("up", "--brokers", "2"), "a stack has 1 or 3 Kafka brokers, not 2"),
        (("up", *SMALL, "--brokers", "3"), "kafka is not among the servers to start"),
    ],
)
def test_a_mistake_is_one_clear_message(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "a-file").touch()
    answer = dev(*words, cwd=tmp_path)
    assert answer.returncode == 1
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_fresh_forgets_the_data_of_the_last_run(tmp_path: Path) -> None:
    dev("up", *SMALL, "--detach", cwd=tmp_path)
    dev("down", cwd=tmp_path)
    mark = tmp_path / ".tidings" / "dev" / "mark"
    mark.touch()
    dev("up", *SMALL, "--detach", "--fresh", cwd=tmp_path)
    dev("down", cwd=tmp_path)
    assert not mark.exists()


def test_logs_are_followed_until_ctrl_c(tmp_path: Path) -> None:
    log = tmp_path / "log" / "router.log"
    log.parent.mkdir()
    log.write_text("one\ntwo\nthree\n")
    command = [*DEV, "logs", "router", "--data", str(tmp_path), "--follow", "--lines", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        stopping = threading.Timer(20, following.kill)  # a line that never comes must not hold the test up
        stopping.start()
        assert following.stdout
        assert [following.stdout.readline() for _ in range(2)] == ["two\n", "three\n"]
        with log.open("a") as file:
            file.write("four\n")
        assert following.stdout.readline() == "four\n"
        log.replace(log.with_suffix(".log.1"))
        log.write_text("begun anew\n")
        assert following.stdout.readline() == "begun anew\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130
        stopping.cancel()


def test_two_ups_at_once_on_a_new_folder_show_the_same_stack(tmp_path: Path) -> None:
    command = [*DEV, "up", *SMALL, "--detach", "--json", "--data", str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    told = [json.loads(each.communicate(timeout=60)[0]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert told[0]["endpoints"] == told[1]["endpoints"]
    assert told[0]["supervisor"] == told[1]["supervisor"]
    assert dev("down", "--data", str(tmp_path), cwd=tmp_path).stdout == "stopped\n"
