import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.channels.mail_address import Mailbox, parse_mailbox
from connectors.channels.mime import MailWriter, UnfitMessage, header
from tests.channels.mails import MAIL, mail

NOW = 1_795_000_000.5
WRITER = MailWriter(parse_mailbox("Harbour & Tide <no-reply@shop.example>"))

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
ONE_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]))


def read(raw: bytes) -> EmailMessage:
    """As the standard library reads it; it must find no defect."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == []
    return message


def bodies(message: EmailMessage) -> dict[str, str]:
    return {
        part.get_content_type(): part.get_content() for part in message.iter_parts() if isinstance(part, EmailMessage)
    }


def same_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def test_a_mail_by_hand() -> None:
    parts = {"subject": "Hi", "html": "<p>\n.</p>", "text": "Grüße = 1, and more of it\n"}
    assert WRITER.write(mail(parts=parts), NOW).decode() == (
        "Message-ID: <0b0f6a2e-1c1d-5222-8333-444455556666@shop.example>\r\n"
        "Date: Wed, 18 Nov 2026 11:06:40 +0000\r\n"
        "From: Harbour & Tide <no-reply@shop.example>\r\n"
        "To: ada.lovelace@example.com\r\n"
        "Subject: Hi\r\n"
        "X-Tidings-Delivery-Id: 0b0f6a2e-1c1d-5222-8333-444455556666\r\n"
        "X-Tidings-Notification-Id: 0199aaaa-0000-7000-8000-000000000001\r\n"
        "MIME-Version: 1.0\r\n"
        "Auto-Submitted: auto-generated\r\n"
        'Content-Type: multipart/alternative; boundary="=_tidings"\r\n'
        "\r\n"
        "--=_tidings\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n"
        "\r\n"
        "Gr=C3=BC=C3=9Fe =3D 1, and more of it\r\n"
        "\r\n"
        "--=_tidings\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "<p>\r\n"
        ".</p>\r\n"
        "--=_tidings--\r\n"
    )  # fmt: skip


@settings(deadline=None)
@given(subject=ONE_LINE, html=UNICODE, text=UNICODE)
@example("=?utf-8?q?x?=", "--=_tidings--", "--=_tidings\r\nX: y\r\n\r\n")
@example("a" * 3000, "x" * 3000, "From me\n.\n..\n" * 100)
@example("word " * 400, " trailing \n \n\t\n", "\x00\x1b\x7f")
@example("Grüße " * 50, "Привет " * 300, "日本語" * 500)
@example("dots", ".\n..\n.", "x" * 900 + "\n" + "y" * 900)
@example("spaces", "at the end \nof a line", "at the end of all ")
@example("boundary", "--=_tidings--", "a\n--=_tidings\nb")
@example("a  b   c" * 20, "=" * 200, "\r\r\n\n\r")
def test_the_standard_library_reads_what_was_written(subject: str, html: str, text: str) -> None:
    raw = WRITER.write(mail(parts={"subject": subject, "html": html, "text": text}), NOW)
    message = read(raw)
    assert message["Subject"] == subject.strip()
    assert bodies(message) == {"text/plain": same_lines(text), "text/html": same_lines(html)}


@settings(deadline=None)
@given(subject=ONE_LINE, html=UNICODE, text=UNICODE)
@example("é" * 500, "x" * 3000, "é" * 3000)
def test_what_was_written_is_fit_for_any_relay(subject: str, html: str, text: str) -> None:
    raw = WRITER.write(mail(parts={"subject": subject, "html": html, "text": text}), NOW)
    assert raw.isascii()
    assert b"\x00" not in raw
    assert raw.endswith(b"\r\n")
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 902


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n.\ntext", "7bit"),
        ("x" * 900, "7bit"),
        ("x" * 901, "quoted-printable"),
        ("a line that ends \nin a space", "quoted-printable"),
        ("so does the text ", "quoted-printable"),
        ("--=_tidings", "quoted-printable"),
        ("a\ttab", "quoted-printable"),
        ("a null \x00", "quoted-printable"),
        ("Grüße, and much more of it", "quoted-printable"),
        ("日本語", "base64"),
    ],
)
def test_a_part_is_encoded_only_where_it_has_to_be(text: str, encoding: str) -> None:
    message = read(WRITER.write(mail(parts={"subject": "s", "html": text, "text": text}), NOW))
    assert [part["Content-Transfer-Encoding"] for part in message.iter_parts()] == [encoding] * 2
    assert set(bodies(message).values()) == {same_lines(text)}


@settings(deadline=None)
@given(subject=st.text(alphabet="ab é\u00a0🎉", max_size=200))
def test_headers_of_ordinary_words_keep_to_short_lines(subject: str) -> None:
    assert max(map(len, header("Subject", subject).split(b"\r\n"))) <= 78 or len(max(subject.split(), key=len)) > 60


@settings(deadline=None)
@given(name=ONE_LINE.map(lambda text: " ".join(text.split())))
@example('Quo"te \\ back')
@example("Kölner Dom")
@example("comma, inc.")
@example("=?utf-8?q?no?=")
def test_the_senders_name_is_read_back(name: str) -> None:
    raw = MailWriter(Mailbox(name, "a@b.example")).write(MAIL, NOW)
    # email.policy.default puts a space between two encoded words of a name, against RFC 2047: so the older reader
    shown, address = parseaddr(email.message_from_bytes(raw, policy=email.policy.compat32)["From"])
    assert (str(make_header(decode_header(shown))), address) == (name, "a@b.example")


def test_the_message_id_is_the_same_over_all_attempts_and_the_date_is_not() -> None:
    first, second = (read(WRITER.write(mail(attempt=n), NOW + n)) for n in (1, 2))
    assert first["Message-ID"] == second["Message-ID"] == f"<{MAIL.delivery_id}@shop.example>"
    assert parsedate_to_datetime(first["Date"]).timestamp() == NOW // 1 + 1
    assert parsedate_to_datetime(second["Date"]).timestamp() == NOW // 1 + 2


@settings(deadline=None)
@given(text=st.text(), control=st.sampled_from(["\r", "\n", "\r\n", "\x00", "\x0b", "\x7f"]), at=st.integers(0, 50))
def test_no_value_writes_a_second_header(text: str, control: str, at: int) -> None:
    with pytest.raises(UnfitMessage):
        header("Subject", text[:at] + control + text[at:])


@pytest.mark.parametrize("delivery_id", ["", "a b", "a>b", "a\r\nb", "ä", "x" * 201])
def test_a_delivery_id_that_fits_no_message_id_is_refused(delivery_id: str) -> None:
    with pytest.raises(UnfitMessage, match="Message-ID"):
        WRITER.write(mail(delivery_id=delivery_id), NOW)


@pytest.mark.parametrize("part", ["subject", "html", "text"])
def test_a_part_that_is_missing_or_no_unicode_is_refused(part: str) -> None:
    with pytest.raises(UnfitMessage, match=part):
        WRITER.write(mail(parts={name: text for name, text in MAIL.parts.items() if name != part}), NOW)
    with pytest.raises(UnfitMessage, match="Unicode"):
        WRITER.write(mail(parts={**MAIL.parts, part: "\ud800"}), NOW)


@pytest.mark.parametrize(("longest", "encoding"), [(898, "7bit"), (899, "7bit"), (900, "quoted-printable")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_only_a_text_whose_lines_are_short_is_sent_unencoded(longest: int, encoding: str, place: int) -> None:
    lines = ["x" * 500] * 3
    lines[place] = "y" * longest
    raw = WRITER.write(mail(parts={"subject": "s", "html": "<p>", "text": "\n".join(lines) + "\n"}), NOW)
    part = next(each for each in read(raw).walk() if each.get_content_type() == "text/plain")
    assert part["Content-Transfer-Encoding"] == encoding
    assert max(map(len, raw.split(b"\r\n"))) <= 900
