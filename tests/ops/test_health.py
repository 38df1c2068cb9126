"""What a process answers about itself."""

from ops.telemetry.health import Health


def test_only_a_ready_process_is_ready_and_the_answer_is_its_state() -> None:
    health = Health()
    assert health.answer("/readyz")[0::2] == (503, b"starting")
    for state, status in (("recovering", 503), ("ready", 200), ("stopping", 503)):
        health.state = state
        assert health.answer("/readyz")[0::2] == (status, state.encode())


def test_a_process_that_stands_still_is_not_ready_until_it_moves_again() -> None:
    health, standing = Health(), True
    health.state, health.stalled = "ready", lambda: standing
    assert health.answer("/readyz")[0::2] == (503, b"stalled")
    standing = False
    assert health.answer("/readyz")[0::2] == (200, b"ready")


def test_a_process_is_alive_until_it_says_it_is_not() -> None:
    health = Health()
    assert health.answer("/livez")[0::2] == (200, b"alive")
    health.alive = lambda: False
    assert health.answer("/livez")[0::2] == (503, b"stalled")


def test_metrics_are_answered_and_nothing_else_is() -> None:
    assert health_status("/metrics") == 200
    assert health_status("/") == 404


def health_status(path: str) -> int:
    return Health().answer(path)[0]
