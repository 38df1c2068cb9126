"""What Twilio's answers mean for a delivery: by its error code, else by the HTTP status.

The codes of the second part come later, with a message's status, and with messages that failed at once. Twilio adds
codes and splits them without notice: one that is not here is told loudly and treated by its HTTP status.
"""

from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from streams.domain.failures import Failure, FailureKind

TRANSIENT, PERMANENT, THROTTLED = FailureKind.TRANSIENT, FailureKind.PERMANENT, FailureKind.THROTTLED

# Wrong settings of ours, not of this message, are transient: once they are corrected it can go out.
CODES: dict[int, tuple[FailureKind, str]] = {
    20001: (PERMANENT, "Twilio cannot read the request, and it stays the same"),
    20002: (PERMANENT, "Twilio cannot read a parameter, and it stays the same"),
    20003: (TRANSIENT, "Twilio refused the account or token: check TIDINGS_SMS_ACCOUNT and TIDINGS_SMS_TOKEN"),
    20004: (TRANSIENT, "the method is not allowed: check TIDINGS_SMS_URL"),
    20005: (TRANSIENT, "the account is not active"),
    20006: (TRANSIENT, "access is denied: check the token's permissions"),
    20008: (TRANSIENT, "test credentials may not do this: check TIDINGS_SMS_TOKEN"),
    20403: (TRANSIENT, "forbidden for this account: check the token's permissions"),
    20404: (TRANSIENT, "there is no such account: check TIDINGS_SMS_ACCOUNT and TIDINGS_SMS_URL"),
    20429: (THROTTLED, "too many requests for this account"),
    20503: (TRANSIENT, "Twilio is not available for now"),
    21201: (PERMANENT, "no number was given"),
    21211: (PERMANENT, "the number is not valid"),
    21212: (TRANSIENT, "the sender is not valid: check TIDINGS_SMS_FROM"),
    21214: (PERMANENT, "the number cannot be reached"),
    21217: (PERMANENT, "the number is not valid"),
    21219: (TRANSIENT, "a trial account may call verified numbers only"),
    21263: (PERMANENT, "the number is a short code"),
    21264: (PERMANENT, "the number is a short code"),
    21265: (PERMANENT, "the number is a short code"),
    21266: (PERMANENT, "the number is the sender's own"),
    21267: (TRANSIENT, "a trial account has no alphanumeric sender: check TIDINGS_SMS_FROM"),
    21268: (PERMANENT, "the number is of a premium or information service"),
    21408: (PERMANENT, "the account may not send to this country"),
    21421: (PERMANENT, "the number is not valid"),
    21602: (PERMANENT, "the text is empty"),
    21603: (TRANSIENT, "the sender is missing: check TIDINGS_SMS_FROM"),
    21604: (PERMANENT, "the number is missing"),
    21605: (PERMANENT, "the text is too long"),
    21606: (TRANSIENT, "the sender cannot send SMS to this number: check TIDINGS_SMS_FROM"),
    21607: (TRANSIENT, "a trial account has one sender: check TIDINGS_SMS_FROM"),
    21608: (TRANSIENT, "a trial account may write to verified numbers only"),
    21609: (TRANSIENT, "the URL for statuses is not valid: check TIDINGS_SMS_STATUS_URL"),
    21610: (PERMANENT, "whoever has this number answered STOP"),
    21611: (THROTTLED, "the queue of the sender is full"),
    21612: (PERMANENT, "the number cannot be reached from this sender"),
    21614: (PERMANENT, "the number is not a mobile one"),
    21617: (PERMANENT, "the text is longer than 1,600 characters"),
    21618: (PERMANENT, "the text cannot be sent"),
    21619: (PERMANENT, "the text is missing"),
    21624: (PERMANENT, "the validity period is not valid"),
    21635: (PERMANENT, "the number is a landline"),
    21659: (TRANSIENT, "the sender is not a number of Twilio: check TIDINGS_SMS_FROM"),
    21660: (TRANSIENT, "the sender belongs to another account: check TIDINGS_SMS_FROM"),
    21661: (TRANSIENT, "the sender cannot send SMS: check TIDINGS_SMS_FROM"),
    21701: (TRANSIENT, "there is no such messaging service: check TIDINGS_SMS_FROM"),
    21703: (TRANSIENT, "the messaging service has no sender"),
    21704: (TRANSIENT, "the messaging service has no sender for this"),
    90007: (PERMANENT, "the validity period is not valid"),
    # -- with a message's status -----------------------------------------------------------------------------------
    14107: (THROTTLED, "too many messages from this sender"),
    30001: (THROTTLED, "the queue is full"),
    30002: (TRANSIENT, "the account is suspended"),
    30003: (TRANSIENT, "the phone cannot be reached: off, or without network"),
    30004: (PERMANENT, "the phone or its carrier blocks our messages"),
    30005: (PERMANENT, "the number is not known to any carrier"),
    30006: (PERMANENT, "a landline, or a carrier that cannot be reached"),
    30007: (PERMANENT, "filtered as unwanted by Twilio or a carrier"),
    30008: (TRANSIENT, "not delivered for an unknown reason"),
    30009: (TRANSIENT, "a segment was lost"),
    30010: (PERMANENT, "dearer than the highest price allowed"),
    30017: (TRANSIENT, "the carrier's network is congested"),
    30018: (TRANSIENT, "the country wants registered senders: check TIDINGS_SMS_FROM"),
    30022: (THROTTLED, "too many messages for this campaign"),
    30023: (THROTTLED, "the day's messages of this campaign are used up"),
    30024: (TRANSIENT, "the carrier does not know the sender yet: check TIDINGS_SMS_FROM"),
    30032: (TRANSIENT, "the toll-free sender is not verified"),
    30034: (TRANSIENT, "the sender is not registered for this country"),
    30036: (PERMANENT, "the validity period ended before it could be sent"),
    30038: (PERMANENT, "filtered: it looks like a password for one time"),
    30410: (TRANSIENT, "the carrier did not answer in time"),
    30450: (PERMANENT, "blocked: it looks like fraud with this country's prices"),
    63038: (THROTTLED, "the day's messages of this account are used up"),
}

