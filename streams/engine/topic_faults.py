"""What can be wrong with the topics of a process, and the fix. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Declared = Mapping[str, Mapping[str, str]]
"""Topics by name, each with the settings it is declared with."""

_APPLY = "`tidings topics apply`"
_CLEANUP, _LARGEST, _IN_SYNC = "cleanup.policy", "max.message.bytes", "min.insync.replicas"
_COPIES_IN_PRODUCTION = 3


@dataclass(frozen=True, slots=True)
class TopicAsFound:
    """A topic as Kafka has it.

    `copies`: of the partition that has the fewest. `settings`: as they hold, empty when nobody tells us; `own`: names
    of those that were set on the topic itself.
    """

    partitions: int
    copies: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()


def fault_of(found: Mapping[str, TopicAsFound], declared: Declared) -> str | None:
    """What is wrong with the topics that are declared, in one line that names topic and fix; None: nothing."""
    needed = list(declared)
    return (
        _missing(found, needed)
        or _unequal(found, needed)
        or next(filter(None, (_made_by_nobody(name, found[name], declared[name]) for name in needed)), None)
        or next(filter(None, (_harmful(name, found[name], declared[name]) for name in needed)), None)
        or _thin(found, needed)
    )


def _missing(found: Mapping[str, TopicAsFound], needed: Sequence[str]) -> str | None:
    missing = [name for name in needed if name not in found]
    if not missing:
        return None
    others = f" and {len(missing) - 1} more topics are" if len(missing) > 1 else " is"
    return f"topic {missing[0]}{others} missing: {_APPLY} creates what is missing"


def _unequal(found: Mapping[str, TopicAsFound], needed: Sequence[str]) -> str | None:
    first = needed[0]
    for name in needed:
        if found[name].partitions != found[first].partitions:
            return (
                f"topic {name} has {found[name].partitions} partitions, {first} has {found[first].partitions}: all "
                f"must have the same; delete the wrong one, then {_APPLY} creates what is missing"
            )
    return None


def _made_by_nobody(name: str, topic: TopicAsFound, wanted: Mapping[str, str]) -> str | None:
    """A topic that a broker made by itself, when somebody wrote to it, has no settings of its own; ours always have.

    Where the brokers' defaults are what we would have set, it does no harm.
    """
    other = {key: topic.settings[key] for key, value in wanted.items() if topic.settings.get(key, value) != value}
    if topic.own & wanted.keys() or not other:
        return None
    differs = ", ".join(f"{key} is {value} and not {wanted[key]}" for key, value in sorted(other.items()))
    return (
        f"topic {name} was created automatically, not by {_APPLY}: {differs}; {_APPLY} sets what is missing, and "
        "auto.create.topics.enable=false on the brokers keeps it from coming again"
    )


def _harmful(name: str, topic: TopicAsFound, wanted: Mapping[str, str]) -> str | None:
    """A setting, whoever made it, under which records would be lost or could not be written."""
    has, cleanup, largest = topic.settings, wanted.get(_CLEANUP, "delete"), wanted.get(_LARGEST, "0")
    if has.get(_CLEANUP, cleanup) != cleanup:
        key, value, harm = _CLEANUP, cleanup, "records would vanish from it"
    elif int(has.get(_LARGEST, largest)) < int(largest):
        key, value, harm = _LARGEST, largest, "what we write may be larger"
    elif topic.copies >= _COPIES_IN_PRODUCTION and int(has.get(_IN_SYNC, "2")) < 2:
        key, value, harm = _IN_SYNC, "2", "a lost broker could take confirmed records with it"
    else:
        return None
    fix = f"{_APPLY} sets {value}" if key in wanted else f"set it to {value} with kafka-configs"
    return f"topic {name} has {key}={has[key]}, and {harm}: {fix}"


def _thin(found: Mapping[str, TopicAsFound], needed: Sequence[str]) -> str | None:
    """Others are replicated and this one is not: made by hand, or by a broker left to its defaults."""
    most = max(needed, key=lambda name: found[name].copies)
    for name in needed:
        if found[name].copies == 1 < found[most].copies:
            return (
                f"topic {name} is kept once, {most} {found[most].copies} times: one lost disk would lose its records; "
                f"add copies with kafka-reassign-partitions, or delete it and let {_APPLY} create it"
            )
    return None
