"""An SMTP provider with short patience, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from connectors.channels.email import SmtpPolicy, SmtpProvider
from streams.domain.outcomes import DeadLetter, Outcome, RetryLater

POLICY = SmtpPolicy(
    url="",
    mail_from="Harbour & Tide <no-reply@shop.example>",
    connections=4,
    connect_seconds=2,
    envelope_seconds=2,
    content_seconds=2,
    wait_seconds=5,
)


@asynccontextmanager
async def provider(url: str, **changes: Any) -> AsyncIterator[SmtpProvider]:
    one = SmtpProvider(replace(POLICY, url=url, **changes))
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, RetryLater | DeadLetter)
    return outcome.failure.reason
