"""What an SMTP relay's answers mean for a delivery: transient or permanent, by step and code (RFC 5321, 4.2; 3463).

There is no throttled answer in SMTP: relays that have enough say 4xx, and the retry schedule slows down.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from streams.domain.failures import Failure, FailureKind

TRANSIENT, PERMANENT = FailureKind.TRANSIENT, FailureKind.PERMANENT

CODES: dict[int, tuple[FailureKind, str]] = {
    421: (TRANSIENT, "the relay is closing or has enough for now"),
    450: (TRANSIENT, "mailbox busy, or the relay asks to come again (greylisting)"),
    451: (TRANSIENT, "the relay had an error, or asks to come again (greylisting)"),
    452: (TRANSIENT, "the relay or the mailbox is full"),
    454: (TRANSIENT, "the relay cannot check the login or start TLS for now"),
    455: (TRANSIENT, "the relay cannot take these parameters for now"),
    500: (PERMANENT, "the relay does not know the command"),
    501: (PERMANENT, "the relay cannot read an address or a parameter"),
    502: (PERMANENT, "the relay does not do this"),
    504: (PERMANENT, "the relay does not know a parameter"),
    521: (PERMANENT, "the host takes no mail"),
    555: (PERMANENT, "the relay does not know a parameter of the address"),
    # Wrong settings of ours, not of this mail: once they are corrected it can go out.
    503: (TRANSIENT, "the relay saw the commands out of order"),
    530: (TRANSIENT, "the relay wants a login or TLS: check the SMTP URL"),
    534: (TRANSIENT, "the relay wants another kind of login: check the SMTP URL"),
    535: (TRANSIENT, "the relay refused the login: check the SMTP URL"),
    538: (TRANSIENT, "the relay wants TLS: check the SMTP URL"),
    550: (PERMANENT, "no such mailbox, or it is refused by policy"),
    551: (PERMANENT, "the mailbox is elsewhere"),
    552: (PERMANENT, "the mail is too large or the mailbox is full"),
    553: (PERMANENT, "the address is not allowed"),
    554: (PERMANENT, "the mail was refused"),
    556: (PERMANENT, "the domain takes no mail"),
}


DEAD_STATUSES = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Enhanced codes (RFC 3463, 7505) after which no mail can reach the address: no such mailbox or domain, no address,
moved, a domain that takes no mail, a mailbox that was closed. Not policy (5.7.x): that is about us or about this mail.
"""

DEAD_CODES = frozenset({550, 551, 556})
"""The same as an answer to RCPT, from a relay that gives no enhanced code."""

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")


class Step(StrEnum):
    """How far a call came."""

    WAIT = "wait"  # for one of the connections
    CONNECT = "connect"  # greeting, TLS, login: about the relay, not about this mail
    ENVELOPE = "envelope"  # MAIL, RCPT, DATA: nothing of the mail has left
    CONTENT = "content"  # from the first byte of the mail to the answer to its final dot


class Reply(NamedTuple):
    """One answer; `text` as the relay gave it, lines joined: it may name addresses."""

    code: int
    text: str


class Ending(NamedTuple):
    """How a call ended: the answer that decided, or none because the line went dead (`silence` says how).

    `about_recipient`: it was the answer to RCPT.
    """

    step: Step
    reply: Reply | None = None
    silence: str = "the connection was lost"
    about_recipient: bool = False

    @property
    def accepted(self) -> bool:
        return self.step is Step.CONTENT and self.reply is not None and 200 <= self.reply.code < 300


def failure_of(ending: Ending) -> Failure | None:
    """None: the relay took the mail."""
    if ending.accepted:
        return None
    if ending.reply is not None:
        kind, meaning = meaning_of(ending.reply.code)
        if ending.step is Step.CONNECT:  # 554 as greeting or 5xx to a login says nothing about this mail
            kind = TRANSIENT
        reason = f"{ending.reply.code} at {ending.step}: {meaning}"
        dead = kind is PERMANENT and _address_is_dead(ending, ending.reply)
        return Failure(kind, reason, address_is_dead=dead, unlisted=ending.reply.code not in CODES)
    if ending.step is Step.CONTENT:
        return Failure(TRANSIENT, f"ambiguous: {ending.silence} before the answer to the content", ambiguous=True)
    return Failure(TRANSIENT, f"{ending.silence} at {ending.step}")


def _address_is_dead(ending: Ending, reply: Reply) -> bool:
    """A mail has one recipient, so what is said of an address after the content is about the same one."""
    enhanced = _ENHANCED.match(reply.text)
    if enhanced is not None:
        return enhanced[0] in DEAD_STATUSES
    return ending.about_recipient and reply.code in DEAD_CODES


def meaning_of(code: int) -> tuple[FailureKind, str]:
    """The table's entry; for a code it does not have: 5xx permanent, anything else transient."""
    known = CODES.get(code)
    if known is not None:
        return known
    return (PERMANENT, "the relay refused") if 500 <= code < 600 else (TRANSIENT, "the relay gave no useful answer")
