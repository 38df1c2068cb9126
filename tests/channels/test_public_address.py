import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.public_address import BlockedAddress, is_public, public_socket


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "not an address",
        "",
    ],
)
def test_addresses_of_somebodys_own_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "2606:4700::1", "2a00::1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@settings(deadline=None)
@given(address=st.ip_addresses(v=4))
def test_no_disguise_of_an_ipv4_address_is_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96):
        assert not is_public(str(ipaddress.IPv6Address(prefix + number)))
    assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) + (number << 80))))


def test_a_socket_is_made_for_public_addresses_only() -> None:
    made = public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443)))
    made.close()
    with pytest.raises(BlockedAddress) as failed:
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.7", 443)))
    assert "10.0.0.7" not in str(failed.value)
