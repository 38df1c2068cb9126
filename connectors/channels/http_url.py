"""A URL that can be called: where to connect, and what to ask for there."""

import re
from functools import lru_cache
from typing import NamedTuple

from yarl import URL

LONGEST = 2048
_KNOWN_ORIGINS = 4096

# Most URLs. They stay as they are; whatever else there is (escapes, dots as segments, other scripts) is left to yarl.
_PLAIN = re.compile(
    r"(https?://[A-Za-z0-9.:\[\]-]+)"
    r"((?:/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)?)+(?:\?[A-Za-z0-9._~=&-]+)?)"
)  # fmt: skip


class UnfitUrl(ValueError):
    """This is no URL to be called; the text says why and quotes nothing of it."""


class Origin(NamedTuple):
    """Who is called; connections are kept for each. `host`: to be looked up, ASCII, an IPv6 address without brackets.
    `named`: as the header Host names it."""

    tls: bool
    host: str
    port: int
    named: str


class HttpUrl(NamedTuple):
    """`target`: path and query, ASCII, escaped where it has to be, without a line break."""

    origin: Origin
    target: str


def parse_url(text: str) -> HttpUrl:
    """Raises UnfitUrl. A fragment is not sent."""
    if len(text) > LONGEST:
        raise UnfitUrl(f"the URL is longer than {LONGEST} characters")
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return HttpUrl(_origin(plain[1]), plain[2])
    url = _read(text)
    return HttpUrl(_origin_of(url), url.raw_path_qs)


@lru_cache(_KNOWN_ORIGINS)
def _origin(text: str) -> Origin:
    return _origin_of(_read(text))


def _read(text: str) -> URL:
    try:
        url = URL(text)
        _ = url.port
    except ValueError:
        raise UnfitUrl("the address is no URL") from None
    return url


def _origin_of(url: URL) -> Origin:
    host, named, port = url.raw_host, url.host_port_subcomponent, url.port
    if not host or not named or port is None or url.scheme not in ("https", "http"):
        raise UnfitUrl("the URL does not begin with https:// and a host")
    if url.user is not None or url.password is not None:
        raise UnfitUrl("the URL has a user or password in it")
    return Origin(url.scheme == "https", host, port, named)
