"""Two routers of one group on two cores, beside one alone."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from ops.bench.figures import Figure
from ops.bench.router.cores import Cores
from ops.bench.router.data import Mix
from ops.bench.router.process import Router, routing
from ops.bench.router.site import Site
from ops.bench.router.window import Watch, Window

Say = Callable[[str], None]

_WARM_UP = 5_000
_JOIN_SECONDS = 30.0


def measure(site: Site, mix: Mix, events: int, say: Say) -> list[Figure]:
    """The same backlog for one and for two. On a machine of two cores Kafka shares them with the two."""
    alone = _measured(site, mix, events, 1)
    both = _measured(replace(site, cores=Cores.of_this_machine(2)), mix, events, 2)
    say(f"one router {alone.events_per_s:,.0f} events/s, two {both.events_per_s:,.0f} events/s")
    ratio = both.events_per_s / alone.events_per_s
    return [
        Figure("scaling_two_routers", ratio, "x", "events/s of two routers on two cores / of one alone"),
        Figure("scaling_cpu", both.cpu_us / alone.cpu_us, "x", "CPU for an event, of two routers / of one"),
        Figure("one_router_cpu_us", alone.cpu_us, "us", "CPU of the router for an event, one alone"),
        Figure("one_router_broker_us", alone.broker_us, "us", "CPU of Kafka for an event: it needs room, too"),
    ]


def _measured(site: Site, mix: Mix, events: int, number: int) -> Window:
    """So many routers are at work and idle; then the whole backlog is there at once, until all of it is committed."""
    with ExitStack() as open_:
        inputs = open_.enter_context(site.ground.inputs(mix))
        order = site.order(inputs, open_.enter_context(site.ground.outputs("scaling")), mix)
        open_.enter_context(site.quiet())
        orders = [replace(order, instance=f"r{at}", cores=tuple(site.cores.of(at))) for at in range(number)]
        routers = [open_.enter_context(routing(each)) for each in orders]
        _all_at_work(site, order.group, routers)
        watch = Watch(site, order.topics, routers)
        site.ground.fill_notifications(inputs, mix, range(_WARM_UP))
        watch.decided(_WARM_UP)
        hidden = site.ground.hide_notifications(inputs, mix, range(_WARM_UP, _WARM_UP + events))
        begin = watch.look()
        hidden.show()
        watch.decided(_WARM_UP + events)
        return begin.until(watch.committed(order.group, markers=1))


def _all_at_work(site: Site, group: str, routers: list[Router]) -> None:
    deadline = time.monotonic() + _JOIN_SECONDS
    while site.ground.members_at_work(group) < len(routers) or {each.state() for each in routers} != {"ready"}:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(routers)} routers were not at work within {_JOIN_SECONDS:g} s")
        time.sleep(0.02)
