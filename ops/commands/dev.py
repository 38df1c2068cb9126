"""tidings dev up | down | status | logs: everything on this machine, without containers."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from ops.devstack.down import take_down
from ops.devstack.endpoints import Endpoints
from ops.devstack.failures import StackFailed
from ops.devstack.health import answers, parts_of
from ops.devstack.jars import DOWNLOADING
from ops.devstack.link import Link
from ops.devstack.log_files import LogLine, follow, last_lines, log_names
from ops.devstack.plan import GIVEN_AS, SERVICES, Plan, ProcessSpec
from ops.devstack.record import DEFAULT_DATA, Record, running_record, supervised
from ops.devstack.tidings import CHANNELS, NEEDS, tidings_processes
from ops.devstack.wire import Kind, Line

app = typer.Typer(
    no_args_is_help=True,
    help="Tidings and all its servers on this machine, without containers: Kafka, PostgreSQL, Valkey, a mail catcher "
    "and a webhook receiver on free local ports. Nothing is installed and nothing is left running.",
)

INTERRUPTED, TERMINATED, NOT_RUNNING = 130, 143, 3
BETWEEN_DOWNLOAD_LINES_SECONDS = 3

Data = Annotated[
    Path, typer.Option("--data", help="Folder of this stack: data, logs, stack.json. Two folders, two stacks.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


@app.command()
def up(
    data: Data = DEFAULT_DATA,
    only: Annotated[str, typer.Option(help=f"Only these servers, comma-separated: {','.join(SERVICES)}.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the data of earlier runs first.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running; `tidings dev down` ends it.")] = False,
    brokers: Annotated[
        int,
        typer.Option(
            metavar="1|3",
            help="Kafka nodes. With 3, every record is kept on three and one node may die without loss, as in "
            "production; that takes 350 MB of memory and 3 seconds more.",
        ),
    ] = 1,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="No tidings processes, just servers.")] = False,
    as_json: Json = False,
) -> None:
    """Start everything and show where it is; Ctrl-C stops everything.

    The first start downloads Kafka (45 MB) into your cache folder and takes half a minute, later ones about 10 seconds.
    Data is kept for the next start. A second `up` on the same folder just shows what runs. A server that you have
    already is used when you name it: TIDINGS_KAFKA_BOOTSTRAP_SERVERS, TIDINGS_POSTGRES_DSN, TIDINGS_REDIS_URL,
    TIDINGS_SMTP_URL.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    given, services = Endpoints.given(os.environ), tuple(only.split(",")) if only else SERVICES
    processes = () if servers_only else _possible_processes(services, given)
    plan = Plan(str(data.absolute()), services, processes, given=given, lifeline=not detach, brokers=brokers)
    try:
        plan.to_start()
        if fresh:
            _forget(data)
        problem = _run(plan, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except (StackFailed, ValueError) as failed:
        problem = str(failed)
    if problem:
        _fail(problem)


@app.command()
def down(data: Data = DEFAULT_DATA) -> None:
    """Stop what `tidings dev up` started on this folder, from whatever terminal. Data is kept."""
    try:
        typer.echo("stopped" if take_down(data.absolute()) else f"nothing runs on {data}")
    except StackFailed as failed:
        _fail(str(failed))


@app.command()
def status(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show what runs on this folder, where, and whether it answers. Exit code 3 when nothing runs."""
    record = running_record(data)
    if record is None:
        typer.echo("null" if as_json else f"nothing runs on {data}; start it with `tidings dev up`")
        raise typer.Exit(NOT_RUNNING)
    _show(record, data, as_json, check=True)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A server or process, such as kafka or router; all when left out.")] = "",
    data: Data = DEFAULT_DATA,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines from the end of each log.")] = 20,
) -> None:
    """Show the end of the logs, of the running stack or the last one."""
    known = log_names(data)
    if not known:
        _fail(f"no logs in {data / 'log'}")
    if name and name not in known:
        _fail(f"no log named {name}; there are {', '.join(known)}")
    chosen = [name] if name else known
    try:
        places = {}
        for each in chosen:
            ended, places[each] = last_lines(data, each, lines)
            for line in ended:
                _print_log(line, named=not name)
        for line in follow(data, places) if follow_on else ():
            _print_log(line, named=not name)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


class Progress:
    """Tells on stderr how the start goes: a line per phase, downloads on a line that changes."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False)
        self.status: Status | None = self.console.status("starting") if self.console.is_terminal else None
        self.last_download = 0.0
        if self.status:
            self.status.start()

    def __call__(self, line: Line) -> None:
        """Show one line from the supervisor."""
        if line.kind is Kind.PROGRESS and DOWNLOADING in line.text:
            self._show_download(line.text)
        else:
            self.console.print(line.text, style="yellow" if line.kind is Kind.EVENT else "dim")

    def end(self) -> None:
        """No more progress; events may still come."""
        if self.status:
            self.status.stop()

    def _show_download(self, text: str) -> None:
        if self.status:
            self.status.update(text)
        elif time.monotonic() - self.last_download > BETWEEN_DOWNLOAD_LINES_SECONDS:
            self.last_download = time.monotonic()
            self.console.print(text)


def _run(plan: Plan, as_json: bool) -> str:
    """Start it, show it, and stay until it ends (unless it is detached or runs already); why it ended."""
    progress = Progress()
    link, stays = Link(plan, progress), False
    try:
        outcome = link.outcome()
        progress.end()
        if outcome.kind is Kind.FAILED or outcome.record is None or not outcome.record.ready:
            return outcome.text or "the stack stopped before it was ready"
        stays = outcome.kind is Kind.READY and not plan.lifeline
        _show(outcome.record, plan.data, as_json, check=False)
        if outcome.kind is Kind.BUSY:
            progress.console.print("It was running already; this command leaves it alone.")
            if plan.brokers > outcome.record.brokers:
                progress.console.print(f"For {plan.brokers} brokers: `tidings dev down`, then `up` with `--fresh`.")
            return ""
        if not plan.lifeline:
            progress.console.print("It runs on; `tidings dev down` stops it.")
            return ""
        progress.console.print("Ctrl-C stops everything; data is kept.")
        return link.failure()
    finally:
        progress.end()
        if not stays:
            link.close()


def _possible_processes(services: tuple[str, ...], given: Endpoints) -> tuple[ProcessSpec, ...]:
    there = all(name in services or getattr(given, GIVEN_AS[name]) for name in NEEDS)
    return tidings_processes(CHANNELS) if there else ()


def _forget(data: Path) -> None:
    if supervised(data):
        raise StackFailed(f"a stack runs on {data}; to take fresh data, stop it first: `tidings dev down`")
    shutil.rmtree(data, ignore_errors=True)


def _show(record: Record, data: Path, as_json: bool, check: bool) -> None:
    parts = [(part, answers(part) if check else True) for part in parts_of(record)]
    if as_json:
        shown: dict[str, Any] = {"data": str(data.absolute()), **msgspec.to_builtins(record)}
        typer.echo(json.dumps({**shown, "answers": {part.name: ok for part, ok in parts}}))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    if check:
        table.add_column("state", no_wrap=True)
    table.add_column("address", overflow="fold")
    for part, ok in parts:
        state = [("[green]answers" if ok else "[red]silent")] if check else []
        table.add_row(part.name, *state, f"[cyan]{part.address}[/]  [dim]{part.purpose}")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(table)
    console.print(f"data and logs: {data}", style="dim", markup=False)


def _print_log(line: LogLine, named: bool) -> None:
    prefix = f"{typer.style(f'{line.name:>14}', fg=typer.colors.CYAN)} " if named else ""
    typer.echo(prefix + line.text)


def _fail(text: str) -> None:
    typer.echo(f"tidings: {text}", err=True)
    raise typer.Exit(1)
