"""Measured figures and how they are printed."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `aim` is the number to reach, in words; empty: none."""

    metric: str
    value: float
    unit: str
    meaning: str
    aim: str = ""


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies (nearest rank). Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def lined(title: str, head: Sequence[str], whole: Collection[int]) -> Table:
    """A table with few lines; the columns `whole` are not cut however narrow the terminal, the others wrap."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(head):
        table.add_column(name, no_wrap=place in whole, overflow="fold")
    return table


def show(bench: str, figures: Sequence[Figure], as_json: bool) -> None:
    """Print them: a table for people, or one JSON object a line."""
    if as_json:
        for each in figures:
            told = {"bench": bench, "metric": each.metric, "value": round(each.value, 3), "unit": each.unit}
            print(json.dumps(told), flush=True)
        return
    table = lined(f"tidings bench {bench}", ("metric", "value", "unit", "what", "aim"), whole={0, 1, 2, 4})
    for each in figures:
        value = f"{each.value:,.1f}" if abs(each.value) >= 1 else f"{each.value:.3g}"
        table.add_row(each.metric, value, each.unit, each.meaning, each.aim)
    Console().print(table)
