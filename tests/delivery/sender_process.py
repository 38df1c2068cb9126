"""A sender as a process of its own, to be killed: `python -m tests.delivery.sender_process CONFIG`.

CONFIG is JSON: bootstrap, redis, group, instance, log, hang, postgres. Every call is appended to `log` before it is
answered; calls to addresses that start with `hang` (when it is not empty) never return. With `postgres`, the DSN of a
migrated database, claims are made there while Redis is away.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.delivery.fallback_claims import FallbackClaims
from connectors.delivery.parts import SenderParts
from connectors.delivery.sender import Sender
from connectors.delivery.start_check import WrongTopics
from connectors.memory.provider import Hangs, ProviderInMemory
from connectors.postgres.claims import PostgresClaims
from connectors.postgres.pool import Pool
from connectors.redis.claims import RedisClaims
from ops.telemetry import logs
from streams.domain.delivery import Message
from streams.domain.outcomes import Outcome
from streams.domain.ports import Claims
from tests.delivery.builders import CATALOGUE, CODEC, EveryRecipient, compose, policy


@dataclass(frozen=True, slots=True)
class Config:
    bootstrap: str
    redis: str
    group: str
    instance: str
    log: str
    hang: str = ""
    schedule: str = "100ms,300ms,1s"
    postgres: str = ""


class LoggedProvider(ProviderInMemory):
    """Says on disk what it was asked to carry."""

    def __init__(self, path: str, hang: str) -> None:
        super().__init__("logged")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._hang = hang

    async def send(self, message: Message) -> Outcome:
        os.write(self._file, f"{message.delivery_id} {message.address}\n".encode())
        if self._hang and message.address.startswith(self._hang):
            self.script([Hangs()], message.address)
        return await super().send(message)


@asynccontextmanager
async def claims_of(config: Config) -> AsyncIterator[RedisClaims | FallbackClaims]:
    redis = RedisClaims.at(config.redis)
    if not config.postgres:
        yield redis
        await redis.close()
        return
    pool = Pool(config.postgres, "test")
    await pool.open()
    claims = FallbackClaims(redis, PostgresClaims(pool, elsewhere=True))
    yield claims
    await claims.close()
    await pool.close()


async def main(config: Config) -> int:
    async with claims_of(config) as claims:
        return await send(config, claims)


async def send(config: Config, claims: Claims) -> int:
    parts = SenderParts(LoggedProvider(config.log, config.hang), EveryRecipient(), claims, compose, CATALOGUE, CODEC)
    changes: dict[str, Any] = {
        "consumer": {"group.id": config.group},
        "drain": timedelta(seconds=1),
        "session_timeout": timedelta(seconds=6),
    }
    sender = Sender(policy(bootstrap_servers=config.bootstrap, instance=config.instance, **changes), parts)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sender.stop)
    try:
        await sender.run()
    except WrongTopics as wrong:
        print(wrong, file=sys.stderr)
        return wrong.exit_code
    return 0


if __name__ == "__main__":
    logs.start("sender")
    sys.exit(asyncio.run(main(Config(**json.loads(sys.argv[1])))))
