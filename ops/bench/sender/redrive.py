"""Live deliveries at a steady rate, without and beside a redrive of many dead letters."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from ops.bench.figures import Figure, quantile
from ops.bench.sender.process import Contender, running, settings_of
from ops.bench.sender.site import Site
from ops.bench.sender.steady import Steady
from schemas.topics import DEAD_LETTERS
from streams.domain.notification import Channel

Say = Callable[[str], None]

RATE = 500
_REDRIVE_SECONDS = 20.0
_GRACE_SECONDS = 60.0
_EMAIL = Channel.EMAIL


def measure(site: Site, letters: int, seconds: float, say: Say) -> list[Figure]:
    """Live ones at 500/s for so many seconds; then while `letters` dead letters go back within 20 seconds."""
    order = site.order(_EMAIL, "redrive")
    environment = {**os.environ, **settings_of(order)}
    with _recorder(environment):
        _make_dead_letters(site, letters)
        say(f"{letters:,} dead letters")
        site.sink.reset()
        with running(Contender.OURS, order):
            steady = Steady(site)
            first = steady.at_rate(RATE, 2.0)
            site.sink.wait(len(first))
            alone = steady.at_rate(RATE, seconds)
            site.sink.wait(len(first) + len(alone))
            idle = quantile(steady.delays_ms(alone, site.sink.arrivals()), 0.99)
            site.sink.reset()
            begin = site.filled
            per_s = _redriven_meanwhile(steady, letters, environment)
            beside = range(begin, site.filled)
            site.sink.wait(letters + len(beside))
            under = quantile(steady.delays_ms(beside, site.sink.arrivals()), 0.99)
            site.wait_until_committed(_EMAIL)
    say(f"live p99 {idle:.1f} ms, and {under:.1f} ms of {len(beside)} while dead letters went back at {per_s:,.0f}/s")
    return [
        Figure(
            "redrive_live_ratio",
            under / idle,
            "x",
            f"p99 of live ones at {RATE}/s beside a redrive / without",
            "about 1",
        ),
        Figure("redrive_idle_p99_ms", idle, "ms", "written to handed over of live ones, nothing else, 99 %"),
        Figure("redrive_live_p99_ms", under, "ms", f"the same beside a redrive of {letters:,}"),
        Figure("redriven_per_s", per_s, "dead letters/s", "put back meanwhile"),
    ]


def _make_dead_letters(site: Site, letters: int) -> None:
    """The sink refuses them for good, and the recorder keeps them."""
    site.fill(_EMAIL, letters)
    site.sink.refuse()
    try:
        with running(Contender.OURS, site.order(_EMAIL, "dead")):
            site.wait_until_committed(_EMAIL)
    finally:
        site.sink.take()
    deadline = time.monotonic() + _GRACE_SECONDS
    with psycopg.connect(site.endpoints.postgres_dsn, autocommit=True) as database:
        while (found := database.execute("select count(*) from dead_letters").fetchone()) != (letters,):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found} of {letters} dead letters were recorded after {_GRACE_SECONDS:g} s")
            time.sleep(0.1)


def _redriven_meanwhile(steady: Steady, letters: int, environment: dict[str, str]) -> float:
    """How many went back a second, while live ones were written."""
    rate = max(1, round(letters / _REDRIVE_SECONDS))
    # the command has the topic's name
    command = [DEAD_LETTERS, "redrive", "--all", "--yes", "--rate", str(rate), "--json"]
    began = time.monotonic()
    with _tidings(command, environment, subprocess.PIPE) as redrive:
        while redrive.poll() is None:
            steady.at_rate(RATE, 0.2)
        told, _ = redrive.communicate()
    redriven = json.loads(told)["redriven"] if redrive.returncode == 0 else 0
    if redriven != letters:
        raise RuntimeError(f"{redriven} of {letters} dead letters were redriven")
    return letters / (time.monotonic() - began)


@contextmanager
def _recorder(environment: dict[str, str]) -> Iterator[None]:
    with _tidings(["recorder"], environment, None):
        yield


@contextmanager
def _tidings(words: list[str], environment: dict[str, str], output: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """One of our commands, on the cores of whoever measures; gone at the end of the block."""
    command = [sys.executable, "-m", "ops.commands.main", *words]
    with subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
