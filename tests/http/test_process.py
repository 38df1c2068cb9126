"""serve(): the API as a process."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.connectors.wire import closed_port

ROOT = Path(__file__).parents[2]
ASKED = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}


@asynccontextmanager
async def served(port: int) -> AsyncIterator[tuple[Process, str]]:
    """The process and a good key."""
    command = (sys.executable, "-m", "tests.http.served", str(port))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_alive(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"{url}/livez") as response:
                    assert response.status == 200
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_finishes_what_is_under_way_and_ends_in_order(how: signal.Signals) -> None:
    url = f"http://127.0.0.1:{(port := closed_port())}"
    async with served(port) as (process, key), aiohttp.ClientSession() as session:
        await until_alive(session, url)
        headers = {"Authorization": f"Bearer {key}"}
        call = asyncio.create_task(session.post(f"{url}/v1/notifications", json=ASKED, headers=headers))
        assert process.stdout is not None
        assert await process.stdout.readline() == b"publishing\n"
        process.send_signal(how)
        response = await call
        assert response.status == 202
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_port_that_is_taken_ends_it_with_a_line_that_says_so() -> None:
    port = closed_port()
    async with served(port) as (_, __), aiohttp.ClientSession() as session:
        await until_alive(session, f"http://127.0.0.1:{port}")
        async with served(port) as (second, ___):
            _, said = await asyncio.wait_for(second.communicate(), 30)
            assert second.returncode == 3
            assert b"address already in use" in said
