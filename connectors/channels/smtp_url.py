"""The SMTP relay as one URL: smtp://user:password@host:port, or smtps:// for TLS from the start."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

_FORM = "write smtp://[user:password@]host[:port][?starttls=required|off], or smtps:// for TLS from the start"
_PLAIN_PORT, _SUBMISSION_PORT, _TLS_PORT = 25, 587, 465


class Tls(StrEnum):
    """How the connection is made private. Certificates are always checked."""

    FROM_START = "from the start"
    REQUIRED = "required"
    IF_OFFERED = "if offered"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mails are handed over."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Relay({self.host}:{self.port}, tls {self.tls})"


def parse_relay(url: str) -> Relay:
    """Raises ValueError that says what would be right and repeats no password.

    STARTTLS is used if it is offered. With a password it has to be (nobody in between can strip it and read the
    password), save on a loopback address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(f"the SMTP URL cannot be read: {_FORM}") from None
    if parts.scheme not in ("smtp", "smtps") or not host or parts.path not in ("", "/"):
        raise ValueError(f"the SMTP URL is not complete: {_FORM}")
    user = unquote(parts.username) if parts.username else None
    tls = _tls(parts.scheme, query, user is not None and not _is_loopback(host))
    standard = _TLS_PORT if tls is Tls.FROM_START else _SUBMISSION_PORT if user else _PLAIN_PORT
    return Relay(host, port or standard, tls, user, unquote(parts.password or "") if user else None)


def _tls(scheme: str, query: dict[str, list[str]], secret: bool) -> Tls:
    wanted = query.pop("starttls", [])
    if query or wanted not in ([], ["required"], ["off"]) or (wanted and scheme == "smtps"):
        raise ValueError(f"the SMTP URL has a parameter that is not known: {_FORM}")
    if scheme == "smtps":
        return Tls.FROM_START
    if wanted == ["off"] and secret:
        raise ValueError("the SMTP URL has a password and starttls=off: it would cross the network in the clear")
    if wanted == ["off"]:
        return Tls.OFF
    return Tls.REQUIRED if secret or wanted else Tls.IF_OFFERED


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
