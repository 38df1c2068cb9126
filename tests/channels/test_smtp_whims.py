"""Whatever a relay does, and whoever gives up waiting: a mail ends once, as the relay knows it."""

import asyncio

import pytest

from connectors.channels import smtp_connection, smtp_pool
from streams.domain.outcomes import DeadLetter, RetryLater, Sent
from tests.channels.mails import to
from tests.channels.smtp import provider
from tests.channels.whimsical_relay import WhimsicalRelay


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mood", [0.0, 0.03, 0.15])
async def test_whatever_the_relay_does_each_mail_ends_as_the_relay_knows_it(
    seed: int, mood: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_connection, "STUCK_SECONDS", 0.02)
    monkeypatch.setattr(smtp_pool, "_UNFOLLOWED_SECONDS", 0)
    relay = WhimsicalRelay(seed, mood)
    url = await relay.start()
    async with provider(url, connections=3, connect_seconds=0.3, envelope_seconds=0.15, content_seconds=0.15) as smtp:
        sending = [asyncio.create_task(smtp.send(to(number))) for number in range(200)]
        while relay.whim():
            await asyncio.sleep(0.01)
            relay.random.choice(sending).cancel()
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
    relay.close()
    for number, outcome in enumerate(outcomes):
        times = relay.taken[f"n{number}@example.com"]
        if isinstance(outcome, asyncio.CancelledError):
            assert times <= 1
        elif isinstance(outcome, Sent):
            assert times == 1
        else:
            assert isinstance(outcome, RetryLater | DeadLetter)
            assert times <= outcome.failure.ambiguous
    assert relay.together > 5
