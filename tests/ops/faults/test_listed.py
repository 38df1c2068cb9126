"""Which faults there are."""

import pytest

from ops.faults.listed import FAULTS, Process, chosen


def names(process: Process, only: str = "") -> list[str]:
    return [fault.name for _, fault in chosen(process, only)]


def test_faults_are_chosen_by_name_and_a_wrong_one_is_told_with_those_there_are() -> None:
    assert names(Process.ROUTER, "join_leave, kill") == ["join_leave", "kill"]
    assert names(Process.SENDER) == list(FAULTS[Process.SENDER])
    with pytest.raises(ValueError, match=r"no such fault: kil; there are kill, planned_stop"):
        chosen(Process.ROUTER, "kill,kil")
    with pytest.raises(ValueError, match="no such fault: join_leave"):
        chosen(Process.SENDER, "join_leave")


def test_all_is_everything_that_exists_and_a_name_that_both_know_is_both() -> None:
    assert names(Process.ALL) == [*FAULTS[Process.ROUTER], *FAULTS[Process.SENDER]]
    assert [process for process, _ in chosen(Process.ALL, "kill")] == [Process.ROUTER, Process.SENDER]


def test_planned_things_may_cost_nothing() -> None:
    free = {
        process: {
            name for name, fault in faults.items() if not (fault.bound.duplicates_share or fault.bound.duplicates_each)
        }
        for process, faults in FAULTS.items()
    }
    assert free[Process.ROUTER] == {"planned_stop", "join_leave"}
    assert {"planned_stop", "rebalances", "rolling_restart"} <= free[Process.SENDER]
    assert {"redis_away", "postgres_away", "redis_and_postgres_away"} <= free[Process.SENDER]
    assert not {"kill", "named_points", "freeze"} & free[Process.SENDER]
