import pytest

from ops.devstack.webhook_answers import Answer, Answers, Script


def statuses(answers: Answers, name: str, *webhook_ids: str) -> list[int]:
    return [answers.next_answer(name, webhook_id).status for webhook_id in webhook_ids]


def test_an_ordinary_name_is_always_200() -> None:
    assert statuses(Answers(), "orders", "a", "a") == [200, 200]


def test_fail_n_fails_n_times_for_each_webhook_id() -> None:
    assert statuses(Answers(), "fail-2-x", "a", "b", "a", "a", "b", "b") == [503, 503, 503, 200, 503, 200]


def test_fail_counts_each_name_by_itself() -> None:
    answers = Answers()
    assert statuses(answers, "fail-1-x", "a", "a") == [503, 200]
    assert statuses(answers, "fail-1-y", "a") == [503]


@pytest.mark.parametrize("name", ["fail-", "fail-x", "failing-2", "gonex", "hangar"])
def test_a_name_that_only_resembles_a_special_one_is_ordinary(name: str) -> None:
    assert Answers().next_answer(name, "a") == Answer(200)


@pytest.mark.parametrize("name", ["gone", "gone-a"])
def test_gone_is_410(name: str) -> None:
    assert Answers().next_answer(name, "a") == Answer(410)


@pytest.mark.parametrize("name", ["hang", "hang-a"])
def test_hang_is_held(name: str) -> None:
    assert Answers().next_answer(name, "a") == Answer(200, held=True)


def test_a_script_is_followed_and_then_all_is_well() -> None:
    answers = Answers()
    answers.set_script("x", Script([503, 429], 5, {"Retry-After": "1"}))
    assert answers.next_answer("x", "a") == Answer(503, 5, {"Retry-After": "1"})
    assert answers.next_answer("x", "a") == Answer(429, 5, {"Retry-After": "1"})
    assert answers.next_answer("x", "a") == Answer(200, 5)


def test_a_new_script_begins_at_its_beginning() -> None:
    answers = Answers()
    answers.set_script("x", Script([500, 500]))
    answers.next_answer("x", "a")
    answers.set_script("x", Script([501, 502]))
    assert statuses(answers, "x", "a", "a", "a") == [501, 502, 200]


def test_a_script_comes_before_the_meaning_of_the_name() -> None:
    answers = Answers()
    answers.set_script("gone", Script([201]))
    assert statuses(answers, "gone", "a") == [201]
    answers.clear()
    assert statuses(answers, "gone", "a") == [410]
