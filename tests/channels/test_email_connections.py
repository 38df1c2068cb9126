import asyncio

import pytest

from streams.domain.outcomes import DeadLetter, RetryLater, Sent
from tests.channels.mails import mail
from tests.channels.relay import Relay, Scripted
from tests.channels.smtp import provider, reason, until


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_connection_is_kept_for_many_mails(pipelining: bool) -> None:
    async with Relay(pipelining) as relay, provider(relay.url) as smtp:
        for _ in range(5):
            assert isinstance(await smtp.send(mail()), Sent)
        assert relay.connections == 1


async def test_connections_are_bounded_and_mails_wait_their_turn() -> None:
    async with Relay() as relay, provider(relay.url, connections=3) as smtp:
        outcomes = await asyncio.gather(*(smtp.send(mail()) for _ in range(30)))
        assert all(isinstance(outcome, Sent) for outcome in outcomes)
        assert relay.connections == 3
        assert len(relay.mails) == 30


async def test_a_mail_that_gets_no_turn_is_tried_later() -> None:
    async with Relay() as relay, provider(relay.url, connections=1, wait_seconds=0.05, content_seconds=0.5) as smtp:
        relay.behaviour.hangs_at = "DATA"
        slow = asyncio.create_task(smtp.send(mail()))
        await until(lambda: relay.connections == 1)
        outcome = await smtp.send(mail())
        assert reason(outcome) == "all connections were busy for 0.05 s at wait"
        await slow


HELLO = ["220 hello", "250 relay"]
TAKES = ["250 ok", "250 ok", "354 go", "250 taken"]


async def test_a_stale_kept_connection_is_replaced_at_once() -> None:
    async with Scripted([*HELLO, *TAKES, None], [*HELLO, *TAKES, "221 bye"]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        assert isinstance(await smtp.send(mail()), Sent)
        assert len(relay.heard) == 2


async def test_a_kept_connection_that_closes_with_421_is_replaced_at_once() -> None:
    closing = [*HELLO, *TAKES, "421 idle for too long"]
    async with Scripted(closing, [*HELLO, *TAKES, "221 bye"]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        assert isinstance(await smtp.send(mail()), Sent)
        assert len(relay.heard) == 2


async def test_a_kept_connection_lost_in_the_middle_of_a_mail_is_not_replaced() -> None:
    breaking = [*HELLO, *TAKES, "250 ok", "250 ok", "354 go", None]
    async with Scripted(breaking, [*HELLO, *TAKES]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert outcome.failure.ambiguous
        assert len(relay.heard) == 1


async def test_a_connection_that_refuses_to_reset_is_replaced_at_once() -> None:
    stuck = [*HELLO, "250 ok", "550 no", "502 no RSET here"]
    async with Scripted(stuck, [*HELLO, *TAKES]) as relay, provider(relay.url) as smtp:
        assert isinstance(await smtp.send(mail()), DeadLetter)
        assert isinstance(await smtp.send(mail()), Sent)
        assert relay.heard[0][-1] == "RSET"


async def test_an_idle_connection_is_closed() -> None:
    async with Relay() as relay, provider(relay.url, idle_seconds=0.05) as smtp:
        assert isinstance(await smtp.send(mail()), Sent)
        await until(lambda: relay.open == 0)
        assert isinstance(await smtp.send(mail()), Sent)
        assert relay.connections == 2


async def test_it_takes_leave_with_quit() -> None:
    async with Scripted([*HELLO, *TAKES, "221 bye"]) as relay:
        async with provider(relay.url) as smtp:
            await smtp.send(mail())
        await until(lambda: relay.heard[0][-1] == "QUIT")


async def test_closing_gives_the_connections_back() -> None:
    async with Relay() as relay:
        async with provider(relay.url) as smtp:
            await smtp.send(mail())
            assert relay.open == 1
        await until(lambda: relay.open == 0)


async def test_a_cancelled_mail_leaves_no_half_used_connection() -> None:
    async with Relay() as relay, provider(relay.url) as smtp:
        relay.behaviour.hangs_at = "DATA"
        slow = asyncio.create_task(smtp.send(mail()))
        await until(lambda: len(relay.commands) == 2)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        await until(lambda: relay.open == 0)
        relay.behaviour.hangs_at = None
        assert isinstance(await smtp.send(mail()), Sent)
        assert relay.connections == 2


async def test_when_the_relay_takes_data_without_a_recipient_the_connection_ends() -> None:
    """A pipelining relay may answer 354 although it refused the recipient: nothing may be sent into that."""
    refuses = ["220 hello", "250-relay\r\n250 PIPELINING", "250 ok\r\n550 no\r\n354 go", "", ""]
    async with Scripted([*refuses, *TAKES, *TAKES], [*HELLO, *TAKES]) as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail())
        assert isinstance(outcome, DeadLetter)
        assert reason(outcome).startswith("550 at envelope")
        assert isinstance(await smtp.send(mail()), Sent)
        assert len(relay.heard) == 2
        assert relay.heard[0][-1] == "DATA"


@pytest.mark.parametrize("answer", ["nonsense", "25", "250" + "x" * 70_000])
async def test_what_is_not_smtp_is_tried_later(answer: str) -> None:
    async with Scripted([*HELLO, answer]) as relay, provider(relay.url) as smtp:
        outcome = await smtp.send(mail())
        assert isinstance(outcome, RetryLater)
        assert not outcome.failure.ambiguous
