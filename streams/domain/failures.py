"""How a provider call can fail.

Failure
├── transient   try again by the schedule
├── throttled   try again when the provider says; costs no attempt
└── permanent   no retry helps: to the dead letters
"""

from datetime import timedelta
from enum import StrEnum

from streams.domain.value import Value


class FailureKind(StrEnum):
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PERMANENT = "permanent"


class Failure(Value, frozen=True):
    """One failed call in the words of tidings. `reason` names no address and no content.

    `ambiguous`: the call may have reached the recipient all the same, so the type's on_ambiguous decides.
    `address_is_dead`: no message can reach this address any more, whatever it says: it is marked, and later deliveries
    to it are suppressed. `unlisted`: the provider's code is in no table of ours; told loudly, so that it gets there.
    """

    kind: FailureKind
    reason: str
    retry_after: timedelta | None = None
    ambiguous: bool = False
    address_is_dead: bool = False
    unlisted: bool = False
