"""The sink takes what it is given, over SMTP and HTTP, and tells what came and when."""

import smtplib
import time
import urllib.request
from collections.abc import Iterator

import pytest

from ops.bench.sender.sink_link import Sink, sink_running


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sink_running([]) as running:
        yield running


def test_mails_are_taken_one_after_the_other_and_are_kept_as_they_came(sink: Sink) -> None:
    before = time.monotonic()
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as relay:
        relay.ehlo()
        assert relay.has_extn("pipelining")
        for number in (16, 17):
            relay.sendmail("a@example.com", f"h.{number}@example.com", f"Subject: {number}\r\n\r\n.dot\r\n")
    assert [(each.priority, each.number) for each in sink.arrivals()] == [("h", 16), ("h", 17)]
    assert before < sink.arrivals()[0].at < time.monotonic()
    assert sink.kept() == {16: b"Subject: 16\r\n\r\n..dot"}
    sink.reset()
    assert sink.count().messages == 0


def test_a_pipelined_envelope_is_answered_in_order(sink: Sink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as relay:
        assert relay.sock is not None
        relay.ehlo()
        relay.sock.sendall(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<n.1@example.com>\r\nDATA\r\n")
        assert [relay.getreply()[0] for _ in range(3)] == [250, 250, 354]
        relay.sock.sendall(b"Subject: x\r\n\r\n")
        relay.sock.sendall(b"y\r\n.\r\nQUIT\r\n")
        assert relay.getreply()[0] == 250
    assert sink.wait(1).messages == 1


def test_it_refuses_mails_until_it_is_told_to_take_them(sink: Sink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.smtp_port) as relay:
        sink.refuse()
        with pytest.raises(smtplib.SMTPDataError):
            relay.sendmail("a@example.com", "n.1@example.com", "Subject: 1\r\n\r\n1")
        assert sink.count().messages == 0
        sink.take()
        relay.sendmail("a@example.com", "n.2@example.com", "Subject: 2\r\n\r\n2")
    assert [each.number for each in sink.arrivals()] == [2]


def test_posts_are_taken(sink: Sink) -> None:
    for number in range(3):
        request = urllib.request.Request(f"{sink.url}/n.{number}", data=b"{}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    assert [each.number for each in sink.arrivals()] == [0, 1, 2]


def test_waiting_for_what_does_not_come_ends(sink: Sink) -> None:
    with pytest.raises(RuntimeError, match="stuck at 0 of 1"):
        sink.wait(1, seconds=0.05)
