"""The API over fakes as a process of its own: `python -m tests.http.served PORT`. Publishing takes half a second."""

import asyncio
import sys
from dataclasses import replace

from connectors.http.app import create_api
from connectors.http.server import serve
from schemas.headers import Headers
from tests.http.api import World


class Slow:
    """A publisher that takes its time."""

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        print("publishing", flush=True)
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    world = World()
    print(world.key, flush=True)
    serve(create_api(replace(world.parts(), publisher=Slow())), "127.0.0.1", int(sys.argv[1]))
