"""A recipient as a sender needs it: addresses, language and what they want."""

from collections.abc import Mapping

from msgspec import field

from streams.domain.address_mark import AddressMark
from streams.domain.preferences import Preference
from streams.domain.value import Value


class Recipient(Value, frozen=True):
    """A person or system. `addresses` by channel: an e-mail address, a webhook URL, a phone number (E.164).

    `erased`: they asked to be forgotten; nothing is sent any more, also not to an address given inline.
    `marks`: addresses that take nothing any more, by their key (address_mark.py); also of those that came inline.
    """

    recipient_id: str
    preference: Preference
    addresses: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    erased: bool = False
    marks: Mapping[str, AddressMark] = field(default_factory=dict)
