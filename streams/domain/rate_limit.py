"""How often something may be done: the generic cell rate algorithm (GCRA), as leases of tokens. Pure.

A bucket is one number: its arrival, the time (us) at which it is full again. Each token moves it on by `interval_us`,
and it is never further ahead of now than `burst` tokens. The script of connectors/redis does the same arithmetic.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

_US = timedelta(microseconds=1)
_PERIODS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LIMIT = re.compile(r"(\d{1,7})/([smhd])(?: burst (\d{1,7}))?")
_LONGEST = timedelta(days=30)  # a whole burst stays exact in the floating point numbers of Lua


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token every `interval_us`; after quiet up to `burst` at once. Any period sees at most its rate plus `burst`."""

    interval_us: int
    burst: int

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """`100/s`, `20/m`, `5000/h`, `10/d`, or `100/s burst 10`; without burst it is the count. Raises ValueError."""
        found = _LIMIT.fullmatch(text.strip())
        count = int(found[1]) if found else 0
        if not found or not count:
            raise ValueError(f"{text!r} is not a limit: write 100/s, 20/m, 5000/h, 10/d, or 100/s burst 10")
        burst = int(found[3] or count)
        interval_us = -(_PERIODS[found[2]] // -_US // count)  # rounded up: never more than was asked for
        if not burst or interval_us * burst * _US > _LONGEST:
            raise ValueError(f"{text!r}: a burst is at least 1 and fills up again within 30 days")
        return cls(interval_us, burst)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits of one channel, over all its senders: calls to each provider, for each tenant and for each recipient.

    None: no limit, and nothing is asked.
    """

    provider: RateLimit | None = None
    tenant: RateLimit | None = None
    recipient: RateLimit | None = None

    @classmethod
    def parse(cls, text: str) -> "RateLimits":
        """`100/s`, or `provider 100/s, tenant 20/s burst 5, recipient 10/d`; empty: none. Raises ValueError."""
        found: dict[str, RateLimit] = {}
        for words in filter(None, map(str.strip, text.split(","))):
            name, _, limit = words.partition(" ")
            if name not in ("provider", "tenant", "recipient"):
                name, limit = "provider", words
            if name in found:
                raise ValueError(f"{text!r} has two limits of a {name}")
            found[name] = RateLimit.parse(limit)
        return cls(**found)


class Bucket(NamedTuple):
    """What is limited (a provider, a tenant, a recipient), by name, and how."""

    key: str
    limit: RateLimit


class Ask(NamedTuple):
    """So many tokens from each of these buckets, or as many as all of them have. Negative: tokens given back unused."""

    buckets: tuple[Bucket, ...]
    wanted: int = 1


class Lease(NamedTuple):
    """When fewer were granted than wanted: how long until there is one more, and which of its buckets has to wait."""

    granted: int
    wait_us: int = 0
    held_by: int = -1


def lease(arrivals: Mapping[str, int], asks: Sequence[Ask], now: int) -> tuple[dict[str, int], list[Lease]]:
    """The arrivals that change, and what each ask gets, in order. `now` in us since 1970 UTC."""
    changed: dict[str, int] = {}
    leases = []
    for ask in asks:
        found = [(bucket, max(changed.get(bucket.key, arrivals.get(bucket.key, 0)), now)) for bucket in ask.buckets]
        free = [(now + limit.interval_us * limit.burst - at) // limit.interval_us for (_, limit), at in found]
        granted = min([ask.wanted, *(max(0, each) for each in free)])
        waits = []
        for (key, limit), at in found:
            changed[key] = at + granted * limit.interval_us
            waits.append(changed[key] + limit.interval_us * (1 - limit.burst) - now)
        leases.append(Lease(granted, max(waits), waits.index(max(waits))) if granted < ask.wanted else Lease(granted))
    return changed, leases
