"""Which network addresses a webhook may reach: none that leads into somebody's own network.

The address that is connected to is checked, not the name: a name may resolve to another address a moment later.
"""

import ipaddress
import socket
from typing import Any

_BLOCKED = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' own
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: metadata services of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/96",  # unspecified, loopback, and IPv4 in its oldest disguise
            "::ffff:0:0/96",  # IPv4-mapped
            "64:ff9b::/96",  # IPv4 translated, like the next three
            "64:ff9b:1::/48",
            "2002::/16",
            "2001::/32",
            "100::/64",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    )
)


class BlockedAddress(OSError):
    """The name leads to an address that may not be reached. The text is the same for all, so that none is told."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


def is_public(address: str) -> bool:
    """Whether a numeric IPv4 or IPv6 address lies in the public internet."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if not parsed.is_global:
        return False
    return not any(parsed in network for network in _BLOCKED if network.version == parsed.version)


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for an entry of getaddrinfo (aiohttp's socket_factory). Raises BlockedAddress before it connects."""
    family, kind, protocol, _, target = address
    if not is_public(str(target[0])):
        raise BlockedAddress
    return socket.socket(family, kind, protocol)
