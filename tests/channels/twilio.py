"""A provider of SMS with short patience, and a Twilio that answers as a test tells it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from connectors.channels.sms import SmsPolicy, TwilioProvider
from tests.channels.receiver import Receiver

POLICY = SmsPolicy("http://127.0.0.1:1", "AC0123", "t0ken-CANARY", "+15005550006", timeout_seconds=2)
TAKEN = json.dumps({"sid": "SM0123", "status": "queued", "error_code": None}).encode()
NOW = 1_795_000_000.0


@asynccontextmanager
async def provider(url: str, **changes: Any) -> AsyncIterator[TwilioProvider]:
    one = TwilioProvider(replace(POLICY, url=url, **changes), clock=lambda: NOW)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


@asynccontextmanager
async def answering(status: int, answer: bytes = TAKEN, **headers: str) -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        receiver.status, receiver.answer = status, answer
        receiver.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        yield receiver


def posted(receiver: Receiver) -> dict[str, str]:
    (request,) = receiver.requests
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}
