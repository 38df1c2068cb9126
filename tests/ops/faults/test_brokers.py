"""What is known of brokers and groups without asking."""

import pytest

from ops.faults.brokers import offsets_partition
from ops.faults.router.run import GROUP
from streams.app import RouterPolicy


def test_the_group_that_is_asked_about_is_the_routers() -> None:
    assert RouterPolicy("", "").group == GROUP.name


@pytest.mark.parametrize(("group", "java_hash"), [("", 0), ("a", 97), ("hello", 99162322), ("polygenelubricants", 0)])
def test_a_groups_offsets_are_where_kafka_keeps_them(group: str, java_hash: int) -> None:
    assert [offsets_partition(group, count) for count in (4, 50)] == [java_hash % 4, java_hash % 50]
