"""Celery with an API process, Redis, a worker and the same PostgreSQL, on the same cores: the same e-mails."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from ops.bench.sender.contenders.status_table import MAKE
from ops.bench.sender.data import delivery_of
from ops.bench.whole.site import Whole
from ops.devstack.ports import number_of, reserve_port
from streams.domain.notification import Channel

Say = Callable[[str], None]

_CALLS = 32
_SENT = "select count(*) from {} where status = 'sent'"
_READY_SECONDS = 30.0


def backlog(whole: Whole, events: int, say: Say) -> float:
    """E-mails a second: from the first POST to the last status in PostgreSQL."""
    name = f"bench_whole_{time.monotonic_ns() % 10**9}"
    order = whole.order(name)
    with psycopg.connect(order.postgres_dsn) as connection:
        connection.execute(MAKE.format(name=name).encode())
    whole.sink.reset()
    question = _SENT.format(name)
    with ExitStack() as open_:
        environment = {**os.environ, "TIDINGS_BENCH_ORDER": order.as_argument()}
        with reserve_port() as held:
            port = number_of(held)
        options = ["worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"]
        tasks = "ops.bench.sender.contenders.celery_tasks"
        open_.enter_context(_running([sys.executable, "-m", "celery", "-A", tasks, *options], environment))
        open_.enter_context(_running([sys.executable, "-m", "ops.bench.whole.celery_api", str(port)], environment))
        asyncio.run(_post(port, whole, 100))
        whole.wait_for_rows(question, 100)
        began = time.monotonic()
        asyncio.run(_post(port, whole, events))
        whole.wait_for_rows(question, events + 100)
        rate = events / (time.monotonic() - began)
    say(f"Celery: {rate:,.0f} e-mails/s")
    return rate


async def _post(port: int, whole: Whole, events: int) -> None:
    numbers = iter([whole.next() for _ in range(events)])
    url = f"http://127.0.0.1:{port}/notify"
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_caller(session, url, numbers) for _ in range(_CALLS)))


async def _caller(session: aiohttp.ClientSession, url: str, numbers: Iterator[int]) -> None:
    for number in numbers:
        record = delivery_of(Channel.EMAIL, number, time.time_ns() // 1_000_000)
        await _call(session, url, record)


async def _call(session: aiohttp.ClientSession, url: str, record: dict[str, Any]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            async with session.post(url, json=record) as answer:
                answer.raise_for_status()
                await answer.read()
                return
        except aiohttp.ClientConnectorError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """With all its children gone at the end."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
