"""When a server counts as away, and who may try it then."""

import pytest

from connectors.reachability import Reachability
from connectors.unavailable import Unavailable


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Reachability:
    return Reachability("Kafka", 1.0, clock)


def may_try(server: Reachability) -> bool:
    try:
        server.begin()
    except Unavailable:
        return False
    return True


def test_at_first_everybody_may_try(server: Reachability) -> None:
    assert all(may_try(server) for _ in range(3))


def test_after_a_failure_one_caller_per_pause_may_try(server: Reachability, clock: Clock) -> None:
    server.failed("refused", server.begin())
    assert not may_try(server)
    clock.now += 1
    assert [may_try(server) for _ in range(3)] == [True, False, False]
    clock.now += 1
    assert [may_try(server) for _ in range(3)] == [True, False, False]


def test_those_who_may_not_are_told_why(server: Reachability) -> None:
    server.failed("connection refused\n", server.begin())
    with pytest.raises(Unavailable, match=r"Kafka is unavailable: connection refused$"):
        server.begin()


def test_after_an_answer_everybody_may_try_again(server: Reachability, clock: Clock) -> None:
    server.failed("refused", server.begin())
    clock.now += 1
    server.begin()
    server.answered()
    assert all(may_try(server) for _ in range(3))


def test_a_failure_while_others_are_answered_is_no_outage(server: Reachability) -> None:
    begun = server.begin()
    server.begin()
    server.answered()
    server.failed("one partition has no leader", begun)
    assert may_try(server)


def test_a_failure_after_the_last_answer_is_one(server: Reachability) -> None:
    server.answered()
    server.failed("refused", server.begin())
    assert not may_try(server)


def test_each_change_is_logged_once(server: Reachability, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        server.failed("refused")
    for _ in range(3):
        server.answered()
    said = "".join(capsys.readouterr())
    assert (said.count("server is away"), said.count("server is back")) == (1, 1)
