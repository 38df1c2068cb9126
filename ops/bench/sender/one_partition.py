"""Whether a backlog in one partition, the others empty, goes out as fast as one that is in all of them."""

from collections.abc import Callable
from statistics import median

from ops.bench.figures import Figure
from ops.bench.sender.process import Contender, running
from ops.bench.sender.site import Site
from ops.bench.sender.stretch import Watch
from streams.domain.notification import Channel

Say = Callable[[str], None]

_CHANNEL = Channel.WEBHOOK  # the faster one
_ALL, _ONE = -1, 0
_WARM_UP_SHARE = 0.1


def measure(site: Site, deliveries: int, runs: int, say: Say) -> list[Figure]:
    """Webhooks a second of each backlog, in turns."""
    found: dict[int, list[float]] = {_ALL: [], _ONE: []}
    for _ in range(runs):
        for where, rates in found.items():
            rates.append(_per_s(site, deliveries, where))
            say(f"backlog in {'one partition' if where == _ONE else 'all partitions'}: {rates[-1]:,.0f} webhooks/s")
    of_one, of_all = median(found[_ONE]), median(found[_ALL])
    return [
        Figure("one_partition_per_s", of_one, "webhooks/s", "all of them in one partition, the others are empty"),
        Figure("one_partition_ratio", of_one / of_all, "x", "the same / spread over all partitions", "about 1"),
    ]


def _per_s(site: Site, deliveries: int, partition: int) -> float:
    site.fill(_CHANNEL, deliveries, partition=partition)
    site.sink.reset()
    with running(Contender.OURS, site.order(_CHANNEL, "one_partition")) as process:
        watch = Watch(site, process)
        stretch = watch.reached(int(deliveries * _WARM_UP_SHARE)).until(watch.reached(deliveries))
        site.wait_until_committed(_CHANNEL)
    return stretch.per_s
