"""One mailbox, checked before it comes near an SMTP command or a header."""

import re
from dataclasses import dataclass
from email.utils import parseaddr

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST = 254
_LONGEST_DOMAIN = 253
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name to show (may be empty) and an address that passed `address_fault`."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def address_fault(address: str) -> str | None:
    """Why mail cannot be addressed to this, without repeating it; None: it can.

    Narrower than RFC 5321 on purpose: no quoted local parts, no address literals, ASCII only (an international domain
    in its xn-- form). What is left needs no quoting in commands or headers.
    """
    if not address.isascii():
        return "the address is not ASCII: an international domain is written in its xn-- form"
    if len(address) > _LONGEST:
        return f"the address is longer than {_LONGEST} characters"
    local, at, domain = address.rpartition("@")
    if not at:
        return "the address has no @"
    if not _LOCAL_PART.fullmatch(local):
        return "the part before the @ is empty, too long or has characters that are not allowed"
    if len(domain) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(domain):
        return "the part after the @ is no domain"
    return None


def parse_mailbox(text: str) -> Mailbox:
    """From `Name <address>` or an address alone. Raises ValueError that says what would be right."""
    name, address = parseaddr(text)
    if _CONTROLS.search(text) or not address:
        raise ValueError(f"{text!r} is no sender: write Name <name@example.com>")
    fault = address_fault(address)
    if fault is not None:
        raise ValueError(f"{text!r} is no sender: {fault}")
    return Mailbox(name, address)
