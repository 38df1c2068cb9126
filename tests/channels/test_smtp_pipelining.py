"""Where the relay offers PIPELINING the envelope is one write, and the content leaves the moment it is accepted."""

import asyncio
import time

import aiosmtplib
import pytest

from connectors.channels.mail_address import parse_mailbox
from connectors.channels.mime import MailWriter
from connectors.channels.patience import Patience
from connectors.channels.smtp_connect import connect
from connectors.channels.smtp_pool import SmtpPool
from connectors.channels.smtp_url import parse_relay
from streams.domain.outcomes import DeadLetter, RetryLater, Sent
from tests.channels.mails import mail
from tests.channels.relay import Relay, Scripted
from tests.channels.smtp import provider, reason, until
from tests.channels.talk import ENVELOPE_TAKEN, Talk, talking

SENDER = "no-reply@shop.example"
HELLO = ["220 hello", "250-relay\r\n250 PIPELINING"]


async def test_an_answer_to_the_content_that_came_before_the_content_proves_nothing() -> None:
    early = [*HELLO, "250 ok\r\n250 ok\r\n354 go\r\n250 taken", "", "", ""]
    async with Scripted(early) as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.ambiguous


@pytest.mark.parametrize("more", ["250 and one more", "4", "250-and"])
async def test_an_answer_with_something_behind_it_counts_but_its_connection_is_used_no_more(more: str) -> None:
    taken = [*HELLO, "250 ok\r\n250 ok\r\n354 go", "", ""]
    first = [*taken, f"250 taken\r\n{more}"]
    async with Scripted(first, [*taken, "250 taken"]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        outcome = await smtp.send(mail())
        assert isinstance(outcome, Sent)
        assert len(relay.heard) == 2


@pytest.mark.parametrize("half", ["4", "250 ta", "250-well\r\n"])
async def test_half_an_answer_that_came_before_the_content_is_no_part_of_one_that_comes_after(half: str) -> None:
    async def early(talk: Talk) -> None:
        talk.say("220 hello")
        await talk.hear("\r\n")
        talk.say("250-relay\r\n250 PIPELINING")
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN, half)

    async with talking(early) as url, provider(url) as smtp:
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.ambiguous


async def test_a_code_with_more_digits_is_none() -> None:
    """As when a stray digit came before the answer: 4250 is neither 425 nor 250."""

    async def stray(talk: Talk) -> None:
        talk.say("220 hello")
        await talk.hear("\r\n")
        talk.say("250-relay\r\n250 PIPELINING")
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        talk.say("4250 taken")

    async with talking(stray) as url, provider(url) as smtp:
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.ambiguous


@pytest.mark.parametrize(
    "answers",
    ["250 ok\r\n251 will forward\r\n354 go", "250\r\n252\r\n354", "250-a\r\n250 b\r\n250 ok\r\n354-so\r\n354 go"],
)
@pytest.mark.parametrize("taken", ["250 taken", "250", "250-well\r\n250 taken"])
async def test_an_answer_may_have_more_lines_or_no_text(answers: str, taken: str) -> None:
    async with Scripted([*HELLO, answers, "", "", taken]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)


async def test_a_relay_that_is_silent_after_the_content_is_given_up_in_the_time_for_the_content() -> None:
    times = {"envelope_seconds": 5, "content_seconds": 0.2}
    async with Relay(pipelining=True) as relay, provider(relay.url, **times) as smtp:
        relay.behaviour.hangs_at = "DATA"
        began = time.monotonic()
        outcome = await smtp.send(mail())
        assert 0.15 < time.monotonic() - began < 3
        assert reason(outcome) == "ambiguous: no answer in time before the answer to the content"


async def test_a_relay_that_is_silent_in_the_envelope_is_given_up_in_the_time_for_the_envelope() -> None:
    async with Relay(pipelining=True) as relay, provider(relay.url, envelope_seconds=0.2) as smtp:
        relay.behaviour.hangs_at = "RCPT"
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert not outcome.failure.ambiguous
        assert reason(outcome) == "no answer in time at envelope"


async def test_after_a_refused_recipient_the_connection_is_reset_and_used_again() -> None:
    async with Relay(pipelining=True) as relay, provider(relay.url) as smtp:
        relay.behaviour.answers["RCPT"] = "550 5.1.1 no such user"
        assert isinstance(await smtp.send(mail()), DeadLetter)
        relay.behaviour.answers.clear()
        for _ in range(2):
            assert isinstance(await smtp.send(mail()), Sent)
        assert relay.connections == 1
        assert len(relay.mails) == 2


async def test_answers_that_come_letter_by_letter_are_put_together() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250-relay\r\n250 PIPELINING\r\n")
        await reader.readuntil(b"DATA\r\n")
        for letter in b"250-a\r\n250 b\r\n250 ok\r\n354 go\r\n":
            writer.write(bytes([letter]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with provider(f"smtp://127.0.0.1:{port}") as smtp:
            assert isinstance(await smtp.send(mail()), Sent)


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("text", ["plain", ".", "..\r\n.\r\n.x", "a\r\n.\r\nb", "ends with a dot.\r\n.\r\n", "é" * 200])
async def test_the_relay_gets_what_aiosmtplib_would_have_given_it(pipelining: bool, text: str) -> None:
    message = mail(parts={"subject": "s", "html": text, "text": text})
    content = MailWriter(parse_mailbox(SENDER)).write(message, 1_795_000_000.0)
    async with Relay(pipelining) as relay:
        pool = SmtpPool(lambda owner: connect(parse_relay(relay.url), "host.example", (2, 2, 2), owner), 1, 5, 5)
        assert (await pool.carry(SENDER, message.address, content)).accepted
        await pool.close()
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=relay.port, start_tls=False) as oracle:
            await oracle.sendmail(SENDER, [message.address], content)
        ours, theirs = relay.mails
        assert ours == theirs


async def test_patience_ends_after_the_seconds_of_the_last_begin_whichever_was_longer() -> None:
    expired: list[float] = []
    loop = asyncio.get_running_loop()
    patience = Patience(lambda: expired.append(loop.time()))
    for seconds in (0.05, 0.3, 0.1):
        began = loop.time()
        patience.begin(seconds)
    await until(lambda: bool(expired))
    assert 0.09 < expired[0] - began < 0.3
    patience.begin(0.05)
    patience.begin(0.2)
    began = loop.time()
    await until(lambda: len(expired) == 2)
    assert expired[1] - began > 0.15


@pytest.mark.parametrize("give_up", [Patience.end, Patience.stop])
async def test_patience_that_ended_does_not_expire(give_up: object) -> None:
    expired: list[bool] = []
    patience, after = Patience(lambda: expired.append(True)), asyncio.Event()
    patience.begin(0.02)
    assert callable(give_up)
    give_up(patience)
    asyncio.get_running_loop().call_later(0.1, after.set)
    await after.wait()
    assert expired == []
