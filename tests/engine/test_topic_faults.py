"""Every fault of the topics is one line with the topic and the fix."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from schemas.topics import LARGEST_RECORD
from streams.agents.router_topics import RouterTopics
from streams.app import declared
from streams.engine.topic_faults import TopicAsFound, fault_of

DECLARED = declared(RouterTopics.named())
BROKER = {  # what holds where nobody has set anything
    "cleanup.policy": "delete", "retention.ms": "604800000", "max.message.bytes": "1048588", "min.insync.replicas": "1",
    "min.cleanable.dirty.ratio": "0.5", "delete.retention.ms": "86400000",
}  # fmt: skip
IN, MAIL, WISHES, DEAD = "notifications.high", "deliveries.email.low", "preferences", "dead-letters"


def cluster(copies: int = 1, **changes: Mapping[str, str]) -> dict[str, TopicAsFound]:
    """All topics as `tidings topics apply` makes them, with other settings on some, whose dots are written as _."""
    made = {}
    for name, wanted in DECLARED.items():
        isr = {"min.insync.replicas": "2"} if copies > 1 else {}
        own = {**wanted, **isr, **changes.get(name.replace(".", "_").replace("-", "_"), {})}
        made[name] = TopicAsFound(8, copies, {**BROKER, **own}, frozenset(own))
    return made


def made_by_a_broker(name: str, **defaults: str) -> dict[str, TopicAsFound]:
    """The same, but for one topic that has the brokers' settings."""
    return {**cluster(), name: TopicAsFound(8, 1, {**BROKER, **defaults})}


def without(*names: str) -> dict[str, TopicAsFound]:
    return {name: found for name, found in cluster().items() if name not in names}


def grown(name: str, partitions: int) -> dict[str, TopicAsFound]:
    found = cluster()
    return {**found, name: replace(found[name], partitions=partitions)}


def replicated(copies: int, name: str, other: int) -> dict[str, TopicAsFound]:
    """All with so many copies, but one with another number."""
    found = cluster(copies)
    return {**found, name: replace(found[name], copies=other)}


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_topics_as_we_make_them_have_no_fault(copies: int) -> None:
    assert fault_of(cluster(copies), DECLARED) is None


def test_other_topics_are_nobodys_business() -> None:
    assert fault_of({**cluster(), "other": TopicAsFound(3)}, DECLARED) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (without(MAIL), "topic deliveries.email.low is missing: `tidings topics apply` creates"),
        (without(IN, MAIL), "topic notifications.high and 1 more topics are missing: `tidings topics apply` creates"),
        (grown(MAIL, 4), "topic deliveries.email.low has 4 partitions, notifications.high has 8"),
        (made_by_a_broker(WISHES), "topic preferences was created automatically, not by `tidings topics apply`: "),
        (made_by_a_broker(DEAD), "retention.ms is 604800000 and not 2592000000; `tidings topics apply` sets"),
        (made_by_a_broker(MAIL), "auto.create.topics.enable=false"),
        (
            cluster(preferences={"cleanup.policy": "compact,delete"}),
            "preferences has cleanup.policy=compact,delete, and records would vanish from it: `tidings",
        ),
        (cluster(notifications_high={"cleanup.policy": "compact"}), "set it to delete with kafka-configs"),
        (
            cluster(deliveries_email_low={"max.message.bytes": "1000000"}),
            "deliveries.email.low has max.message.bytes=1000000, and what we write may be larger: `tid",
        ),
        (cluster(3, dead_letters={"min.insync.replicas": "1"}), "dead-letters has min.insync.replicas=1, and a lost"),
        (replicated(3, DEAD, 1), "topic dead-letters is kept once, notifications.high 3 times"),
    ],
)  # fmt: skip
def test_the_fault_names_topic_and_fix(found: Mapping[str, TopicAsFound], said: str) -> None:
    fault = fault_of(found, DECLARED)
    assert fault is not None
    assert said in fault
    assert "\n" not in fault


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(cluster(dead_letters={"retention.ms": "3600000"}), id="a retention that somebody chose"),
        pytest.param(cluster(dead_letters={"max.message.bytes": str(2 * LARGEST_RECORD)}), id="room for larger ones"),
        pytest.param(made_by_a_broker(IN), id="the brokers' settings where they are ours"),
        pytest.param(made_by_a_broker(MAIL, **{"max.message.bytes": str(LARGEST_RECORD)}), id="brokers set like us"),
        pytest.param(cluster(2, dead_letters={"min.insync.replicas": "1"}), id="two copies"),
        pytest.param({n: replace(f, settings={}, own=frozenset()) for n, f in cluster().items()}, id="nobody may tell"),
        pytest.param(replicated(3, DEAD, 5), id="more copies while partitions are moved"),
    ],
)
def test_what_does_no_harm_is_left_alone(found: Mapping[str, TopicAsFound]) -> None:
    assert fault_of(found, DECLARED) is None
