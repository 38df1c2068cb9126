"""Does it stay as large as it is under steady load."""

from collections.abc import Callable

from ops.bench.figures import Figure
from ops.bench.sender.process import Contender, running
from ops.bench.sender.site import Site
from ops.bench.sender.steady import Steady
from streams.domain.notification import Channel

Say = Callable[[str], None]

RATE = 800
_SETTLED_SHARE = 0.25


def measure(site: Site, minutes: float, say: Say) -> list[Figure]:
    """At 800/s: memory at the end less memory after a quarter of the time."""
    seconds = minutes * 60
    with running(Contender.OURS, site.order(Channel.EMAIL, "memory")) as process:
        steady, sizes = Steady(site), []
        site.sink.reset()
        for share in (_SETTLED_SHARE, 1 - _SETTLED_SHARE):
            steady.at_rate(RATE, seconds * share)
            site.sink.wait(len(steady.written))
            site.wait_until_committed(Channel.EMAIL)
            sizes.append(process.memory_mib())
            say(f"after {len(steady.written):,} deliveries: {sizes[-1]:.1f} MiB")
    return [
        Figure("memory_growth_mib", sizes[1] - sizes[0], "MiB", f"in the last three quarters of {minutes:g} minutes",
               "flat"),
        Figure("memory_mib", sizes[1], "MiB", "in the end"),
    ]  # fmt: skip
