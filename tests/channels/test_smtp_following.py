"""While all connections are busy the next mail's envelope goes with a content; nothing is lost or doubled by it."""

import asyncio

import pytest

from connectors.channels import smtp_connection
from connectors.channels.email import SmtpProvider
from streams.domain.outcomes import DeadLetter, Outcome, RetryLater, Sent
from tests.channels.mails import to
from tests.channels.smtp import provider, reason, until
from tests.channels.talk import ENVELOPE_TAKEN, Talk, talking


async def three(smtp: SmtpProvider) -> list[Outcome]:
    """Three mails, the second and the third at once after the first."""
    first = await smtp.send(to(1))
    return [first, *await asyncio.gather(smtp.send(to(2)), smtp.send(to(3)))]


@pytest.mark.parametrize("pause", [False, True])
async def test_the_next_envelope_comes_before_the_content_is_answered(pause: bool) -> None:
    async def relay(talk: Talk) -> None:
        await talk.begin()
        assert "<n2@" in await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        assert "<n3@" in await talk.hear_envelope()
        talk.say("250 taken")
        if pause:
            await asyncio.sleep(0.02)
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        talk.say("250 taken")

    async with talking(relay) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_refused_follower_is_told_apart_and_the_connection_goes_on() -> None:
    async def relay(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        talk.say("250 taken\r\n250 ok\r\n550 5.1.1 nobody\r\n503 no recipient")
        assert (await talk.hear("\r\n")) == "RSET\r\n"
        talk.say("250 ok")
        await talk.take()

    async with talking(relay) as url, provider(url, connections=1) as smtp:
        first, second, third = await three(smtp)
        assert isinstance(first, Sent)
        assert isinstance(second, Sent)
        assert isinstance(third, DeadLetter)
        assert isinstance(await smtp.send(to(4)), Sent)


@pytest.mark.parametrize("rest", ["", "\r\n503 no mail\r\n503 no mail"])
async def test_a_relay_that_refuses_to_be_followed_gets_the_mail_alone_and_is_followed_no_more(rest: str) -> None:
    async def refuses(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        talk.say("250 taken\r\n554 5.5.0 improper command pipelining" + rest)
        if not rest:
            talk.hang_up()

    async def other(talk: Talk) -> None:
        await talk.begin()
        await whole_mails(talk, 2)

    async with talking(refuses, other) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))
        both = await asyncio.gather(smtp.send(to(4)), smtp.send(to(5)))
        assert all(isinstance(outcome, Sent) for outcome in both)


