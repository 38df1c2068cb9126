"""Which faults there are."""

import pytest

from ops.faults.listed import FAULTS, chosen


def test_faults_are_chosen_by_name_and_a_wrong_one_is_told_with_those_there_are() -> None:
    assert [fault.name for fault in chosen("join_leave, kill")] == ["join_leave", "kill"]
    assert [fault.name for fault in chosen("")] == list(FAULTS)
    with pytest.raises(ValueError, match=r"no such fault: kil; there are kill, planned_stop"):
        chosen("kill,kil")


def test_planned_things_may_cost_nothing() -> None:
    assert {name for name, fault in FAULTS.items() if fault.bound.duplicates_share == 0} == {
        "planned_stop",
        "join_leave",
    }
