"""tidings faults ls | run router | run sender | run all."""

import random
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops.devstack.failures import StackFailed
from ops.faults.fault import Fault
from ops.faults.kill import KILL
from ops.faults.listed import FAULTS, Process, chosen
from ops.faults.report import json_line, show, tell_wrong
from ops.faults.router.run import run as run_router
from ops.faults.running import Options
from ops.faults.sender.disks import why_not
from ops.faults.sender.run import run as run_sender
from ops.faults.verdict import Result

app = typer.Typer(
    no_args_is_help=True,
    help="Put real faults into real processes under load, and let an independent reader look for what was lost, came "
    "twice or out of order. Each fault starts a stack of its own, and stops it.",
)

INTERRUPTED, TERMINATED, WRONG_USE = 130, 143, 2
RATES = {Process.ROUTER: 1500, Process.SENDER: 300}
RUN = {Process.ROUTER: run_router, Process.SENDER: run_sender}

Say = Callable[[str], None]


@app.command("ls")
def list_faults() -> None:
    """List the faults with a line each."""
    out = Console(soft_wrap=True)
    width = 2 + max(len(name) for faults in FAULTS.values() for name in faults)
    for process, faults in FAULTS.items():
        for fault in faults.values():
            out.print(f"{process:<8}{fault.name:<{width}}{fault.what}", markup=False, highlight=False)


@app.command("run")
def run_faults(
    process: Annotated[Process, typer.Argument(help="Which processes are under test.")],
    only: Annotated[str, typer.Option(help="Only these faults, comma-separated; `tidings faults ls` lists them.")] = "",
    kills: Annotated[
        int | None, typer.Option(min=1, help="How often fault `kill` kills; by default 100 or 40.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Inputs a second; by default 1500 for routers, 300 for senders.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of an earlier run, to make the same choices again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a fault, as soon as it is done.")] = False,
) -> None:
    """Run faults one after the other and print the table. Exit code 1 if any is not ok.

    All of router takes about 25 minutes, all of sender about 35. The progress is told on stderr. What failed keeps its
    data folder.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    progress = Console(stderr=True, soft_wrap=True)
    say: Say = partial(progress.print, style="dim", markup=False, highlight=False)
    seed = random.randrange(1_000_000) if seed is None else seed
    try:
        faults = _possible(chosen(process, only), say)
    except ValueError as error:
        progress.print(str(error), style="red", markup=False)
        raise typer.Exit(WRONG_USE) from None
    say(f"seed {seed}")
    results: list[Result] = []
    try:
        for of, fault in faults:
            result = _run(of, _asked(fault, kills), Options(rate or RATES[of], seed), say)
            results.append(replace(result, fault=f"{of} {fault.name}") if process is Process.ALL else result)
            if as_json:
                print(json_line(results[-1]), flush=True)
                tell_wrong(results[-1], progress)
    except KeyboardInterrupt:
        progress.print("stopped")
        raise typer.Exit(INTERRUPTED) from None
    except StackFailed as error:
        progress.print(str(error), style="red", markup=False)
    if results and not as_json:
        show(f"tidings faults run {process} --seed {seed}", results, Console())
    raise typer.Exit(0 if len(results) == len(faults) and all(result.ok for result in results) else 1)


def _possible(faults: list[tuple[Process, Fault]], say: Say) -> list[tuple[Process, Fault]]:
    """Those that can be put in here; the others are told."""
    if not any(fault.disks for _, fault in faults):
        return faults
    with tempfile.TemporaryDirectory(prefix="tidings-fault-") as scratch:
        reason = why_not(Path(scratch))
    for _, fault in faults:
        if fault.disks and reason:
            say(f"{fault.name} is left out: {reason}")
    return [each for each in faults if not (each[1].disks and reason)]


def _asked(fault: Fault, kills: int | None) -> Fault:
    return replace(fault, runs=kills) if kills and fault.name == KILL.name else fault


def _run(process: Process, fault: Fault, options: Options, say: Say) -> Result:
    result = RUN[process](fault, options, say)
    say(f"{fault.name}: {'ok' if result.ok else 'NOT OK: ' + '; '.join(result.wrong())}")
    return result
