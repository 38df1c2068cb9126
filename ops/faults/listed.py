"""Every fault, in the order in which they are run."""

from ops.faults.all_at_once import ALL_AT_ONCE
from ops.faults.broker_leaders import BROKER_LEADERS
from ops.faults.broker_restart import BROKER_RESTART
from ops.faults.fault import Fault
from ops.faults.join_leave import JOIN_LEAVE
from ops.faults.kill import KILL
from ops.faults.planned_stop import PLANNED_STOP
from ops.faults.rolling_restart import ROLLING_RESTART
from ops.faults.two_brokers_down import TWO_BROKERS_DOWN

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        KILL,
        PLANNED_STOP,
        JOIN_LEAVE,
        BROKER_RESTART,
        ALL_AT_ONCE,
        BROKER_LEADERS,
        ROLLING_RESTART,
        TWO_BROKERS_DOWN,
    )
}


def chosen(names: str) -> list[Fault]:
    """The faults of these names, comma-separated; empty: all. Raises ValueError with those there are."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in FAULTS]:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    return [FAULTS[name] for name in wanted or FAULTS]
