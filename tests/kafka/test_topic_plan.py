from connectors.kafka.topic_plan import Configure, Create, Found, Refuse, plan
from schemas.topics import Topic

ONE = Topic("one", "Decision", ("a",), ("b",), {"retention.ms": "1000"})


def test_a_missing_topic_is_created_with_its_settings() -> None:
    (step,) = plan([ONE], {}, 8, 3)
    assert step == Create(ONE, 8, 3)
    assert "8 partitions" in str(step)


def test_nothing_is_done_when_all_is_as_declared() -> None:
    assert plan([ONE], {"one": Found("one", 8, {"retention.ms": "1000", "other": "kept"})}, 8, 1) == ()


def test_only_settings_that_differ_are_changed() -> None:
    (step,) = plan([ONE], {"one": Found("one", 8, {"retention.ms": "5"})}, 8, 1)
    assert step == Configure(ONE, {"retention.ms": "1000"})


def test_another_partition_count_is_refused_and_says_why() -> None:
    (shrink,) = plan([ONE], {"one": Found("one", 16, {})}, 8, 1)
    assert isinstance(shrink, Refuse)
    assert "shrinking" in shrink.reason
    (grow,) = plan([ONE], {"one": Found("one", 4, {})}, 8, 1)
    assert isinstance(grow, Refuse)
    assert "TIDINGS_PARTITIONS=4" in grow.reason


def test_topics_that_are_not_declared_are_left_alone() -> None:
    assert plan([], {"foreign": Found("foreign", 1, {})}, 8, 1) == ()
