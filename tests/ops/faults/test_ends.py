"""An end that nobody announced is known."""

import threading

from ops.faults.ends import Ends

KILLED = "router-1 ended with status -9; the end of x/router-1.log:\n  It is started again in 0.2 s."


def test_an_announced_end_is_nobodys_fault_and_a_second_one_is() -> None:
    ends = Ends()
    ends.invite("router-1", -9)
    ends.hear(KILLED)
    assert ends.uninvited() == []
    ends.hear(KILLED)
    assert ends.uninvited() == [KILLED]


def test_an_end_of_another_process_or_with_another_status_is_uninvited() -> None:
    ends = Ends()
    ends.invite("router-1", 0)
    for said in ("router-2 ended with status 0; ...", "router-1 ended with status 70; ..."):
        ends.hear(said)
    assert len(ends.uninvited()) == 2


def test_what_tells_of_no_end_is_ignored() -> None:
    ends = Ends()
    ends.hear("router-1: starting")
    ends.hear("")
    assert ends.uninvited() == []


def test_a_status_that_is_allowed_is_no_fault_from_then_on() -> None:
    ends = Ends()
    ends.allow(69)
    ends.hear("router-1 ended with status 69; ...")
    ends.hear("router-1 ended with status 70; ...")
    assert ends.uninvited() == ["router-1 ended with status 70; ..."]


def test_whoever_announced_an_end_can_wait_for_it() -> None:
    ends = Ends()
    ends.invite("router-1", 0)
    assert not ends.wait("router-1", 0, 0.01)
    threading.Timer(0.05, ends.hear, ["router-1 ended with status 0; ..."]).start()
    assert ends.wait("router-1", 0, 10)


def test_a_status_that_is_allowed_to_one_is_a_fault_of_others() -> None:
    ends = Ends()
    ends.allow(70, "router-1")
    ends.hear("router-1 ended with status 70; ...")
    ends.hear("router-2 ended with status 70; ...")
    assert ends.uninvited() == ["router-2 ended with status 70; ..."]


def test_an_end_that_was_announced_and_did_not_come_can_be_withdrawn() -> None:
    ends = Ends()
    ends.invite("router-1", -9)
    ends.withdraw("router-1", -9)
    ends.hear(KILLED)
    assert ends.uninvited() == [KILLED]
