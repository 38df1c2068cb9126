"""While all connections are busy the next mail's envelope goes with a content; nothing is lost or doubled by it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.channels import smtp_connection
from connectors.channels.email import SmtpProvider
from streams.domain.delivery import Message
from streams.domain.outcomes import DeadLetter, Outcome, RetryLater, Sent
from tests.channels.mails import mail
from tests.channels.smtp import provider, reason, until
from tests.channels.whimsical_relay import WhimsicalRelay

ENVELOPE_TAKEN = "250 ok\r\n250 ok\r\n354 go"


class Talk:
    """One connection, from the relay's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, answer: str) -> None:
        self._writer.write(answer.encode() + b"\r\n")

    async def hear(self, end: str) -> str:
        return (await self._reader.readuntil(end.encode())).decode()

    async def hear_envelope(self) -> str:
        return await self.hear("DATA\r\n")

    async def hear_content(self) -> str:
        return await self.hear("\r\n.\r\n")

    async def hear_content_alone(self) -> None:
        """What leaves in one write comes in one read here."""
        heard = b""
        while b"\r\n.\r\n" not in heard:
            heard += await self._reader.read(100_000)
        assert heard.endswith(b"\r\n.\r\n")

    async def begin(self) -> None:
        """Up to the end of a first mail, quickly answered: the next ones may be followed."""
        self.say("220 hello")
        await self.hear("\r\n")
        self.say("250-relay\r\n250 PIPELINING")
        await self.take()

    async def take(self) -> None:
        """A whole mail, the envelope after the answer to the content before it."""
        await self.hear_envelope()
        self.say(ENVELOPE_TAKEN)
        await self.hear_content()
        self.say("250 taken")

    async def hear_nothing_more(self) -> None:
        """Until we hang up."""
        assert await self._reader.read() == b""

    def hang_up(self) -> None:
        self._writer.transport.abort()


Script = Callable[[Talk], Awaitable[None]]


@asynccontextmanager
async def talking(*scripts: Script) -> AsyncIterator[str]:
    """A relay with one script for each connection; those of scripts that failed, fail here."""
    waiting, tasks = [*scripts], list[asyncio.Task[None]]()

    async def talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Talk(reader, writer))
            await reader.read()
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(talk(waiting.pop(0), reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)
        assert not waiting
    finally:
        server.close()
        for task in tasks:
            task.cancel()


async def three(smtp: SmtpProvider) -> list[Outcome]:
    """Three mails, the second and the third at once after the first."""
    first = await smtp.send(to(1))
    return [first, *await asyncio.gather(smtp.send(to(2)), smtp.send(to(3)))]


def to(number: int) -> Message:
    return mail(address=f"n{number}@example.com")


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
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
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


@pytest.mark.parametrize("answer", [None, "421 enough"])
async def test_when_the_content_breaks_off_its_follower_goes_with_a_new_connection(answer: str | None) -> None:
    async def breaks(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
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
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
        talk.say("250 taken\r\n421 a hundred mails are enough")
        await talk.hear_nothing_more()

    async with talking(ends, Talk.begin) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_follower_does_not_wait_behind_a_content_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_connection, "_STUCK_SECONDS", 0.05)
    followed, given_back, came_elsewhere = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
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
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
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
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
        followed.set()
        await talk.hear_nothing_more()

    async with talking(relay, Talk.begin) as url, provider(url, connections=1) as smtp:
        await smtp.send(to(1))
        second, third = asyncio.create_task(smtp.send(to(2))), asyncio.create_task(smtp.send(to(3)))
        await followed.wait()
        second.cancel()
        assert isinstance(await third, Sent)


async def whole_mails(talk: Talk) -> None:
    """Three, none of them followed."""
    await talk.begin()
    for _ in range(2):
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

    async with talking(whole_mails) as url, provider(url, connections=1) as smtp:
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


async def test_a_relay_that_forgets_what_came_with_a_content_is_followed_no_more() -> None:
    async def forgets(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        await talk.hear_envelope()
        talk.say("250 taken")
        await talk.hear_nothing_more()

    async with talking(forgets, whole_mails) as url, provider(url, connections=1, envelope_seconds=0.2) as smtp:
        first, second, third = await three(smtp)
        assert isinstance(first, Sent)
        assert isinstance(second, Sent)
        assert reason(third) == "no answer in time at envelope"
        assert all(isinstance(outcome, Sent) for outcome in await three(smtp))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("mood", [0.0, 0.03, 0.15])
async def test_whatever_the_relay_does_each_mail_ends_as_the_relay_knows_it(seed: int, mood: float) -> None:
    relay = WhimsicalRelay(seed, mood)
    url = await relay.start()
    async with provider(url, connections=3) as smtp:
        outcomes = await asyncio.gather(*(smtp.send(to(number)) for number in range(300)))
    relay.close()
    for number, outcome in enumerate(outcomes):
        times = relay.taken[f"n{number}@example.com"]
        if isinstance(outcome, Sent):
            assert times == 1
        else:
            assert isinstance(outcome, RetryLater | DeadLetter)
            assert times <= outcome.failure.ambiguous
    assert relay.together > 30
