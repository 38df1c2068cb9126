"""No record is ever joined with a table that is not complete: at the start, after any rebalance, under load."""

from collections import Counter

from streams.domain.notification import Channel
from streams.domain.preferences import Choice
from tests.engine.ground import Ground, notification, preference

PEOPLE = [f"person-{n}" for n in range(200)]
NO_MAIL = Choice(False, channel="email")


def opt_everybody_out(ground: Ground, others: int) -> None:
    """Everybody is in the table, the last ones after `others` more, and last of all some are taken back."""
    for each in PEOPLE:
        ground.send(ground.topics.preferences, each, preference(each, 1, Choice(True)))
    for number in range(others):
        ground.send(ground.topics.preferences, f"other-{number}", preference(f"other-{number}", 1))
    for each in PEOPLE:
        ground.send(ground.topics.preferences, each, preference(each, 2, NO_MAIL))
    for each in PEOPLE[::10]:
        ground.send(ground.topics.preferences, each, None)
    ground.flush()


def versions(ground: Ground) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for decision in ground.decisions():
        found.setdefault(decision["recipient_id"], set()).add(decision["preference_version"])
    return found


EXPECTED = {each: {0 if number % 10 == 0 else 2} for number, each in enumerate(PEOPLE)}


def test_the_first_record_is_joined_with_the_whole_table(ground: Ground) -> None:
    ground.create()
    opt_everybody_out(ground, others=30_000)
    ground.notify(notification(1, each) for each in PEOPLE)  # they wait when the router starts
    with ground.router() as router:
        ground.drained()
        assert router.stop() == 0, router.said()
    assert versions(ground) == EXPECTED
    assert {d["notification"]["recipient_id"] for d in ground.deliveries(Channel.EMAIL)} == set(PEOPLE[::10])


def test_every_record_is_joined_with_the_whole_table_whoever_comes_and_goes(ground: Ground) -> None:
    ground.create()
    opt_everybody_out(ground, others=30_000)
    number = 0

    def load() -> None:
        nonlocal number
        for _ in range(5):
            ground.notify(notification(number, each) for each in PEOPLE)
            number += 1

    with ground.router(instance="one", session_timeout_seconds=6) as one:
        load()
        one.ready()
        for name in ("two", "three"):
            with ground.router(instance=name, session_timeout_seconds=6) as other:
                load()
                other.ready()
                load()
                one.ready()
                load()
                assert other.stop() == 0, other.said()
        load()
        ground.drained()
        assert one.stop() == 0, one.said()
    assert versions(ground) == EXPECTED
    assert Counter(d["notification_id"] for d in ground.decisions()).total() == number * len(PEOPLE)
