"""What the headers of a dead letter say of it, as one typed value: whoever reads `dead-letters` reads it through this.

The headers themselves are declared in headers.py; key and value of the record stay as they came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from schemas import headers

N = TypeVar("N", int, None)
_NOWHERE = headers.Origin("", -1, -1)


@dataclass(frozen=True, slots=True)
class DeadLetterEnvelope:
    """Why it died and where it first came up. What a foreign writer left out or misspelt has its default.

    kind             poison, permanent, exhausted or ambiguous
    reason           in words; for a provider's failure in the provider's own
    provider         who was called last, if anybody was
    attempt          provider calls that have ended, in this redrive
    redrives         how often it had been put back to work
    first_failed_at  ms since 1970 UTC
    origin           its main topic, partition and offset
    """

    kind: str = "unknown"
    reason: str = ""
    provider: str | None = None
    attempt: int = 0
    redrives: int = 0
    first_failed_at: int | None = None
    origin: headers.Origin = _NOWHERE

    @classmethod
    def read(cls, own: Sequence[tuple[str, bytes | None]]) -> "DeadLetterEnvelope":
        """Of a record's headers. Never raises: a dead letter must not be lost to its own envelope."""
        told = {name: (value or b"").decode(errors="replace") for name, value in own}
        return cls(
            kind=told.get(headers.FAILURE_KIND) or "unknown",
            reason=told.get(headers.FAILURE_REASON, ""),
            provider=told.get(headers.PROVIDER),
            attempt=_number(told.get(headers.ATTEMPT), 9, 0),
            redrives=_number(told.get(headers.REDRIVES), 9, 0),
            first_failed_at=_number(told.get(headers.FIRST_FAILED_AT), 14, None),
            origin=headers.Origin(
                told.get(headers.ORIGIN_TOPIC, ""),
                _number(told.get(headers.ORIGIN_PARTITION), 9, -1),
                _number(told.get(headers.ORIGIN_OFFSET), 18, -1),
            ),
        )


def _number(text: str | None, digits: int, otherwise: N) -> int | N:
    """In decimal, of so many digits at most: a database column takes no more."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= digits else otherwise
