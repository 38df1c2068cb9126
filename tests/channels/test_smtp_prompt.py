"""A relay that answers at once is followed although other connections are idle: it costs less, and no time."""

import asyncio
from contextlib import suppress

import pytest

from connectors.channels import smtp_connection, smtp_pool
from connectors.channels.email import SmtpProvider
from streams.domain.outcomes import Sent
from tests.channels.mails import to
from tests.channels.smtp import provider
from tests.channels.talk import ENVELOPE_TAKEN, Talk, talking

LONG = 60.0


@pytest.fixture(autouse=True)
def every_relay_is_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_connection, "PROMPT_SECONDS", LONG)


async def all_sent(smtp: SmtpProvider, *numbers: int) -> None:
    outcomes = await asyncio.gather(*(smtp.send(to(number)) for number in numbers))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)


async def test_a_mail_follows_though_another_connection_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_pool, "PROMPT_SECONDS", LONG)
    came: list[str] = []

    async def relay(talk: Talk) -> None:
        await talk.begin()
        came.append(await talk.hear_envelope())  # one of the connections hears it, the other is closed idle
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        came.append(await talk.hear_envelope())
        talk.say("250 taken\r\n" + ENVELOPE_TAKEN)
        await talk.hear_content()
        talk.say("250 taken")

    async def used(talk: Talk) -> None:
        with suppress(asyncio.IncompleteReadError):
            await relay(talk)

    async with talking(used, used) as url, provider(url, connections=2) as smtp:
        await all_sent(smtp, 1, 2)
        await all_sent(smtp, 3, 4)
    assert ["<n3@" in came[0], "<n4@" in came[1]] == [True, True]


async def test_one_that_would_follow_takes_an_idle_connection_when_the_relay_is_slow_after_all() -> None:
    came_elsewhere = asyncio.Event()
    first = asyncio.Lock()

    async def relay(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        if not first.locked():
            await first.acquire()
            await came_elsewhere.wait()
        else:
            came_elsewhere.set()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        talk.say("250 taken")

    async with talking(relay, relay) as url, provider(url, connections=2) as smtp:
        await all_sent(smtp, 1, 2)
        await all_sent(smtp, 3, 4)


async def test_one_that_would_follow_gets_a_new_connection_when_the_relay_is_slow_after_all() -> None:
    came_elsewhere = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.begin()
        await talk.hear_envelope()
        await came_elsewhere.wait()
        talk.say(ENVELOPE_TAKEN)
        await talk.hear_content()
        talk.say("250 taken")

    async def other(talk: Talk) -> None:
        await talk.begin()
        came_elsewhere.set()

    async with talking(slow, other) as url, provider(url, connections=2) as smtp:
        await all_sent(smtp, 1)
        await all_sent(smtp, 2, 3)
