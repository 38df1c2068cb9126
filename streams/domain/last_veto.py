"""The last veto: asked right before the provider call, because much can change between routing and sending."""

from streams.domain.address_mark import REASON, AddressMark, mark_key
from streams.domain.catalogue import NotificationType
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import Status
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Drop
from streams.domain.preferences import Layer, Preference, decide_delivery
from streams.domain.recipient import Recipient

NO_ADDRESS = "no_address"
ERASED = "erased"
_UNKNOWN = Preference("")  # of whom nothing is known, whoever it is


def last_veto(
    delivery: Delivery, kind: NotificationType | None, recipient: Recipient | None, now: int
) -> str | Drop | DeadLetter:
    """The address it goes to; or Drop: it must not go out any more; or DeadLetter: it can never be carried out.

    `kind`: the delivery's type in today's catalogue, None: it is not there any more. `recipient`: None when unknown.
    `now`: ms since 1970 UTC. An address the producer gave inline wins over the recipient's own.
    """
    told = delivery.notification
    if told.expires_at is not None and told.expires_at <= now:
        return Drop(Status.EXPIRED, "expires_at")
    if recipient is not None and recipient.erased:
        return Drop(Status.SUPPRESSED, ERASED, Layer.VETO)
    if kind is None:
        return DeadLetter(Failure(FailureKind.PERMANENT, f"type: the catalogue has no type {told.type!r}"))
    preference = recipient.preference if recipient else _UNKNOWN
    verdict = decide_delivery(kind, delivery.channel, preference)
    if not verdict.allowed:
        return Drop(Status.SUPPRESSED, verdict.rule, verdict.layer)
    address = _address(delivery, recipient)
    if not address:
        return Drop(Status.SUPPRESSED, NO_ADDRESS, Layer.SYSTEM)
    mark = _mark(delivery, recipient, address)
    return Drop(Status.SUPPRESSED, f"{REASON}: {mark.reason}", Layer.SYSTEM) if mark else address


def _address(delivery: Delivery, recipient: Recipient | None) -> str | None:
    inline = delivery.notification.to or {}
    own = recipient.addresses if recipient else {}
    return inline.get(delivery.channel) or own.get(delivery.channel)


def _mark(delivery: Delivery, recipient: Recipient | None, address: str) -> AddressMark | None:
    if recipient is None or not recipient.marks:
        return None
    return recipient.marks.get(mark_key(recipient.recipient_id, delivery.channel, address))
