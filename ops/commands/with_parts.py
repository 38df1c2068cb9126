"""Work of a command on what the API stands on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.http.ports import Parts
from ops.commands.current import current_settings

T = TypeVar("T")


def with_parts(work: Callable[[Parts], Awaitable[T]]) -> T:
    """Open the parts, do the work on a loop of its own, close them."""
    from ops.wiring.api import api_parts, opened

    async def run() -> T:
        async with opened(api_parts(current_settings())) as parts:
            return await work(parts)

    return asyncio.run(run())