@pytest.mark.parametrize("answer", [None, "421 enough"])
async def test_when_the_content_breaks_off_its_follower_goes_with_a_new_connection(answer: str | None) -> None:
    async def breaks(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        if answer is None:
            talk.hang_up()
        else:
            talk.say(answer)

    async with talking(breaks, Talk.begin) as url, provider(url, connections=1) as smtp:
        _, second, third = await three(smtp)
        assert isinstance(second, RetryLater)
        assert second.failure.ambiguous == (answer is None)
        assert isinstance(third, Sent)


async def test_a_connection_that_ends_after_a_content_gives_its_follower_back() -> None:
    async def ends(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        talk.say("250 taken\r\n421 a hundred mails are enough")
        await talk.hear_nothing_more()

    async with talking(ends, Talk.begin) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_follower_does_not_wait_behind_a_content_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_connection, "STUCK_SECONDS", 0.05)
    followed, given_back, came_elsewhere = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        followed.set()
        await came_elsewhere.wait()
        talk.say("250 taken\r\n" + ENVELOPE_TAKEN)
        await talk.hear_nothing_more()

    async def other(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        await given_back.wait()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content_alone()  # it follows once only
        talk.say("250 taken")
        await talk.take()
        came_elsewhere.set()

    async with talking(slow, other) as url, provider(url, connections=2) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await asyncio.gather(smtp.send(to(1)), smtp.send(to(2))))
        sending = [asyncio.create_task(smtp.send(to(number))) for number in (3, 4, 5)]
        await followed.wait()
        await until(lambda: smtp._pool is not None and bool(smtp._pool._line))
        given_back.set()
        assert all(isinstance(outcome, Sent) for outcome in await asyncio.gather(*sending))


async def test_a_cancelled_follower_leaves_the_mail_before_it_alone() -> None:
    followed, cancelled = asyncio.Event(), asyncio.Event()

    async def relay(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        followed.set()
        await cancelled.wait()
        talk.say("250 taken")
        await talk.hear_nothing_more()

    async with talking(relay, Talk.begin) as url, provider(url, connections=1) as smtp:
        await smtp.send(to(1))
        second, third = asyncio.create_task(smtp.send(to(2))), asyncio.create_task(smtp.send(to(3)))
        await followed.wait()
        third.cancel()
        with pytest.raises(asyncio.CancelledError):
            await third
        cancelled.set()
        assert isinstance(await second, Sent)
        assert isinstance(await smtp.send(to(4)), Sent)


async def test_a_follower_of_a_cancelled_mail_goes_with_a_new_connection() -> None:
    followed = asyncio.Event()

    async def relay(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        followed.set()
        await talk.hear_nothing_more()

    async with talking(relay, Talk.begin) as url, provider(url, connections=1) as smtp:
        await smtp.send(to(1))
        second, third = asyncio.create_task(smtp.send(to(2))), asyncio.create_task(smtp.send(to(3)))
        await followed.wait()
        second.cancel()
        assert isinstance(await third, Sent)


async def whole_mails(talk: Talk, count: int) -> None:
    """None of them followed."""
    for _ in range(count):
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content_alone()
        talk.say("250 taken")


async def test_a_relay_without_pipelining_is_not_followed() -> None:
    async def one_by_one(talk: Talk) -> None:
        talk.say("220 hello")
        await talk.hear("\r\n")
        talk.say("250 relay")
        for _ in range(3):
            for answer in ENVELOPE_TAKEN.splitlines():
                await talk.hear("\r\n")
                talk.say(answer)
            await talk.hear_content_alone()
            talk.say("250 taken")

    async with talking(one_by_one) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_relay_that_answers_slowly_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_connection, "_QUICK_SECONDS", -1.0)

    async def relay(talk: Talk) -> None:
        await talk.begin()
        await whole_mails(talk, 2)

    async with talking(relay) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_relay_that_forgets_what_came_with_a_content_is_followed_no_more() -> None:
    async def forgets(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        talk.say("250 taken")
        await talk.hear_nothing_more()

    async def other(talk: Talk) -> None:
        await talk.begin()
        await whole_mails(talk, 2)

    async with talking(forgets, other) as url, provider(url, connections=1, envelope_seconds=0.2) as smtp:
        first, second, third = await three(smtp)
        assert isinstance(first, Sent)
        assert isinstance(second, Sent)
        assert reason(third) == "no answer in time at envelope"
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_who_is_given_back_comes_before_all_who_wait() -> None:
    """Else a relay that takes one mail a connection would let it wait for ever."""
    order: list[int] = []

    async def ends(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_one_that_is_followed()
        talk.say("250 taken")
        talk.hang_up()

    async def send(smtp: SmtpProvider, number: int) -> None:
        assert isinstance(await smtp.send(to(number)), Sent)
        order.append(number)

    async def rest(talk: Talk) -> None:
        await talk.begin()
        await whole_mails(talk, 2)

    async with talking(ends, rest) as url, provider(url, connections=1) as smtp:
        await send(smtp, 1)
        await asyncio.gather(*(send(smtp, number) for number in (2, 3, 4, 5)))
        assert order == [1, 2, 3, 4, 5]


async def test_who_still_waits_for_a_connection_when_they_are_closed_is_told() -> None:
    async def silent(talk: Talk) -> None:
        await talk.hear_nothing_more()

    async with talking(silent) as url, provider(url, connections=1) as smtp:
        sending = [asyncio.create_task(smtp.send(to(number))) for number in (1, 2)]
        await asyncio.sleep(0)  # nothing has been opened yet
        await smtp.close()
        late = asyncio.create_task(smtp.send(to(3)))
        for outcome in await asyncio.gather(*sending, late):
            assert reason(outcome) == "the connections were closed at wait"
        async with provider(url, connections=1) as other:
            last = asyncio.create_task(other.send(to(4)))
            await until(lambda: bool(other._pool and other._pool._opening))
        assert reason(await last) == "the connections were closed at wait"
