"""What an address must look like to be accepted. Whether somebody is there is found out when it is used."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from streams.domain.notification import Channel
from streams.domain.phone_number import number_fault

_MAX_URL = 2_048
_MAX_EMAIL, _MAX_LOCAL = 254, 64
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+|localhost")


def wrong_address(channel: str, address: str) -> str | None:
    """What is wrong with an address, as something to be mended; None: nothing."""
    if channel not in Channel.__members__.values():
        return f"there is no channel {channel!r}; there are {', '.join(Channel)}"
    return _RULES[Channel(channel)](address)


def _wrong_email(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "not an e-mail address: write name@domain"
    if not address.isascii():
        return "only ASCII is supported: write the domain in its xn-- form"
    if len(address) > _MAX_EMAIL or len(local) > _MAX_LOCAL:
        return f"an e-mail address has at most {_MAX_EMAIL} characters, {_MAX_LOCAL} of them before the @"
    if not _LOCAL.fullmatch(local):
        return "not an e-mail address: the part before the @ has a character or a dot that cannot stand there"
    if not _DOMAIN.fullmatch(domain):
        return f"not an e-mail address: {domain!r} is not a domain such as example.com"
    return None


def _wrong_url(address: str) -> str | None:
    if len(address) > _MAX_URL:
        return f"a URL has at most {_MAX_URL} characters"
    if not address.isascii() or any(character <= " " or character == "\x7f" for character in address):
        return "not a URL: it has a character that must be percent-encoded"
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:
        return "not a URL: write https://host/path"
    if url.scheme not in ("http", "https") or not url.hostname:
        return "not a web address: write https://host/path"
    if url.username is not None or url.password is not None:
        return "a URL must hold no user name and password: they would end up in logs"
    if port == 0:
        return "not a URL: the port is 0"
    return None


_RULES: Mapping[Channel, Callable[[str], str | None]] = {
    Channel.EMAIL: _wrong_email,
    Channel.WEBHOOK: _wrong_url,
    Channel.SMS: number_fault,
}
