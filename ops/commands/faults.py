"""tidings faults ls | run router."""

import random
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from ops.devstack.failures import StackFailed
from ops.faults.fault import Fault
from ops.faults.kill import KILL
from ops.faults.listed import FAULTS, chosen
from ops.faults.report import json_line, show, tell_wrong
from ops.faults.router.run import Options, run
from ops.faults.verdict import Result

app = typer.Typer(
    no_args_is_help=True,
    help="Put real faults into real processes under load, and let an independent reader look for what was lost, came "
    "twice or out of order. Each fault starts a stack of its own, and stops it.",
)

INTERRUPTED, TERMINATED, WRONG_USE = 130, 143, 2


class Process(StrEnum):
    """What faults can be put into."""

    ROUTER = "router"


@app.command("ls")
def list_faults() -> None:
    """List the faults with a line each."""
    for fault in FAULTS.values():
        Console(soft_wrap=True).print(f"{fault.name:<18}{fault.what}", markup=False, highlight=False)


@app.command("run")
def run_faults(
    process: Annotated[Process, typer.Argument(help="Which processes are under test.")],
    only: Annotated[str, typer.Option(help="Only these faults, comma-separated; `tidings faults ls` lists them.")] = "",
    kills: Annotated[int, typer.Option(min=1, help="How often fault `kill` kills.")] = KILL.runs,
    rate: Annotated[int, typer.Option(min=1, help="Notifications a second.")] = 1500,
    seed: Annotated[int | None, typer.Option(help="Of an earlier run, to make the same choices again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a fault, as soon as it is done.")] = False,
) -> None:
    """Run faults one after the other and print the table. Exit code 1 if any is not ok.

    All of it takes about 25 minutes. The progress is told on stderr. What failed keeps its data folder.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    progress = Console(stderr=True, soft_wrap=True)
    options = Options(rate, random.randrange(1_000_000) if seed is None else seed)
    try:
        faults = [replace(fault, runs=kills) if fault is KILL else fault for fault in chosen(only)]
    except ValueError as error:
        progress.print(str(error), style="red", markup=False)
        raise typer.Exit(WRONG_USE) from None
    progress.print(f"seed {options.seed}", style="dim", highlight=False)
    results: list[Result] = []
    try:
        for fault in faults:
            results.append(_run(fault, options, progress, as_json))
    except KeyboardInterrupt:
        progress.print("stopped")
        raise typer.Exit(INTERRUPTED) from None
    except StackFailed as error:
        progress.print(str(error), style="red", markup=False)
    if results and not as_json:
        show(f"tidings faults run {process} --seed {options.seed}", results, Console())
    raise typer.Exit(0 if len(results) == len(faults) and all(result.ok for result in results) else 1)


def _run(fault: Fault, options: Options, progress: Console, as_json: bool) -> Result:
    say: Callable[[str], None] = partial(progress.print, style="dim", markup=False, highlight=False)
    result = run(fault, options, say)
    say(f"{fault.name}: {'ok' if result.ok else 'NOT OK: ' + '; '.join(result.wrong())}")
    if as_json:
        print(json_line(result), flush=True)
        tell_wrong(result, progress)
    return result
