"""Whatever ends a stack, nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from ops.devstack import Endpoints, Stack, StackFailed, running_environment
from ops.devstack.down import take_down
from ops.devstack.record import Identity, Record, read_record, supervised, write_record
from tests.ops.devstack.waiting import alive, alive_on, all_pids, eventually, nothing_left, stand_in

pytestmark = pytest.mark.servers
needs_death_signal = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a death signal")
SMALL = ("valkey", "mail")

STARTER = """
    import sys, time
    from pathlib import Path
    from ops.devstack import Stack
    with Stack(Path(sys.argv[1]), services=sys.argv[2].split(",")):
        print("up", flush=True)
        time.sleep(60)
"""


@contextmanager
def starter(data: Path, *services: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds a stack; killed at the end if it still lives."""
    command = [sys.executable, "-c", textwrap.dedent(STARTER), str(data), ",".join(services)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


@needs_death_signal
def test_kill_9_of_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Stack(data, ("kafka", "postgres", "valkey"), [stand_in("router", "serve")]) as stack:
        pids = all_pids(data)
        assert len(pids) > 5
        os.kill(read_record(data).supervisor, signal.SIGKILL)
        eventually(lambda: nothing_left(data, pids), "all processes are gone")
        with pytest.raises(StackFailed):
            stack.pids()


def test_kill_9_of_the_starter_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with starter(data, "postgres", "valkey") as process:
        pids = all_pids(data)
        process.kill()
        eventually(lambda: nothing_left(data, pids), "all processes are gone")
    assert "database system is shut down" in (data / "log" / "postgres.log").read_text()


@needs_death_signal
@pytest.mark.parametrize("moment", ["postgres: preparing a new folder", "kafka: starting", "postgres: starting"])
def test_kill_9_of_the_starter_at_any_moment_of_the_start_leaves_nothing(tmp_path: Path, moment: str) -> None:
    starting = """
        import sys
        from pathlib import Path
        from ops.devstack import Stack
        Stack(Path(sys.argv[1]), say=lambda line: print(line.text, flush=True)).__enter__()
    """
    command = [sys.executable, "-c", textwrap.dedent(starting), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(line.strip() == moment for line in process.stdout)
        process.kill()
    eventually(lambda: nothing_left(tmp_path, alive_on(tmp_path)), "all processes are gone")


def test_a_fork_that_holds_the_pipe_open_does_not_keep_the_stack(tmp_path: Path) -> None:
    data = tmp_path / "data"
    holding = STARTER.replace("time.sleep(60)", "import os; os.fork(); time.sleep(20)")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(holding), str(data), "valkey"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        eventually(lambda: psutil.Process(process.pid).children(), "the fork is there")
        pids = all_pids(data)
        [fork] = [each for each in psutil.Process(process.pid).children() if each.pid not in pids]
        process.kill()
        eventually(lambda: nothing_left(data, pids), "all processes are gone")
        assert alive([fork.pid])
        fork.kill()


def test_an_exception_in_the_block_ends_all_and_removes_a_folder_of_its_own() -> None:
    stack, pids = Stack(services=SMALL), list[int]()

    def fail_inside() -> None:
        with stack:
            pids.extend(all_pids(stack.data))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert pids
    assert not alive(pids)
    assert not stack.data.exists()


@needs_death_signal
def test_a_folder_of_its_own_is_removed_even_when_the_supervisor_was_killed() -> None:
    with Stack(services=SMALL) as stack:
        os.kill(read_record(stack.data).supervisor, signal.SIGKILL)
    assert not stack.data.exists()


def test_the_death_of_a_server_ends_the_stack(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Stack(data, SMALL) as stack:
        pids = all_pids(data)
        stack.signal("valkey", signal.SIGKILL)
        eventually(lambda: nothing_left(data, pids), "all processes are gone")
        with pytest.raises(StackFailed, match="valkey ended with status -9"):
            stack.start("valkey")
    assert running_environment(data) is None


def test_a_tolerated_server_is_stopped_killed_paused_and_started_on_its_port_and_data(own_kafka: Stack) -> None:
    address, pid = own_kafka.endpoints.kafka_bootstrap_servers, own_kafka.pids()["kafka"]
    own_kafka.signal("kafka", signal.SIGSTOP)
    eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "it stands still")
    own_kafka.signal("kafka", signal.SIGCONT)
    own_kafka.signal("kafka", signal.SIGKILL)
    assert own_kafka.pids() == {}
    own_kafka.start("kafka")
    assert own_kafka.pids()["kafka"] != pid
    with pytest.raises(StackFailed, match="runs already"):
        own_kafka.start("kafka")
    own_kafka.stop("kafka")
    assert own_kafka.pids() == {}
    own_kafka.start("kafka")  # ready means: a record written came back
    assert own_kafka.endpoints.kafka_bootstrap_servers == address


def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    with Stack(tmp_path / "a", SMALL) as one, Stack(tmp_path / "b", SMALL) as other:
        addresses = [
            each.environment[name] for each in (one, other) for name in ("TIDINGS_REDIS_URL", "TIDINGS_SMTP_URL")
        ]
        assert len(set(addresses)) == 4
        assert running_environment(tmp_path / "a") == one.environment
        assert running_environment(tmp_path / "b") == other.environment
    assert running_environment(tmp_path / "a") is None


def test_a_second_stack_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Stack(tmp_path, SMALL) as first:
        with pytest.raises(StackFailed, match="in use"), Stack(tmp_path, SMALL):
            pass
        assert first.pids()["valkey"]


def test_the_next_run_has_the_same_ports_and_data(tmp_path: Path) -> None:
    with Stack(tmp_path, ("postgres",)) as stack, psycopg.connect(stack.endpoints.postgres_dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first = stack.endpoints
    with Stack(tmp_path, ("postgres",)) as stack, psycopg.connect(stack.endpoints.postgres_dsn) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        assert stack.endpoints == first


def test_a_given_server_is_used_and_not_started(tmp_path: Path) -> None:
    given = Endpoints(redis_url="redis://elsewhere.test/0", kafka_bootstrap_servers="elsewhere.test:9092")
    with Stack(tmp_path, ("kafka", "valkey", "mail"), given=given) as stack:
        assert stack.pids() == {}
        assert stack.endpoints.redis_url == "redis://elsewhere.test/0"
        assert stack.environment["TIDINGS_KAFKA_BOOTSTRAP_SERVERS"] == "elsewhere.test:9092"
        assert stack.endpoints.smtp_url


def test_it_is_taken_down_from_elsewhere(tmp_path: Path) -> None:
    with starter(tmp_path, *SMALL) as process:
        pids = all_pids(tmp_path)
        assert take_down(tmp_path)
        assert nothing_left(tmp_path, [pid for pid in pids if pid != process.pid])
    assert not take_down(tmp_path)


def test_it_is_taken_down_while_it_starts(tmp_path: Path) -> None:
    moments: list[threading.Thread] = []

    def down_at_once(line: object) -> None:
        if not moments:
            moments.append(threading.Thread(target=take_down, args=[tmp_path]))
            moments[0].start()

    stack = Stack(tmp_path, ("postgres", "valkey"), say=down_at_once)
    with pytest.raises(StackFailed, match="stopped before it was ready"), stack:
        pass
    moments[0].join(10)
    assert not moments[0].is_alive()
    assert nothing_left(tmp_path, [])


def test_an_old_record_that_names_a_foreign_process_does_it_no_harm(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as foreign:
        identity = Identity(foreign.pid, 1.0)
        write_record(tmp_path, Record(foreign.pid, ready=True, running={"valkey": identity}))
        assert running_environment(tmp_path) is None
        assert not supervised(tmp_path)
        assert not take_down(tmp_path)
        with Stack(tmp_path, SMALL):
            pass
        assert foreign.poll() is None
        foreign.kill()


@pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="only root has to be left")
def test_postgres_never_runs_as_root(tmp_path: Path) -> None:
    with Stack(tmp_path, ("postgres",)) as stack, psycopg.connect(stack.endpoints.postgres_dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        maps = Path(f"/proc/{stack.pids()['postgres']}/uid_map").read_text().split()
        own = Path("/proc/self/uid_map").read_text().split()
        effective = psutil.Process(stack.pids()["postgres"]).uids().effective
    assert maps != own or effective != 0


def test_the_record_is_for_its_owner_only(tmp_path: Path) -> None:
    with Stack(tmp_path, ("mail",)):
        assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
        assert json.loads((tmp_path / "stack.json").read_text())["ready"]
