"""Which delivery may run next."""

from collections import Counter
from dataclasses import dataclass

from connectors.delivery.lanes import Lane, Lanes


@dataclass(eq=True)
class Item:
    lane: Lane
    origin: int


def item(who: str, origin: int, priority: int = 1) -> Item:
    return Item((who.encode(), priority), origin)


def test_one_of_a_lane_at_a_time_and_lanes_side_by_side() -> None:
    lanes: Lanes[Item] = Lanes()
    a1, a2, b3 = item("a", 1), item("a", 2), item("b", 3)
    for each in (a1, a2, b3):
        lanes.offer(each)
    assert (lanes.pick(), lanes.pick(), lanes.pick()) == (a1, b3, None)
    lanes.release(a1.lane)
    assert lanes.pick() == a2


def test_what_comes_back_from_a_retry_topic_goes_before_younger_ones() -> None:
    lanes: Lanes[Item] = Lanes()
    for origin in (5, 7, 3, 6):
        lanes.offer(item("a", origin))
    order = []
    while picked := lanes.pick():
        order.append(picked.origin)
        lanes.release(picked.lane)
    assert order == [3, 5, 6, 7]


def test_a_retry_in_the_lane_runs_before_everything_behind_it() -> None:
    lanes: Lanes[Item] = Lanes()
    first, second = item("a", 1), item("a", 2)
    lanes.offer(first)
    lanes.offer(second)
    lanes.pick()
    lanes.release(first.lane, first)
    assert lanes.pick() == first


def test_a_lane_that_ran_empty_is_forgotten() -> None:
    lanes: Lanes[Item] = Lanes()
    only = item("a", 1)
    lanes.offer(only)
    lanes.pick()
    assert len(lanes) == 1
    lanes.release(only.lane)
    assert len(lanes) == lanes.runnable == 0


def test_priorities_share_16_to_4_to_1_and_an_idle_one_gives_its_share_away() -> None:
    lanes: Lanes[Item] = Lanes()
    for number in range(300):
        for priority in (0, 1, 2):
            lanes.offer(item(f"r{number}", number, priority))
    assert Counter(picked.lane[1] for _ in range(210) if (picked := lanes.pick())) == {0: 160, 1: 40, 2: 10}
    rest: Lanes[Item] = Lanes()
    for number in range(30):
        rest.offer(item(f"r{number}", number, 2))
    assert sum(rest.pick() is not None for _ in range(40)) == 30


def test_one_priority_alone_is_picked_only_out_of_its_share() -> None:
    lanes: Lanes[Item] = Lanes()
    for number in range(30):
        for priority in (0, 2):
            lanes.offer(item(f"r{number}", number, priority))
    assert [lanes.pick_of(0) is not None for _ in range(17)] == [True] * 16 + [False]
    others = lanes.pick()
    assert others is not None
    assert others.lane[1] == 2
    assert lanes.pick_of(1) is None
    assert (lanes.runnable_of(0), lanes.runnable_of(1), lanes.runnable_of(2)) == (14, 0, 29)
    assert [picked.lane[1] for _ in range(14) if (picked := lanes.pick())] == [0] * 14
