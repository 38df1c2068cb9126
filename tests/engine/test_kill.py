"""kill -9 at random moments of a backlog: an independent reader finds everything, in order."""

import random
from collections import Counter

from streams.domain.notification import Channel
from tests.engine.ground import Ground, notification, numbers_by_recipient

INPUTS, RECIPIENTS, KILLS = 20_000, 200, 3


def test_three_kills_lose_nothing_and_break_no_order(ground: Ground) -> None:
    ground.create()
    ground.notify(notification(n // RECIPIENTS, f"person-{n % RECIPIENTS}") for n in range(INPUTS))
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(500, INPUTS - 2_000), KILLS))
    for moment in moments:
        with ground.router() as router:
            ground.wait_for(ground.topics.decisions, moment)
            router.kill()
    with ground.router() as router:
        ground.drained(60)
        assert router.stop() == 0, router.said()

    expected = {f"person-{r}": list(range(INPUTS // RECIPIENTS)) for r in range(RECIPIENTS)}
    outputs = {"decisions": [d["notification_id"] for d in ground.decisions()]}
    for channel in (Channel.EMAIL, Channel.WEBHOOK):
        outputs[channel] = [d["notification"]["notification_id"] for d in ground.deliveries(channel)]
    for name, ids in outputs.items():
        assert numbers_by_recipient(ids) == expected, f"{name}, seed {seed}, kills at {moments}"
    again = Counter(Counter(outputs["decisions"]).values())
    assert sum(count for times, count in again.items() if times > KILLS + 1) == 0, again
    assert ground.dead_letters() == []
