"""An address that takes nothing any more is marked: later deliveries to it are suppressed until the mark is cleared.

A provider says so (streams/domain/failures.py, `address_is_dead`). It is cleared by a new address, or by a person.
"""

import hashlib
from collections.abc import Mapping

from streams.domain.value import Value

REASON = "address_marked"
_DIGITS = 32


class AddressMark(Value, frozen=True):
    """`reason`: what the provider said, in the words of tidings. `marked_at`: ms since 1970 UTC."""

    reason: str
    marked_at: int


def mark_key(recipient_id: str, channel: str, address: str) -> str:
    """`<channel>:<fingerprint>`. It travels through Kafka: it tells neither the address nor who else has the same."""
    told = "\0".join((recipient_id, channel, address)).encode(errors="surrogatepass")
    return f"{channel}:{hashlib.sha256(told).hexdigest()[:_DIGITS]}"


def marked_channel(key: str) -> str:
    """The channel of a mark."""
    return key.partition(":")[0]


def kept_marks(
    marks: Mapping[str, AddressMark], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, AddressMark]:
    """The marks that outlive a change of addresses: those of the channels whose address stays."""
    return {
        key: mark for key, mark in marks.items() if before.get(marked_channel(key)) == after.get(marked_channel(key))
    }
