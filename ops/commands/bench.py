"""tidings bench latency | idle."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from ops.bench import idle as idle_bench
from ops.bench import latency as latency_bench
from ops.bench.figures import show
from ops.demo.client import make_key
from ops.devstack import Stack
from ops.devstack.tidings import tidings_processes

app = typer.Typer(
    no_args_is_help=True,
    help="Measure this machine: each benchmark starts a stack of its own, and stops it. Ratios travel, times do not.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def latency(
    rate: Annotated[int, typer.Option(help="Notifications a second.")] = 200,
    seconds: Annotated[int, typer.Option(help="How long to measure.")] = 20,
    as_json: Json = False,
) -> None:
    """Publish to provider, and the API's answer: p50 and p99 at a steady rate with everything on this machine."""
    with _stack(as_json) as stack:
        figures = latency_bench.measure(stack, make_key(stack.environment, "bench"), latency_bench.Load(rate, seconds))
    show("latency", figures, as_json)


@app.command()
def idle(
    settle: Annotated[float, typer.Option(help="Seconds to wait before.")] = 15,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 30,
    as_json: Json = False,
) -> None:
    """CPU and memory of the whole stack doing nothing, and how long it took to start."""
    began = time.monotonic()
    with _stack(as_json) as stack:
        figures = idle_bench.measure(stack, time.monotonic() - began, settle, seconds)
    show("idle", figures, as_json)


@contextmanager
def _stack(quiet: bool) -> Iterator[Stack]:
    console = Console(stderr=True, quiet=quiet)
    with Stack(processes=tidings_processes(), say=lambda line: console.print(line.text, style="dim")) as stack:
        yield stack
