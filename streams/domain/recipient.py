"""A recipient as a sender needs it: addresses, language and what they want."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.domain.preferences import Preference


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person or system. `addresses` by channel: an e-mail address, a webhook URL.

    `erased`: they asked to be forgotten; nothing is sent any more, also not to an address given inline.
    """

    recipient_id: str
    preference: Preference
    addresses: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    erased: bool = False
