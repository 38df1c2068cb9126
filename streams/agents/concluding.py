"""The slow way of a notification, right for everything: decode it, decide, say what is wrong with it."""

from dataclasses import dataclass

from msgspec.structs import replace

from schemas.codec import Codec, PoisonRecord
from schemas.codec import Record as Decoded
from schemas.records import notification_from_record
from streams.agents.moment import Moment
from streams.agents.preference_reader import PreferenceReader, UnreadablePreference
from streams.domain.catalogue import Catalogue
from streams.domain.decision import Decision, decide
from streams.domain.failures import Failure
from streams.engine.batch import Record

POISON, PERMANENT = "poison", "permanent"
_MISPLACED = (
    "partition: the key belongs on another one, with the recipient's preference; "
    "set the producer's partitioner to murmur2 (librdkafka: partitioner=murmur2_random), then redrive this"
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that becomes a dead letter: `kind` is poison or permanent."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Concluded:
    """A decision, and the notification in the form in which deliveries carry it on.

    `body`: its bytes as received; None when an earlier schema wrote them, then `value` is encoded anew. `wish`: the raw
    preference it rests on; the table may hold another one by now.
    """

    decision: Decision
    value: Decoded
    body: bytes | None
    wish: bytes | None


class Concluder:
    """Decides on records, whatever schema wrote them."""

    def __init__(self, codec: Codec, catalogue: Catalogue) -> None:
        self._codec = codec
        self._catalogue = catalogue
        self._preferences = PreferenceReader(codec)

    def conclude(self, record: Record, moment: Moment) -> Concluded | Refused:
        """What becomes of the record."""
        try:
            value, body = self._codec.decode_with_body("Notification", record.value)
        except PoisonRecord as error:
            return Refused(POISON, str(error))
        notification = notification_from_record(value)
        key = notification.recipient_id.encode()
        if record.key != key:
            return Refused(POISON, "key: key and recipient_id must be equal (UTF-8)")
        wish = moment.wishes.get(key)
        if wish is None and not moment.belongs(key):
            return Refused(PERMANENT, _MISPLACED)
        try:
            preference = self._preferences.read(notification.recipient_id, wish)
        except UnreadablePreference as error:
            return Refused(PERMANENT, str(error))
        if notification.priority is not moment.priority:
            notification = replace(notification, priority=moment.priority)
        decision = decide(notification, self._catalogue, preference, moment.now)
        if isinstance(decision, Failure):
            return Refused(PERMANENT, decision.reason)
        return Concluded(decision, value, body, wish)
