"""tidings demo."""

import signal
import sys
from typing import Annotated

import typer
from rich.console import Console

from ops.demo.run import play
from ops.devstack.failures import StackFailed


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself; exit code 0 only if all went as it should.")
    ] = False,
) -> None:
    """Start everything on this machine and send real notifications in three ways, shown as a live table.

    Real Kafka, PostgreSQL, Valkey and a mail catcher, on free loopback ports; all of it ends with this command.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console()
    try:
        good = play(console, stay=not once)
    except KeyboardInterrupt:
        console.print("stopped")
        raise typer.Exit(130) from None
    except (StackFailed, RuntimeError, OSError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if good else 1)
