"""A sender that cannot keep its promises on these topics does not start."""

import pytest

from connectors.delivery.start_check import EXIT_CODE, WrongTopics, topics_problem

NEEDED = ("deliveries.email.high", "deliveries.email.retry.30s", "deliveries.email.retry.2m")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, ("deliveries.email.high and 2 more", "tidings topics apply")),
        ({NEEDED[0]: 8, NEEDED[1]: 8}, ("deliveries.email.retry.2m does not exist", "tidings topics apply")),
        ({NEEDED[0]: 8, NEEDED[1]: 0, NEEDED[2]: 8}, ("deliveries.email.retry.30s does not exist",)),
        ({NEEDED[0]: 8, NEEDED[1]: 4, NEEDED[2]: 8}, ("deliveries.email.retry.30s has 4", "high has 8")),
    ],
)
def test_one_line_names_the_topic_and_the_fix(found: dict[str, int], words: tuple[str, ...]) -> None:
    problem = topics_problem(NEEDED, found)
    assert problem is not None
    assert "\n" not in problem
    assert all(word in problem for word in words)


def test_equal_counts_are_fine() -> None:
    assert topics_problem(NEEDED, dict.fromkeys(NEEDED, 8)) is None


def test_the_exit_code_says_that_a_restart_mends_nothing() -> None:
    assert WrongTopics("x").exit_code == EXIT_CODE == 78
