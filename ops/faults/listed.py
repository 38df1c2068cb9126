"""Every fault, by the processes it is put into, in the order in which they are run."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from ops.faults.all_at_once import ALL_AT_ONCE
from ops.faults.broker_leaders import BROKER_LEADERS
from ops.faults.broker_restart import BROKER_RESTART
from ops.faults.disk_full import DISK_FULL
from ops.faults.fault import Fault
from ops.faults.freeze import FREEZE
from ops.faults.join_leave import JOIN_LEAVE
from ops.faults.kafka_away import KAFKA_AWAY
from ops.faults.kill import KILL
from ops.faults.named_points import NAMED_POINTS
from ops.faults.planned_stop import PLANNED_STOP
from ops.faults.poison import POISON
from ops.faults.postgres_away import POSTGRES_AWAY
from ops.faults.provider_trouble import PROVIDER_FAULTS
from ops.faults.rebalances import REBALANCES
from ops.faults.redis_trouble import REDIS_AND_POSTGRES_AWAY, REDIS_AWAY, REDIS_AWAY_KILLS, REDIS_FLUSHED
from ops.faults.rolling_restart import ROLLING_RESTART
from ops.faults.two_brokers_down import TWO_BROKERS_DOWN
from ops.faults.verdict import Bound


class Process(StrEnum):
    """What faults can be put into."""

    ROUTER = "router"
    SENDER = "sender"
    ALL = "all"


# A call that was under way when its process died is repeated: up to 16 connections, and as many answers on their way.
A_KILL = Bound(duplicates_share=0, drain_seconds=90, duplicates_each=32)
NONE = Bound(duplicates_share=0, drain_seconds=90)

_ROUTER = (
    KILL,
    PLANNED_STOP,
    JOIN_LEAVE,
    BROKER_RESTART,
    ALL_AT_ONCE,
    BROKER_LEADERS,
    ROLLING_RESTART,
    TWO_BROKERS_DOWN,
)
_SENDER = (
    replace(
        KILL,
        what="kill -9 of a random process, started again at once; a call that was under way comes twice",
        runs=40,
        every_seconds=(2, 5),
        bound=A_KILL,
    ),
    NAMED_POINTS,
    FREEZE,
    replace(PLANNED_STOP, bound=NONE),
    REBALANCES,
    KAFKA_AWAY,
    replace(BROKER_LEADERS, runs=4, bound=NONE),
    replace(ROLLING_RESTART, runs=1, bound=NONE),
    REDIS_FLUSHED,
    REDIS_AWAY,
    REDIS_AWAY_KILLS,
    POSTGRES_AWAY,
    REDIS_AND_POSTGRES_AWAY,
    *PROVIDER_FAULTS,
    POISON,
    DISK_FULL,
)
FAULTS: Mapping[Process, Mapping[str, Fault]] = {
    Process.ROUTER: {fault.name: fault for fault in _ROUTER},
    Process.SENDER: {fault.name: fault for fault in _SENDER},
}


def chosen(process: Process, names: str) -> list[tuple[Process, Fault]]:
    """The faults of these names, comma-separated; empty: all. Raises ValueError with those there are."""
    asked = [each for each in FAULTS if process in (each, Process.ALL)]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = list(dict.fromkeys(name for each in asked for name in FAULTS[each]))
    if unknown := [name for name in wanted if name not in known]:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(known)}")
    return [(each, FAULTS[each][name]) for each in asked for name in wanted or FAULTS[each] if name in FAULTS[each]]
