"""How an attempt ended: a closed set, matched in one place (connectors/delivery/settle.py).

Each has a `call` and a `failure`, which are None where there was none.
"""

from datetime import timedelta
from typing import ClassVar

from streams.domain.delivery_status import Status
from streams.domain.failures import Failure
from streams.domain.value import Value


class ProviderCall(Value, frozen=True):
    """What is logged of one provider call. `started_at`: ms since 1970 UTC; request and response are redacted."""

    provider: str
    started_at: int
    duration_ms: float
    code: str | None = None
    request: str = ""
    response: str = ""
    provider_message_id: str | None = None


class Sent(Value, frozen=True):
    """The provider took it. `delivered`: the channel's answer is already the proof (a webhook's 2xx)."""

    call: ProviderCall
    delivered: bool = False
    failure: ClassVar[None] = None


class RetryLater(Value, frozen=True):
    """It may go well another time."""

    failure: Failure
    call: ProviderCall | None = None

    @property
    def not_before(self) -> timedelta | None:
        return self.failure.retry_after


class DeadLetter(Value, frozen=True):
    """No retry helps; a person has to look."""

    failure: Failure
    call: ProviderCall | None = None


class Drop(Value, frozen=True):
    """It must not be sent any more, and that is right: `status` is suppressed or expired."""

    status: Status
    reason: str
    layer: str | None = None
    call: ClassVar[None] = None
    failure: ClassVar[None] = None


Outcome = Sent | RetryLater | DeadLetter | Drop
