"""How the results of a fault run are told: a table for people, one JSON object a fault for programs."""

import json
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ops.faults.verdict import Result

WIDTH = 110


def json_line(result: Result) -> str:
    """The result of one fault as a JSON object. `duplicated` counts outputs; times are in seconds."""
    found = result.findings
    return json.dumps(
        {
            "fault": result.fault,
            "runs": result.runs,
            "accepted": found.accepted,
            "lost": found.lost,
            "duplicated": found.duplicated,
            "out_of_order": found.out_of_order,
            "seconds_to_drain": round(result.seconds_to_drain, 2),
            "ok": result.ok,
        }
    )


def show(title: str, results: Sequence[Result], console: Console) -> None:
    """Print the table, and under it what is wrong. A file gets it as wide as it is."""
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    table = Table(title=title, box=SIMPLE_HEAD)
    table.add_column("fault", no_wrap=True)
    for name in ("runs", "in", "out", "lost", "duplicated", "out of order", "time to drain", "ok"):
        table.add_column(name, justify="right")
    for each in results:
        found = each.findings
        table.add_row(
            each.fault,
            f"{each.runs:,}",
            f"{found.accepted:,}",
            f"{found.written:,}",
            f"{found.lost:,}",
            f"{found.duplicated:,} = {found.duplicates_share:.2%}" if found.duplicated else "0",
            f"{found.out_of_order:,}",
            f"{each.seconds_to_drain:.1f} s",
            "yes" if each.ok else "NO",
            style=None if each.ok else "red",
        )
    console.print(table)
    for each in results:
        tell_wrong(each, console)


def tell_wrong(result: Result, console: Console) -> None:
    """What is wrong with a result, and examples of it; nothing when all is well."""
    for text in result.wrong():
        console.print(f"{result.fault}: {text}", style="red", markup=False, highlight=False)
    for text in result.findings.examples if not result.ok else ():
        console.print(f"  {text}", markup=False, highlight=False)
