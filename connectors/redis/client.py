"""Redis or Valkey, with short patience: what it keeps for us can also be had from PostgreSQL."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import RedisError

from connectors.unavailable import Unavailable

SECONDS = 0.3


def open_client(url: str, seconds: float = SECONDS) -> Redis:
    """A client that connects when it is first used. A call that takes longer than `seconds` raises RedisError.

    One retry, for a connection that broke while it lay idle; none after a time-out.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionFailed,)),
    )
    return client


class RedisServer:
    """One client and its life."""

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self.client = open_client(url, seconds)

    async def open(self) -> None:
        """Nothing: the client connects when it is first used."""

    async def close(self) -> None:
        """Give back the connections."""
        await self.client.aclose()

    async def reachable(self) -> None:
        """Raises Unavailable."""
        try:
            await self.client.ping()
        except RedisError as error:
            raise Unavailable("Redis", str(error)) from error
