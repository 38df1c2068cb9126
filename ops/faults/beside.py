"""What stands beside the processes under test and can be made to misbehave: providers, tripwires, disks."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Trouble(StrEnum):
    """What a provider does to everybody, instead of its work.

    refuses     a burst of 451 (SMTP), 503 (HTTP)
    throttles   421 and a closed connection (SMTP), 429 with Retry-After (HTTP)
    hangs       reads nothing and says nothing; when that is over its connections are cut
    drips       answers a byte at a time
    resets      every connection is reset, before anything was taken
    drops       takes a message in full, and closes the connection without an answer
    """

    NONE = "none"
    REFUSES = "refuses"
    THROTTLES = "throttles"
    HANGS = "hangs"
    DRIPS = "drips"
    RESETS = "resets"
    DROPS = "drops"


class Provider(Protocol):
    """A provider of the run's own. Set `trouble` from any thread. `asked`: how often it was asked for anything."""

    trouble: Trouble
    asked: int


class Tripwires(Protocol):
    """A process under test kills itself at a named point."""

    def arm(self, process: str, point: str, passes: int) -> None:
        """At its `passes`-th pass from now on."""
        ...

    def disarm(self, process: str) -> bool:
        """Whether it was still armed."""
        ...


class Disks(Protocol):
    """Small disks of their own for some servers."""

    def fill(self, name: str) -> None:
        """Nothing more fits on it."""
        ...

    def free(self, name: str) -> None:
        """There is room again."""
        ...


@dataclass(frozen=True, slots=True)
class Beside:
    """`poison`: so many of the next inputs cannot be read."""

    provider: Provider
    tripwires: Tripwires
    disks: Disks
    poison: Callable[[int], None]
