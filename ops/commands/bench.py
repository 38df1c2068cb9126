"""tidings bench latency | idle | router | router-growth | sender | sender-growth | whole."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops.bench import idle as idle_bench
from ops.bench import latency as latency_bench
from ops.bench.figures import lined, show
from ops.bench.router import growth
from ops.bench.router import parts as router_bench
from ops.bench.sender import parts as sender_bench
from ops.bench.sender.stretch import LEAST_BY_COMMITS
from ops.bench.sender_growth import growth as sender_lines
from ops.bench.whole import parts as whole_bench
from ops.demo.client import make_key
from ops.devstack import Stack
from ops.devstack.tidings import tidings_processes

EXIT_FAILED = 70
TERMINATED = 143
PARTS = tuple(router_bench.Part)
LINES = tuple(growth.lines())
SENDER_PARTS = tuple(sender_bench.Part)
SENDER_LINES = tuple(sender_lines.lines())

app = typer.Typer(
    no_args_is_help=True,
    help="Measure this machine: each benchmark starts a stack of its own, and stops it. Ratios travel, times do not.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.callback()
def in_order() -> None:
    """Whatever ends a benchmark, what it started ends too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


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


@app.command()
def router(
    events: Annotated[int, typer.Option(help="Events of each run.", min=1_000)] = 200_000,
    runs: Annotated[int, typer.Option(help="Runs of each contender (Faust: two at most).", min=1)] = 3,
    only: Annotated[str, typer.Option(help=f"Of {', '.join(PARTS)}: some, with commas.")] = "",
    flood: Annotated[int, typer.Option(help="Low notifications that wait while high ones come.")] = 500_000,
    recipients: Annotated[int, typer.Option(help="Preferences to recover.")] = 1_000_000,
    seconds: Annotated[float, typer.Option(help="At each steady rate.")] = 8,
    as_json: Json = False,
) -> None:
    """The router beside a bare consumer loop and beside Faust: throughput, latency, scaling, recovery, priorities."""
    amounts = router_bench.Amounts(events, runs, flood, recipients, seconds)
    report = router_bench.measure(_chosen(only, PARTS), amounts, _progress())
    _show_report("router", report, as_json)


@app.command("router-growth")
def router_growth(
    events: Annotated[int, typer.Option(help="Events of each run.", min=1_000)] = 200_000,
    only: Annotated[str, typer.Option(help=f"Of {', '.join(LINES)}: some, with commas.")] = "",
    seconds: Annotated[float, typer.Option(help="At the steady rate.")] = 8,
    as_json: Json = False,
) -> None:
    """How the router's cost grows with recipients, partitions, types, and the more people differ in what they want."""
    report = router_bench.measure_growth(_chosen(only, LINES), events, seconds, _progress())
    _show_report("router-growth", report, as_json)


@app.command()
def sender(
    deliveries: Annotated[int, typer.Option(help="Deliveries of each run of ours.", min=1_000)] = 20_000,
    others: Annotated[int, typer.Option(help="Deliveries of each run of the others.", min=100)] = 2_000,
    runs: Annotated[int, typer.Option(help="Runs of each contender.", min=1)] = 3,
    only: Annotated[str, typer.Option(help=f"Of {', '.join(SENDER_PARTS)}: some, with commas.")] = "",
    flood: Annotated[int, typer.Option(help="Low deliveries that wait while high ones come.", min=3_000)] = 100_000,
    seconds: Annotated[float, typer.Option(help="At each steady rate.")] = 10,
    minutes: Annotated[float, typer.Option(help="Of load while memory is watched.")] = 1,
    letters: Annotated[int, typer.Option(help="Dead letters that are redriven.", min=100)] = 10_000,
    as_json: Json = False,
) -> None:
    """The senders beside an idiomatic loop, Celery and Sidekiq: throughput, latency, priorities, memory, redrive."""
    amounts = sender_bench.Amounts(deliveries, others, runs, flood, seconds, minutes, letters)
    report = sender_bench.measure(_chosen(only, SENDER_PARTS), amounts, _progress())
    _show_report("sender", report, as_json)


@app.command("sender-growth")
def sender_growth(
    deliveries: Annotated[int, typer.Option(help="Deliveries of each run.", min=LEAST_BY_COMMITS)] = 200_000,
    only: Annotated[str, typer.Option(help=f"Of {', '.join(SENDER_LINES)}: some, with commas.")] = "",
    as_json: Json = False,
) -> None:
    """How the sender's cost grows with lanes, with what waits in retry topics, and with partitions."""
    report = sender_lines.measure(_chosen(only, SENDER_LINES), deliveries, _progress())
    _show_report("sender-growth", report, as_json)


@app.command()
def whole(
    events: Annotated[int, typer.Option(help="Events of each backlog of ours.", min=1_000)] = 20_000,
    others: Annotated[int, typer.Option(help="Events of Celery's.", min=100)] = 2_000,
    seconds: Annotated[float, typer.Option(help="At the steady rate.")] = 10,
    as_json: Json = False,
) -> None:
    """All of it on all cores: events a second from Kafka to provider and status, CPU by process; Celery beside it."""
    report = whole_bench.measure(whole_bench.Amounts(events, others, seconds), _progress())
    _show_report("whole", report, as_json)


def _chosen(only: str, names: Sequence[str]) -> list[str]:
    """All of the names unless some were chosen."""
    chosen = [name.strip() for name in only.split(",") if name.strip()]
    for name in chosen:
        if name not in names:
            raise typer.BadParameter(f"there is no {name!r}: there are {', '.join(names)}", param_hint="--only")
    return chosen or list(names)


def _show_report(bench: str, report: router_bench.Report, as_json: bool) -> None:
    for each in () if as_json else report.tables:
        table = lined(each.title, each.head, whole={0})
        for row in each.rows:
            table.add_row(*map(escape, row))
        Console().print(table)
    show(bench, report.figures, as_json)
    for failure in report.failures:
        print(f"tidings bench {bench}: {failure}", file=sys.stderr)
    if report.failures:
        raise typer.Exit(EXIT_FAILED)


def _progress() -> Callable[[str], None]:
    console = Console(stderr=True)
    return lambda line: console.print(line, style="dim", markup=False)


@contextmanager
def _stack(quiet: bool) -> Iterator[Stack]:
    console = Console(stderr=True, quiet=quiet)
    with Stack(processes=tidings_processes(), say=lambda line: console.print(line.text, style="dim")) as stack:
        yield stack
