"""The fast way of a notification: its bytes are passed on, and only what routing needs of them is looked at.

For what our current schema wrote and whose like was decided before: 6 us (without producing), where decoding, deciding
and encoding take 44. It writes what the slow way (`concluding.py`) writes, and leaves to it whatever is in doubt.
"""

from collections.abc import Callable, Mapping

from schemas import headers as names
from schemas.codec import Codec
from schemas.headers import Headers
from schemas.picks import End, Number, Raw, Rest, Text
from streams.agents.moment import Moment
from streams.agents.plans import Grounds, Plan
from streams.domain.notification import delivery_id
from streams.engine.batch import Record
from streams.engine.record_batch import SIZES, header, sized, varint

Put = Callable[[str, bytes], None]
Splice = Callable[[Record], Plan | None]

_ID_SIZE = b"\x48"  # what Avro writes before a text of 36 bytes
_ID_BYTES = 36  # of a delivery
_ID = sized(names.ID.encode())  # how the header begins
_TRACE = sized(names.TRACE_PARENT.encode())
_DELIVERY_ID = _ID + varint(_ID_BYTES)
_OWN_KEY = varint(_ID_BYTES)  # before a key that is the delivery's id
_TRACES = 4  # so many trace headers a notification may have, and one is what it should
_NOTHING_KNOWN = (b"\0", b"")  # version 0 of a recipient's wishes
ASKED = Raw("channels", "locale")


class Doubt(ValueError):
    """The slow way has to look at it."""


class Splicer:
    """Knows where in the bytes of our current schemas everything lies.

    It rests on the order of their fields: a Decision begins as a Notification does, a Delivery ends with one.
    """

    def __init__(self, codec: Codec, decisions: str, put: Put) -> None:
        self._codec = codec
        self._decisions = decisions
        self._put = put
        self._read = codec.reader(
            "Notification",
            Text("notification_id"),
            Text("recipient_id"),
            Text("type"),
            End("type"),
            End("priority"),
            End("created_at"),
            Number("expires_at"),
            Number("send_at"),
            ASKED,
        )
        self._read_wish = codec.reader(
            "Preference", Text("recipient_id"), Raw("version", "version"), Rest("updated_at")
        )

    def splice(self, known: Mapping[Grounds, Plan], moment: Moment) -> Splice:
        """splice(record) sends what a notification causes, and returns the plan it followed; None: nothing was sent.

        Everything is bound to local names once a batch, because the function runs once a record.
        """
        now, stamps, put, read, wish_of = moment.now, moment.stamps, self._put, self._read, self._wishes(moment)
        decisions, trace_name, join, sizes, usual = self._decisions, names.TRACE_PARENT, b"".join, SIZES, len(SIZES)
        frame = self._codec.frame("Notification")
        start = len(frame)
        delivery_frame, decision_frame = self._codec.frame("Delivery") + _ID_SIZE, self._codec.frame("Decision")
        priority = self._codec.part("Decision", ("priority",), {"priority": str(moment.priority)})
        decided_at = self._codec.part("Decision", ("decided_at",), {"decided_at": now})
        fixed = len(delivery_frame) + _ID_BYTES
        delivery_stamps, decision_stamps = _encoded(stamps.delivery), _encoded(stamps.decision)
        counts = [varint(1 + len(stamps.delivery) + traces) for traces in range(_TRACES + 1)]

        def splice(record: Record) -> Plan | None:
            data, key = record.value, record.key
            if not data or data[:start] != frame:
                return None
            try:
                identity, recipient, kind, kind_end, priority_end, created_end, expires, due, asked = read(data, start)
                version, wanted = wish_of(key, recipient)
            except (IndexError, ValueError):
                return None
            plan = known.get((kind, asked, wanted))
            if plan is None or due is not None or (expires is not None and expires <= now):
                return None
            trace, traces = b"", 0
            for pair in record.headers:
                if pair[0] == trace_name:
                    trace, traces = trace + _TRACE + sized(pair[1]), traces + 1
            if traces > _TRACES:
                return None
            count, body = counts[traces], data[start:]
            size = len(recipient)
            owner = (sizes[size] if size < usual else varint(size)) + recipient
            told = identity.decode()
            around = fixed + len(version) + len(body)
            for topic, channel, before, after in plan.deliveries:
                made = delivery_id(told, channel).encode()
                size = around + len(before) + len(after)
                put(topic, join((
                    owner if plan.ordered else _OWN_KEY + made, sizes[size] if size < usual else varint(size),
                    delivery_frame, made, before, version, after, body,
                    count, _DELIVERY_ID, made, delivery_stamps, trace,
                )))  # fmt: skip
            value = join(
                (decision_frame, data[start:kind_end], priority, data[priority_end:created_end], decided_at,
                 plan.decided_for, version, plan.concluded)
            )  # fmt: skip
            size, length = len(value), len(identity)
            put(decisions, join((
                owner, sizes[size] if size < usual else varint(size), value,
                count, _ID, sizes[length] if length < usual else varint(length), identity, decision_stamps, trace,
            )))  # fmt: skip
            return plan

        return splice

    def grounds(self, data: bytes, wish: bytes | None) -> Grounds | None:
        """What a decision on this notification rests on; None: it was not written by our current schemas."""
        frame, wish_frame = self._codec.frame("Notification"), self._codec.frame("Preference")
        if not data.startswith(frame) or not (wish or wish_frame).startswith(wish_frame):
            return None
        _, _, kind, *_, asked = self._read(data, len(frame))
        return kind, asked, self._read_wish(wish, len(wish_frame))[2] if wish else b""

    def _wishes(self, moment: Moment) -> Callable[[bytes | None, bytes], tuple[bytes, bytes]]:
        """wish_of(key, recipient): the version of what the recipient wants, and what it is, both encoded."""
        wishes, belongs, read_wish = moment.wishes, moment.belongs, self._read_wish
        frame = self._codec.frame("Preference")
        start = len(frame)

        def wish_of(key: bytes | None, recipient: bytes) -> tuple[bytes, bytes]:
            if key != recipient:
                raise Doubt
            wish = wishes.get(recipient)
            if wish is None:
                if belongs(recipient):
                    return _NOTHING_KNOWN
                raise Doubt
            if wish[:start] != frame:
                raise Doubt
            whose, version, wanted = read_wish(wish, start)
            if whose != recipient:
                raise Doubt
            return version, wanted

        return wish_of


def _encoded(stamps: Headers) -> bytes:
    return b"".join(header(*pair) for pair in stamps)
