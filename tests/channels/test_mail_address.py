import email.policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.mail_address import Mailbox, address_fault, parse_mailbox


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "ada.lovelace+news@mail.example.co.uk",
        "o'brien_{x}~!#$%&*/=?^`|@example.com",
        "1@x.io",
        "postmaster@localhost",
        "a@xn--bcher-kva.example",
        "a" * 64 + "@example.com",
    ],
)
def test_ordinary_addresses_are_taken(address: str) -> None:
    assert address_fault(address) is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("", "no @"),
        ("ada", "no @"),
        ("@example.com", "before the @"),
        ("a" * 65 + "@example.com", "before the @"),
        ("ada@", "after the @"),
        ("ada@-example.com", "after the @"),
        ("ada@example..com", "after the @"),
        ("ada@[127.0.0.1]", "after the @"),
        ("ada@exa_mple.com", "after the @"),
        ("ada@" + "a" * 64 + ".com", "after the @"),
        ("a b@example.com", "before the @"),
        ('"a b"@example.com', "before the @"),
        ("a@b@example.com", "before the @"),
        ("ada@example.com\r\nDATA", "after the @"),
        ("ada@example.com\n", "after the @"),
        ("ada\x00@example.com", "before the @"),
        ("ada@example.com>", "after the @"),
        ("ada@example.com SIZE=1", "after the @"),
        ("ädä@example.com", "ASCII"),
        ("ada@bücher.example", "xn--"),
        ("ada@" + "a." * 130 + "com", "longer than 254"),
    ],
)
def test_what_is_no_address_says_why_and_does_not_repeat_it(address: str, fault: str) -> None:
    said = address_fault(address)
    assert said is not None
    assert fault in said
    assert len(address) < 4 or address not in said


@settings(deadline=None)
@given(text=st.text() | st.from_regex(r"[!-~]{1,20}@[!-~]{1,20}", fullmatch=True))
def test_what_is_taken_is_one_mailbox_to_the_standard_library_too(text: str) -> None:
    if address_fault(text) is not None:
        return
    assert not any(character in text for character in ' \t\r\n<>,;:"()\\[]')
    message = EmailMessage(policy=email.policy.SMTP)
    message["To"] = text
    header = message["To"]
    assert isinstance(header, AddressHeader)
    assert len(header.addresses) == 1


def test_a_sender_has_a_name_and_an_address() -> None:
    assert parse_mailbox("Harbour & Tide <no-reply@shop.example>") == Mailbox("Harbour & Tide", "no-reply@shop.example")
    assert parse_mailbox("no-reply@localhost") == Mailbox("", "no-reply@localhost")
    assert parse_mailbox("no-reply@shop.example").domain == "shop.example"


@pytest.mark.parametrize("text", ["", "nobody", "A <a b@c>", "A <a@b>\r\nBcc: x@y", "<>", "A <ä@b.example>"])
def test_a_sender_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no sender"):
        parse_mailbox(text)
