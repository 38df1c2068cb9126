"""Which addresses are accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.addresses import wrong_address

GOOD_EMAIL = (
    "ada@example.com",
    "ada.lovelace+news@mail.example.co.uk",
    "o'hara@example.com",
    "a@b.io",
    "root@localhost",
    "ada@xn--mnchen-3ya.example",
    f"{'a' * 64}@example.com",
)
BAD_EMAIL = (
    "",
    "ada",
    "@example.com",
    "ada@",
    "ada@example",
    "ada@@example.com",
    "ada lovelace@example.com",
    " ada@example.com",
    "ada@example.com ",
    "ada@example.com,ben@example.com",
    "Ada <ada@example.com>",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@example.com\n",
    ".ada@example.com",
    "ada.@example.com",
    "a..da@example.com",
    "ada@-example.com",
    "ada@example-.com",
    "ada@example..com",
    "ada@münchen.example",
    "ädа@example.com",
    "ada@[127.0.0.1]",
    f"{'a' * 65}@example.com",
    f"ada@{'a' * 64}.com",
    f"ada@{'a.' * 130}com",
)
GOOD_URL = (
    "https://example.com",
    "http://127.0.0.1:8081/hook/ada?x=1#y",
    "https://[::1]:8443/",
    "https://example.com/%20a",
    "HTTPS://EXAMPLE.COM",
)
BAD_URL = (
    "",
    "example.com",
    "//example.com",
    "ftp://example.com",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://",
    "https:///path",
    "https://user@example.com",
    "https://user:secret@example.com",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://example.com/a b",
    "https://example.com/\r\nX: y",
    "https://example.com/\x7f",
    "https://[::1",
    "https://münchen.example/",
    f"https://example.com/{'a' * 2048}",
)


@pytest.mark.parametrize("address", GOOD_EMAIL)
def test_an_email_address_that_can_be_one(address: str) -> None:
    assert wrong_address("email", address) is None


@pytest.mark.parametrize("address", BAD_EMAIL)
def test_an_email_address_that_cannot_be_one(address: str) -> None:
    assert wrong_address("email", address)


@pytest.mark.parametrize("address", GOOD_URL)
def test_a_url_that_can_be_called(address: str) -> None:
    assert wrong_address("webhook", address) is None


@pytest.mark.parametrize("address", BAD_URL)
def test_a_url_that_cannot_be_called(address: str) -> None:
    assert wrong_address("webhook", address)


def test_a_channel_that_does_not_exist_has_no_good_address() -> None:
    assert "email, webhook, sms" in str(wrong_address("fax", "1"))


@pytest.mark.parametrize(("number", "good"), [("+436601234567", True), ("06601234567", False), ("+43 660 12", False)])
def test_a_phone_number_is_written_with_its_country_code(number: str, good: bool) -> None:
    assert (wrong_address("sms", number) is None) is good


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=40), st.sampled_from(["email", "webhook"]))
def test_nothing_that_is_accepted_can_break_out_of_its_line(middle: str, channel: str) -> None:
    address = f"a{middle}@example.com" if channel == "email" else f"https://example.com/{middle}"
    if wrong_address(channel, address) is None:
        assert address.isascii()
        assert address.isprintable()
        assert " " not in address
