"""The processes beside the servers: prepared, ready, started again, stopped before the servers."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ops.devstack import ProcessSpec, Stack, StackFailed, running_environment
from ops.devstack.wire import Kind, Line
from tests.ops.devstack.waiting import eventually, get_json, nothing_left, stand_in

pytestmark = pytest.mark.servers
API = ("TIDINGS_API_PORT", "TIDINGS_METRICS_PORT")
VALKEY = ("valkey",)


def test_each_process_is_told_where_everything_is(tmp_path: Path) -> None:
    processes = [stand_in("api", "serve", "-", "api", variables=API), stand_in("router", "serve")]
    with Stack(tmp_path, VALKEY, processes) as stack:
        told = get_json(f"http://127.0.0.1:{stack.ports['router']}/readyz")
        assert told["TIDINGS_REDIS_URL"] == stack.endpoints.redis_url
        assert told["TIDINGS_API_URL"] == stack.api_url == f"http://127.0.0.1:{stack.ports['api']}"
        assert told["TIDINGS_INSTANCE"] == "dev-router-1"
        assert told["TIDINGS_METRICS_PORT"] == str(stack.ports["router"])
        assert told["TIDINGS_WEBHOOK_SECRET"].startswith("whsec_")
        assert get_json(f"{stack.api_url}/readyz")["TIDINGS_INSTANCE"] == "dev-api-1"
        assert running_environment(tmp_path) == stack.environment
        assert stack.environment["TIDINGS_API_URL"] == stack.api_url
        assert set(stack.pids()) == {"valkey", "api", "router"}


def test_preparations_come_first(tmp_path: Path) -> None:
    done = tmp_path / "done"
    write = f"import sys; open({str(done)!r}, 'a').write(sys.argv[1])"
    processes = [
        stand_in("router", "serve"),
        ProcessSpec("topics", (sys.executable, "-c", write, "topics "), once=True),
        ProcessSpec("migrate", (sys.executable, "-c", write, "migrate "), once=True),
    ]
    with Stack(tmp_path / "data", (), processes) as stack:
        assert sorted(done.read_text().split()) == ["migrate", "topics"]
        assert set(stack.pids()) == {"router"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (stand_in("router", "die"), "router ended with status 9.*stand-in: die"),
        (
            ProcessSpec("migrate", (sys.executable, "-c", "print('no table'); exit(3)"), once=True),
            "migrate did not do its work.*no table",
        ),
    ],
)
def test_a_process_that_does_not_start_fails_the_start_with_its_last_lines(
    tmp_path: Path, spec: ProcessSpec, message: str
) -> None:
    with pytest.raises(StackFailed, match=f"(?s){message}"), Stack(tmp_path, VALKEY, [spec]):
        pass
    assert nothing_left(tmp_path, [])


def test_a_process_that_is_never_ready_is_stopped_with_the_rest(tmp_path: Path) -> None:
    heard: list[str] = []

    def stop_when_it_starts(line: Line) -> None:
        heard.append(line.text)
        if line.text == "router: starting":
            os.kill(json.loads((tmp_path / "stack.json").read_text())["supervisor"], signal.SIGTERM)

    with (
        pytest.raises(StackFailed, match="stopped before it was ready"),
        Stack(tmp_path, VALKEY, [stand_in("router", "never-ready")], say=stop_when_it_starts),
    ):
        pass
    assert "valkey: starting" in heard
    assert nothing_left(tmp_path, [])


def test_a_process_that_ends_is_reported_and_started_again(tmp_path: Path) -> None:
    events: list[str] = []

    def note(line: Line) -> None:
        if line.kind is Kind.EVENT:
            events.append(line.text)

    with Stack(tmp_path, (), [stand_in("router", "crash-when-told")], say=note) as stack:
        first, address = stack.pids()["router"], f"http://127.0.0.1:{stack.ports['router']}"
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            urllib.request.urlopen(f"{address}/crash", timeout=5)
        eventually(lambda: stack.pids().get("router") not in (None, first), "it runs again")
        eventually(lambda: _answers(f"{address}/readyz"), "it answers again")
        second = stack.pids()["router"]
        stack.signal("router", signal.SIGKILL)
        eventually(lambda: stack.pids().get("router") not in (None, second), "it runs again")
    assert "router ended with status 7" in events[0]
    assert "again in 0.2 s" in events[0]
    assert "router ended with status -9" in events[1]
    assert "again in 0.4 s" in events[1]


def test_a_process_that_was_told_to_stop_stays_away_until_it_is_started(tmp_path: Path) -> None:
    with Stack(tmp_path, (), [stand_in("router", "serve")]) as stack:
        stack.stop("router")
        before = time.monotonic()
        while time.monotonic() < before + 0.5:  # longer than the first delay of a restart
            assert stack.pids() == {}
        stack.start("router")
        assert _answers(f"http://127.0.0.1:{stack.ports['router']}/readyz")


def test_processes_are_stopped_while_their_servers_still_serve(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with Stack(tmp_path / "data", VALKEY, [stand_in("router", "serve", str(notes))]):
        assert not notes.exists()
    assert json.loads(notes.read_text()) == {"server_there": True}


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with Stack(tmp_path, ("mail",)) as stack, pytest.raises(StackFailed, match="nobody"):
        stack.stop("nobody")


def _answers(address: str) -> bool:
    try:
        return bool(get_json(address))
    except OSError:
        return False