DEAD_NUMBERS = frozenset({21211, 21214, 21217, 21263, 21264, 21265, 21268, 21421, 21610, 21614, 21635, 30005, 30006})
"""After these nothing can reach the number: it is marked. 21610 too: no text brings back who said STOP."""

MAYBE_TAKEN = frozenset({20500, 20504})
"""Errors of Twilio's own: whether a message was made of the request, they do not say."""

_HTTP: dict[int, tuple[FailureKind, str]] = {
    400: (PERMANENT, "Twilio refused the request, and it stays the same"),
    401: CODES[20003],
    403: CODES[20403],
    404: CODES[20404],
    408: (TRANSIENT, "Twilio waited too long for the request"),
    429: CODES[20429],
    503: CODES[20503],
}
_THROTTLED_STATUS, _UNAVAILABLE = 429, 503


@dataclass(frozen=True, slots=True)
class Answer:
    """`status`: HTTP. `code`: Twilio's, if the body has one. `taken`: the body names the message that was made."""

    status: int
    code: int | None = None
    taken: bool = False
    wait: timedelta | None = None


def failure_of(answer: Answer) -> Failure | None:
    """None: Twilio has it.

    There is no key by which Twilio would know a request again, so what may have been taken is ambiguous: an answer of
    success that names no message, and an error of theirs that is not a plain refusal.
    """
    if answer.code is not None:
        return _by_code(answer, answer.code)
    if 200 <= answer.status < 300:
        return None if answer.taken else unsure(f"{answer.status} that names no message")
    if answer.status in _HTTP:
        kind, meaning = _HTTP[answer.status]
        return Failure(kind, f"{answer.status}: {meaning}", _wait(kind, answer))
    if answer.status >= 500:
        return unsure(f"{answer.status}")
    return Failure(TRANSIENT, f"{answer.status}: Twilio gave no useful answer", unlisted=True)


def _by_code(answer: Answer, code: int) -> Failure:
    known = CODES.get(code)
    if known is not None:
        kind, meaning = known
        return Failure(kind, f"{code}: {meaning}", _wait(kind, answer), address_is_dead=code in DEAD_NUMBERS)
    if code in MAYBE_TAKEN:
        return unsure(f"{code}, an error of Twilio's own,")
    if answer.status >= 500 and answer.status != _UNAVAILABLE:
        return replace(unsure(f"{code}, a code that is not known,"), unlisted=True)
    kind = THROTTLED if answer.status == _THROTTLED_STATUS else TRANSIENT
    return Failure(kind, f"{code}: a code that is not known", _wait(kind, answer), unlisted=True)


def _wait(kind: FailureKind, answer: Answer) -> timedelta | None:
    return None if kind is PERMANENT else answer.wait


def unsure(what: str) -> Failure:
    """It may have reached Twilio: `what` came after the request had left."""
    return Failure(TRANSIENT, f"ambiguous: {what} after the request had left", ambiguous=True)
