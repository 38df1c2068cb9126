"""No loss, order per lane and an honest watermark, whatever happens and whoever is killed."""

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.delivery.world import SOURCES, TIERS, World

HOW = ("sent", "sent", "later", "later", "dead")
few = st.integers(1, 5)
flags = st.booleans()


class Machine(RuleBasedStateMachine):
    """Every step of the world in any order; whatever was done, it must drain."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule(who=st.integers(0, 1), priority=st.integers(0, 1))
    def produce(self, who: int, priority: int) -> None:
        self.world.produce(who, priority)

    @rule(source=st.sampled_from(SOURCES), count=few)
    def take(self, source: int, count: int) -> None:
        self.world.take(source, count)

    @rule(ms=st.integers(1, 70_000))
    def later(self, ms: int) -> None:
        self.world.later(ms)

    @rule(count=few)
    def dispatch(self, count: int) -> None:
        self.world.dispatch(count)

    @rule(number=few, how=st.sampled_from(HOW), same_tier=flags)
    def outcome(self, number: int, how: str, same_tier: bool) -> None:
        self.world.outcome(number, how, same_tier)

    @rule()
    def again(self) -> None:
        self.world.again()

    @rule(where=st.sampled_from((None, *TIERS)), count=few)
    def confirm(self, where: int | None, count: int) -> None:
        self.world.confirm(where, count)

    @rule()
    def commit(self) -> None:
        self.world.commit()

    @rule(landed=st.tuples(st.integers(0, 6), st.integers(0, 6)), late=flags)
    def crash(self, landed: tuple[int, int], late: bool) -> None:
        self.world.crash(landed, late)

    @rule()
    def stray_lands(self) -> None:
        self.world.stray_lands()

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.drain()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)


def walk(seed: int, steps: int, forgets: bool = False) -> World:
    """A long life with few crashes: it goes deeper than the machine, which crashes too often to park much."""
    rng, world = random.Random(seed), World()
    doings = {
        lambda: world.produce(rng.randrange(2), rng.randrange(2)): 6,
        lambda: world.take(rng.choice(SOURCES), rng.randint(1, 5)): 12,
        lambda: world.later(rng.randint(1, 30_000)): 6,
        lambda: world.dispatch(rng.randint(1, 4)): 10,
        lambda: world.outcome(rng.randrange(6), rng.choice(HOW), rng.random() < 0.3): 12,
        world.again: 4,
        lambda: world.confirm(rng.choice((None, *TIERS)), rng.randint(1, 6)): 12,
        world.commit: 4,
        lambda: world.crash((rng.randrange(7), rng.randrange(7)), rng.random() < 0.3): 1,
        world.stray_lands: 1,
        world.forget: 1 if forgets else 0,
    }
    for doing in rng.choices(list(doings), list(doings.values()), k=steps):
        doing()
        world.check()
    world.drain()
    return world


@pytest.mark.parametrize("seed", range(60))
def test_a_long_life_with_few_crashes_keeps_every_promise(seed: int) -> None:
    walk(seed, 400)


@pytest.mark.parametrize("seed", range(20))
def test_claims_that_were_lost_cost_repeated_calls_not_order_or_deliveries(seed: int) -> None:
    world = walk(seed, 400, forgets=True)
    assert world.tries >= len(world.ended)
