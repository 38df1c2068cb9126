"""How a provider call can fail.

Failure
├── transient   try again by the schedule
├── throttled   try again when the provider says; costs no attempt
└── permanent   no retry helps: to the dead letters
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class FailureKind(StrEnum):
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call in the words of tidings. `reason` names no address and no content.

    `ambiguous`: the call may have reached the recipient all the same, so the type's on_ambiguous decides.
    """

    kind: FailureKind
    reason: str
    retry_after: timedelta | None = None
    ambiguous: bool = False
