import email
import email.policy
import errno
import socket
from dataclasses import replace
from typing import Any

import pytest

from connectors.channels.email import SmtpPolicy, SmtpProvider
from streams.domain.failures import FailureKind
from streams.domain.outcomes import DeadLetter, RetryLater, Sent
from tests.channels.mails import MAIL, mail
from tests.channels.relay import Relay
from tests.channels.smtp import POLICY, provider, reason


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_mail_arrives_whole(pipelining: bool) -> None:
    text = "Grüße\n.\n..two dots\nFrom here\n" + "long " * 50
    async with Relay(pipelining) as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail(parts={**MAIL.parts, "text": text}))
        assert isinstance(outcome, Sent)
        assert not outcome.delivered
        (caught,) = relay.mails
    assert (caught.sender, caught.recipients) == ("no-reply@shop.example", ["ada.lovelace@example.com"])
    read = email.message_from_bytes(caught.content, policy=email.policy.default)
    body = read.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == text
    assert read["Message-ID"] == f"<{MAIL.delivery_id}@shop.example>"
    assert read["X-Tidings-Delivery-Id"] == MAIL.delivery_id
    assert read["X-Tidings-Notification-Id"] == MAIL.notification_id
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["From"] == "Harbour & Tide <no-reply@shop.example>"
    assert read["To"] == "ada.lovelace@example.com"


async def test_the_call_is_told_without_address_and_content() -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail())
    assert isinstance(outcome, Sent)
    assert outcome.call.code == "250"
    assert outcome.call.provider_message_id == "Q1"
    assert outcome.call.request == "MAIL 127.0.0.1"
    assert outcome.call.response == "2.0.0 Ok: queued as Q1"
    assert outcome.call.duration_ms > 0


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(
    ("step", "answer", "kind", "code"),
    [
        ("RCPT", "451 4.7.1 Greylisted, come again", FailureKind.TRANSIENT, "451"),
        ("RCPT", "450 4.2.0 Mailbox busy", FailureKind.TRANSIENT, "450"),
        ("RCPT", "452 4.2.2 Full", FailureKind.TRANSIENT, "452"),
        ("RCPT", "550 5.1.1 No such user", FailureKind.PERMANENT, "550"),
        ("RCPT", "556 5.1.10 Null MX", FailureKind.PERMANENT, "556"),
        ("MAIL", "421 4.3.2 Closing", FailureKind.TRANSIENT, "421"),
        ("MAIL", "530 5.7.0 Log in first", FailureKind.TRANSIENT, "530"),
        ("MAIL", "552 5.3.4 Too large", FailureKind.PERMANENT, "552"),
        ("DATA", "554 5.7.1 Spam", FailureKind.PERMANENT, "554"),
        ("DATA", "451 4.3.0 Local error", FailureKind.TRANSIENT, "451"),
    ],
)
async def test_a_refusal_is_told_by_the_table(
    pipelining: bool, step: str, answer: str, kind: FailureKind, code: str
) -> None:
    async with Relay(pipelining) as relay, provider(relay.url) as smtp:
        relay.behaviour.answers[step] = answer
        outcome = await smtp.send(mail())
        assert isinstance(outcome, DeadLetter if kind is FailureKind.PERMANENT else RetryLater)
        assert outcome.failure.kind is kind
        assert not outcome.failure.ambiguous
        assert outcome.call is not None
        assert outcome.call.code == code
        assert outcome.failure.reason.startswith(f"{code} at ")
        assert relay.mails == []


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("refused_before", [False, True])
@pytest.mark.parametrize(
    ("step", "answer", "dead"),
    [
        ("RCPT", "550 no such user", True),
        ("RCPT", "550 5.7.1 not from you", False),
        ("MAIL", "550 no such sender", False),
        ("DATA", "550 spam", False),
        ("DATA", "550 5.1.1 no such user after all", True),
    ],
)
async def test_a_relay_tells_whether_it_is_the_mailbox_that_is_dead(
    pipelining: bool, refused_before: bool, step: str, answer: str, dead: bool
) -> None:
    async with Relay(pipelining) as relay, provider(relay.url) as smtp:
        if refused_before:  # then the connection is reset first, and one answer more comes back
            relay.behaviour.answers["RCPT"] = "451 later"
            await smtp.send(mail())
            relay.behaviour.answers.clear()
        relay.behaviour.answers[step] = answer
        outcome = await smtp.send(mail())
    assert isinstance(outcome, DeadLetter)
    assert outcome.failure.address_is_dead is dead


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_after_a_refusal_the_next_mail_goes_out(pipelining: bool, step: str) -> None:
    async with Relay(pipelining) as relay, provider(relay.url) as smtp:
        relay.behaviour.answers[step] = "550 5.7.1 Refused"
        assert isinstance(await smtp.send(mail()), DeadLetter)
        relay.behaviour.answers.clear()
        assert isinstance(await smtp.send(mail()), Sent)
        (caught,) = relay.mails
        assert caught.recipients == [MAIL.address]
        assert relay.connections == 1


async def test_a_lost_answer_to_the_content_is_ambiguous() -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        relay.behaviour.drops_at = "DATA"
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.kind is FailureKind.TRANSIENT
        assert outcome.failure.ambiguous
        assert outcome.failure.reason == "ambiguous: the connection was lost before the answer to the content"
        assert len(relay.commands) == 2, "it was not tried again on its own"


