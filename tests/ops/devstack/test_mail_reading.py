from email.message import EmailMessage

import pytest

from ops.devstack.mail import answer_to
from ops.devstack.mail_reading import UNREADABLE, Attachment, read_mail


def mail(**headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    return made


def test_subject_text_html_and_headers_are_read() -> None:
    made = mail(Subject="Grüße ✓", List_Unsubscribe="<https://x.test/u>")
    made.set_content("hällo\n")
    made.add_alternative("<p>hällo</p>\n", subtype="html")
    reading = read_mail(made.as_bytes())
    assert (reading.subject, reading.text, reading.html) == ("Grüße ✓", "hällo\n", "<p>hällo</p>\n")
    assert reading.headers["List-Unsubscribe"] == "<https://x.test/u>"
    assert reading.attachments == ()


def test_an_attached_text_is_no_part_of_the_text() -> None:
    made = mail(Subject="x")
    made.set_content("the text")
    made.add_attachment("the file", filename="notes.txt")
    reading = read_mail(made.as_bytes())
    assert reading.text == "the text\n"
    assert [part.name for part in reading.attachments] == ["notes.txt"]


def test_an_attachment_tells_its_type_and_size() -> None:
    made = mail(Subject="x")
    made.set_content("x")
    made.add_attachment(b"12345", maintype="application", subtype="pdf", filename="Rechnung für Ada.pdf")
    assert read_mail(made.as_bytes()).attachments == (Attachment("Rechnung für Ada.pdf", "application/pdf", 5),)


@pytest.mark.parametrize(
    ("source", "subject", "text"),
    [
        (b"", "", ""),
        (b"no header at all", "", "no header at all"),
        (b"Subject: =?utf-8?q?h=C3=A4?=\r\n\r\na\r\nb\r\n", "hä", "a\nb\n"),
        (b"Subject: a\r\n  long one\r\n\r\n", "a  long one", ""),
        (b"Subject: =?nonsense?q?x?=\r\n\r\n", "=?nonsense?q?x?=", ""),
        (b"Content-Type: text/plain; charset=nonsense\r\n\r\nx", "", UNREADABLE),
        (b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xff", "", "\ufffd"),
        (b"subject: lower case\r\n\r\n", "lower case", ""),
    ],
)
def test_a_broken_mail_is_read_as_well_as_it_can_be(source: bytes, subject: str, text: str) -> None:
    reading = read_mail(source)
    assert (reading.subject, reading.text) == (subject, text)


def test_a_repeated_header_has_all_its_values() -> None:
    assert read_mail(b"Received: a\r\nReceived: b\r\n\r\n").headers == {"Received": "a\nb"}


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("ada@example.test", "250"),
        ("reject@example.test", "550 5.1.1"),
        ("Reject-42@example.test", "550 5.1.1"),
        ("defer.me@example.test", "451 4.7.1"),
        ("not-reject@example.test", "250"),
        ("ada@reject.test", "250"),
    ],
)
def test_the_local_part_says_what_happens(recipient: str, code: str) -> None:
    assert answer_to(recipient).startswith(code)
