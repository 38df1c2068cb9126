import smtplib
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ops.devstack import Endpoints, Stack
from tests.ops.devstack.waiting import get_json

pytestmark = pytest.mark.servers


def mail(number: int = 1) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = f"Grüße {number}", "Shop <shop@example.test>", "somebody@else.test"
    made.set_content(f"hällo {number}\n")
    made.add_alternative("<p>hällo <script>alert(1)</script></p>\n", subtype="html")
    return made


def open_smtp(endpoints: Endpoints) -> smtplib.SMTP:
    address = urlsplit(endpoints.smtp_url)
    return smtplib.SMTP(address.hostname or "", address.port or 0)


@pytest.fixture
def smtp(catchers: Endpoints) -> Iterator[smtplib.SMTP]:
    with open_smtp(catchers) as connection:
        yield connection


def messages(endpoints: Endpoints, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = get_json(f"{endpoints.mail_url}api/messages{query}")
    return found


def test_a_mail_is_listed_with_the_addresses_of_its_envelope(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    smtp.send_message(mail(), "bounces@shop.test", ["ada@example.test", "grace@example.test"])
    [found] = messages(catchers)
    assert found.pop("id")
    assert str(found.pop("received_at")).endswith("+00:00")
    assert found == {
        "from": "bounces@shop.test",
        "to": ["ada@example.test", "grace@example.test"],
        "subject": "Grüße 1",
        "text": "hällo 1\n",
    }


def test_one_mail_tells_html_and_headers_too(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    smtp.send_message(mail(), to_addrs=["ada@example.test"])
    [listed] = messages(catchers)
    whole = get_json(f"{catchers.mail_url}api/messages/{listed['id']}")
    assert whole["html"].startswith("<p>hällo")
    assert whole["headers"]["To"] == "somebody@else.test"
    assert {name: whole[name] for name in listed} == listed


def test_the_source_is_what_came(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    content = b"Subject: x\r\n\r\n.a line with a dot\r\nX-Envelope-From: fooled\r\n"
    smtp.sendmail("a@example.test", ["ada@example.test"], content)
    [listed] = messages(catchers)
    with urllib.request.urlopen(f"{catchers.mail_url}api/messages/{listed['id']}/source") as answer:
        assert answer.read() == content


def test_many_mails_come_over_one_connection_and_are_listed_newest_first(
    smtp: smtplib.SMTP, catchers: Endpoints
) -> None:
    for number in range(30):
        smtp.send_message(mail(number), to_addrs=[f"r{number % 3}@example.test"])
    assert [each["subject"] for each in messages(catchers)] == [f"Grüße {number}" for number in reversed(range(30))]
    assert [each["subject"] for each in messages(catchers, "?to=r1@example.test&limit=2")] == ["Grüße 28", "Grüße 25"]
    newest = messages(catchers, "?limit=1")[0]["id"]
    assert messages(catchers, f"?after={newest}") == []


def test_commands_may_be_sent_ahead_of_the_answers(catchers: Endpoints) -> None:
    with open_smtp(catchers) as connection:
        assert connection.ehlo()[0] == 250
        assert {"pipelining", "8bitmime", "smtputf8", "size"} <= set(connection.esmtp_features)
        assert connection.sock
        ahead = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<reject@b.test>\r\nRCPT TO:<ada@b.test>\r\nDATA\r\n"
        connection.sock.sendall(ahead)
        assert [connection.getreply()[0] for _ in range(4)] == [250, 550, 250, 354]
        connection.sock.sendall(b"\r\nx\r\n.\r\nNOOP\r\n")
        assert [connection.getreply()[0] for _ in range(2)] == [250, 250]
    assert [each["to"] for each in messages(catchers)] == [["ada@b.test"]]


def test_reject_and_defer_fail_and_keep_nothing(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        smtp.send_message(mail(), to_addrs=["reject@example.test", "defer-1@example.test"])
    answers = {address: (code, text[:5]) for address, (code, text) in refused.value.recipients.items()}
    assert answers == {"reject@example.test": (550, b"5.1.1"), "defer-1@example.test": (451, b"4.7.1")}
    assert messages(catchers) == []


def test_a_bounce_has_the_empty_sender_and_is_taken(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    smtp.sendmail("", ["ada@example.test"], b"Subject: x\r\n\r\n")
    assert [each["from"] for each in messages(catchers)] == ["<>"]


def test_delete_forgets_all_and_ids_are_not_given_again(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    smtp.send_message(mail(), to_addrs=["ada@example.test"])
    old = messages(catchers)[0]["id"]
    request = urllib.request.Request(f"{catchers.mail_url}api/messages", method="DELETE")
    urllib.request.urlopen(request).close()
    assert messages(catchers) == []
    smtp.send_message(mail(), to_addrs=["ada@example.test"])
    assert str(messages(catchers)[0]["id"]) > str(old)


def test_the_list_says_when_nothing_has_changed(smtp: smtplib.SMTP, catchers: Endpoints) -> None:
    address = f"{catchers.mail_url}api/messages"
    with urllib.request.urlopen(address) as answer:
        tag, total = answer.headers["ETag"], answer.headers["X-Total"]
    assert total == "0"
    unchanged = urllib.request.Request(address, headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as not_modified:
        urllib.request.urlopen(unchanged)
    with not_modified.value as answer:
        assert answer.code == 304
    smtp.send_message(mail(), to_addrs=["ada@example.test"])
    with urllib.request.urlopen(unchanged) as answer:
        assert (answer.status, answer.headers["X-Total"]) == (200, "1")


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script_of_a_mail(
    smtp: smtplib.SMTP, catchers: Endpoints
) -> None:
    smtp.send_message(mail(), to_addrs=["ada@example.test"])
    with urllib.request.urlopen(catchers.mail_url) as page:
        text = page.read().decode()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http://" not in text
    assert "https://" not in text
    assert "reject" in text
    with urllib.request.urlopen(f"{catchers.mail_url}api/messages/{messages(catchers)[0]['id']}/html") as part:
        policy = part.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [("", "evil.test", 403), ("api/messages", "evil.test", 403), ("api/messages/x", "", 404), ("?x", "", 200)],
)
def test_another_sites_name_is_refused(catchers: Endpoints, path: str, host: str, status: int) -> None:
    request = urllib.request.Request(catchers.mail_url + path, headers={"Host": host} if host else {})
    assert status_of(request) == status


def test_a_limit_that_is_no_number_is_the_clients_mistake(catchers: Endpoints) -> None:
    assert status_of(urllib.request.Request(f"{catchers.mail_url}api/messages?limit=many")) == 400


def status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code


def test_mails_are_there_again_at_the_next_start(tmp_path: Path) -> None:
    for number in range(2):
        with Stack(tmp_path / "data", services=("mail",)) as stack, open_smtp(stack.endpoints) as connection:
            connection.send_message(mail(number), "a@example.test", ["ada@example.test", "grace@example.test"])
            found = messages(stack.endpoints)
    assert [each["subject"] for each in found] == ["Grüße 1", "Grüße 0"]
    assert found[1]["to"] == ["ada@example.test", "grace@example.test"]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(catchers: Endpoints) -> None:
    address = urlsplit(catchers.smtp_url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<ada@b.test>\r\nDATA\r\nSubject: half")
        while b"354" not in connection.recv(4096):
            pass
    with open_smtp(catchers) as other:
        other.send_message(mail(), to_addrs=["grace@example.test"])
    assert [each["to"] for each in messages(catchers)] == [["grace@example.test"]]