async def test_silence_after_the_content_is_ambiguous() -> None:
    async with Relay() as relay, provider(relay.url, content_seconds=0.1) as smtp:
        relay.behaviour.hangs_at = "DATA"
        outcome = await smtp.send(mail())
        assert reason(outcome) == "ambiguous: no answer in time before the answer to the content"


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
async def test_silence_before_the_content_is_a_plain_failure(step: str) -> None:
    async with Relay() as relay, provider(relay.url, envelope_seconds=0.1) as smtp:
        relay.behaviour.hangs_at = step
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert not outcome.failure.ambiguous
        assert reason(outcome) == "no answer in time at envelope"


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
async def test_a_connection_lost_before_the_content_is_a_plain_failure(step: str) -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        relay.behaviour.drops_at = step
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert not outcome.failure.ambiguous
        assert relay.connections == 1, "a fresh connection that breaks is not replaced on the spot"


async def test_nobody_listening_is_tried_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        async with provider(f"smtp://127.0.0.1:{free.getsockname()[1]}") as smtp:
            outcome = await smtp.send(mail())
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == f"no connection to the relay ({errno.errorcode[errno.ECONNREFUSED]}) at connect"


async def test_a_relay_that_never_greets_is_tried_later() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with provider(f"smtp://127.0.0.1:{silent.getsockname()[1]}", connect_seconds=0.1) as smtp:
            outcome = await smtp.send(mail())
    assert isinstance(outcome, RetryLater)
    assert reason(outcome) == "no answer in time at connect"


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@", "@example.com", "a@b@c", "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@exa mple.com",
     "ada@example.com,eve@example.com", "<ada@example.com>", "ädä@example.com", "a" * 250 + "@example.com"],
)  # fmt: skip
async def test_an_address_that_is_none_is_refused_without_a_call(address: str) -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail(address=address))
        assert isinstance(outcome, DeadLetter)
        assert outcome.call is None
        assert not address or address not in reason(outcome)
        assert relay.connections == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": {**MAIL.parts, "subject": "Hello\r\nBcc: eve@example.com"}},
        {"parts": {**MAIL.parts, "subject": "Hello\nX: y"}},
        {"notification_id": "1\r\nBcc: eve@example.com"},
        {"delivery_id": "1>\r\nBcc: eve@example.com"},
        {"parts": {"subject": "no text"}},
    ],
)
async def test_a_header_cannot_be_injected(changes: dict[str, Any]) -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail(**changes))
        assert isinstance(outcome, DeadLetter)
        assert "eve" not in reason(outcome)
        assert relay.connections == 0


async def test_a_relay_that_asks_for_a_login_gets_it() -> None:
    async with Relay(login=("postbox", "open sesame")) as relay:
        url = f"smtp://postbox:open%20sesame@127.0.0.1:{relay.port}"
        async with provider(url) as smtp:
            assert isinstance(await smtp.send(mail()), Sent)
        assert relay.logins == [("postbox", "open sesame")]


async def test_a_wrong_login_is_no_fault_of_the_mail() -> None:
    async with Relay(login=("postbox", "right")) as relay:
        url = f"smtp://postbox:wrong@127.0.0.1:{relay.port}"
        async with provider(url) as smtp:
            outcome = await smtp.send(mail())
    assert isinstance(outcome, RetryLater)
    assert reason(outcome).startswith("535 at connect")


async def test_a_password_is_not_sent_in_the_clear() -> None:
    async with Relay(login=("postbox", "secret")) as relay:
        async with provider(f"smtp://postbox:secret@127.0.0.1:{relay.port}?starttls=required") as smtp:
            outcome = await smtp.send(mail())
        assert reason(outcome).startswith("the relay does not offer the STARTTLS or login")
        assert relay.logins == []


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_what_the_relay_repeats_of_us_is_not_kept(step: str) -> None:
    said = (
        "550 5.1.1 <ada.lovelace@example.com>: ada.lovelace unknown, see https://x.example/a?b=CANARY, Order CANARY-7"
    )
    async with Relay() as relay, provider(relay.url) as smtp:
        relay.behaviour.answers[step] = said
        outcome = await smtp.send(mail())
    assert isinstance(outcome, DeadLetter)
    assert outcome.call is not None
    assert "unknown, see https://x.example/…" in outcome.call.response
    for canary in ("ada", "lovelace", "CANARY"):
        assert canary not in repr(outcome)


def test_a_sender_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is no sender"):
        SmtpProvider(replace(POLICY, url="smtp://127.0.0.1", mail_from="nobody"))
    with pytest.raises(ValueError, match="the SMTP URL"):
        SmtpProvider(replace(POLICY, url="http://127.0.0.1"))


def test_a_call_ends_before_the_sender_gives_it_up() -> None:
    assert SmtpPolicy("smtp://127.0.0.1", "a@b.example").longest_call_seconds < 120


async def test_the_envelope_is_bounded_as_a_whole() -> None:
    """A relay that answers each command at the last moment does not hold a connection several times as long."""
    async with Relay() as relay, provider(relay.url, envelope_seconds=0.4) as smtp:
        relay.behaviour.slow = 0.3
        outcome = await smtp.send(mail())
        assert reason(outcome) == "no answer in time at envelope"
