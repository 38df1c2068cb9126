"""A recipient as it is kept: also an erased one, of which only the version is left."""

from collections.abc import Mapping

from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient
from streams.domain.value import Value


class StoredRecipient(Value, frozen=True):
    """`recipient.preference.version` rises with every change, the erasure and a return after it included."""

    recipient: Recipient

    @property
    def erased(self) -> bool:
        return self.recipient.erased

    @property
    def recipient_id(self) -> str:
        return self.recipient.recipient_id

    @property
    def version(self) -> int:
        return self.recipient.preference.version


def erased(recipient_id: str, version: int) -> StoredRecipient:
    """What is left of an erased recipient."""
    return StoredRecipient(Recipient(recipient_id, Preference(recipient_id, version), erased=True))


def recipients_of(found: Mapping[str, StoredRecipient]) -> dict[str, Recipient]:
    """Only the recipients, by id."""
    return {recipient_id: each.recipient for recipient_id, each in found.items()}
