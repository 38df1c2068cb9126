import re
from datetime import timedelta
from pathlib import Path

import pytest

from schemas import topics
from schemas.codec import NAMES
from streams.domain.notification import Channel
from streams.domain.retry_schedule import DEFAULT, RetrySchedule

ROOT = Path(__file__).parents[2]
ALL = topics.all_topics({channel: RetrySchedule.parse(DEFAULT).tiers for channel in Channel})


def test_names_are_unique_and_every_topic_has_a_known_record_a_producer_and_a_consumer() -> None:
    assert len({topic.name for topic in ALL}) == len(ALL)
    for topic in ALL:
        assert topic.schema in (*NAMES, None)
        assert topic.producers, topic
        assert topic.consumers, topic


@pytest.mark.parametrize(
    ("delay", "name"),
    [
        (timedelta(milliseconds=200), "200ms"),
        (timedelta(seconds=30), "30s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(hours=6), "6h"),
        (timedelta(0), "0ms"),
    ],
)
def test_a_delay_is_named_in_its_largest_whole_unit(delay: timedelta, name: str) -> None:
    assert topics.delay_name(delay) == name


def test_retry_topics_follow_from_the_schedule() -> None:
    names = [t.name for t in ALL if ".retry." in t.name and t.name.startswith("deliveries.email")]
    assert names == [f"deliveries.email.retry.{d}" for d in ("30s", "2m", "10m", "1h", "6h")]


def test_nobody_else_spells_a_topic_name() -> None:
    spelled = re.compile(
        r"""["'](notifications\.(high|normal|low)|deliveries\.|delivery-status|dead-letters|decisions|preferences)["']"""
    )
    allowed = {"schemas/topics.py"}
    found = []
    for room in ("schemas", "streams", "connectors", "ops"):
        for path in (ROOT / room).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            if name not in allowed and not name.startswith(("ops/commands", "ops/devstack", "ops/examples")):
                found += [f"{name}: {hit[0]}" for hit in spelled.finditer(path.read_text())]
    assert found == []
