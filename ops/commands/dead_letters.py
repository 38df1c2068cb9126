"""tidings dead-letters ls | show | stats | export (looking), redrive | drop (dead_letter_work)."""

import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from connectors.dead_letters.dead_letter import Cursor, State
from connectors.dead_letters.stats import DIMENSIONS, DeadLetterStats
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.ports import Parts
from ops.commands.dead_letter_filters import filtered
from ops.commands.with_parts import with_parts

app = typer.Typer(
    no_args_is_help=True,
    help="Records that need a person: look at them, mend the cause, put them back to work or give them up.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Waiting = Annotated[bool, typer.Option("--waiting", help="Only those that were neither redriven nor dropped.")]
_EXPORTED_AT_ONCE = 20  # a record may have megabytes


@app.command()
@filtered
def ls(
    wanted: DeadLetterFilter,
    waiting: Waiting = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    before: Annotated[str | None, typer.Option(help="The page after one: what `ls` told at its end.")] = None,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first."""
    from connectors.http.dead_letter_bodies import cursor, next_page
    from connectors.http.problems import Problem

    try:
        after = cursor(before)
    except Problem:
        raise typer.BadParameter("--before: give what `ls` told at the end of the page before") from None
    found = list(with_parts(lambda parts: parts.dead_letters.page(_only(wanted, waiting), after, limit + 1)))
    for_people = Console(stderr=as_json, soft_wrap=True)
    if as_json:
        for each in found[:limit]:
            print(as_line(each))
    elif found:
        Console().print(_listed(found[:limit]))
    else:
        for_people.print("no dead letters")
    if len(found) > limit:
        last = found[limit - 1]
        for_people.print(f"there are more: --before {next_page(last.dead_at, last.dead_letter_id)}", highlight=False)


def _listed(found: list[Any]) -> Table:
    table = Table("id", "when (UTC)", "what", "reason")
    for each in found:
        what = "\n".join(text for text in (each.type, each.channel, each.recipient_id) if text) or each.origin_topic
        became = "" if each.state == State.WAITING else f"\n({each.state})"
        reason = f"{each.kind}: {each.reason}{became}"
        table.add_row(each.dead_letter_id, f"{each.dead_at:%Y-%m-%d\n%H:%M:%S}", what, reason)
    return table


@app.command()
def show(dead_letter_id: Annotated[str, typer.Argument(help="The id that `ls` shows.")], as_json: Json = False) -> None:
    """Show one with its headers and its record, decoded if it can be."""
    from connectors.http.dead_letter_detail import detail

    async def find(parts: Parts) -> Any:
        found = await parts.dead_letters.find(dead_letter_id)
        return detail(found, parts.codec) if found else None

    found = with_parts(find)
    if found is None:
        raise typer.BadParameter(f"there is no dead letter {dead_letter_id!r}; `tidings dead-letters ls` lists them")
    print(as_line(found) if as_json else msgspec.json.format(as_line(found)))


@app.command()
@filtered
def stats(wanted: DeadLetterFilter, waiting: Waiting = False, as_json: Json = False) -> None:
    """Count dead letters by state, kind, type, channel, provider and reason, and tell since when."""
    told = with_parts(lambda parts: parts.dead_letters.stats(_only(wanted, waiting), parts.now()))
    if as_json:
        print(as_line(told))
    else:
        show_stats(told, Console(), DIMENSIONS)


def show_stats(told: DeadLetterStats, console: Console, dimensions: tuple[str, ...]) -> None:
    """One line, then a row for each value of these dimensions."""
    if not told.total:
        console.print("no dead letters")
        return
    expired = f", {told.expired:,} of them expired" if told.expired else ""
    console.print(
        f"{_counted(told.total)}{expired}; the oldest of {told.oldest:%Y-%m-%d %H:%M:%S}, the newest of "
        f"{told.newest:%Y-%m-%d %H:%M:%S} UTC",
        highlight=False,
    )
    table = Table("", "", "how many")
    table.columns[2].justify = "right"
    for name in dimensions:
        for number, each in enumerate(getattr(told, name)):
            table.add_row("" if number else name, each.value or "(unknown)", f"{each.count:,}")
        table.add_section()
    console.print(table)


def _counted(letters: int) -> str:
    return "1 dead letter" if letters == 1 else f"{letters:,} dead letters"


@app.command()
@filtered
def export(
    wanted: DeadLetterFilter,
    waiting: Waiting = False,
    out: Annotated[Path | None, typer.Option(help="A new file; not given: stdout.")] = None,
) -> None:
    """Write dead letters as JSON lines, newest first: raw bytes in base64, and decoded where they can be."""

    async def write(parts: Parts) -> int:
        target = out.open("x") if out else sys.stdout
        count = 0
        try:
            async for line in _lines(_only(wanted, waiting), parts):
                print(line, file=target)
                count += 1
        finally:
            if out:
                target.close()
        return count

    try:
        count = with_parts(write)
    except FileExistsError:
        raise typer.BadParameter(f"--out: {out} is there already") from None
    Console(stderr=True).print(f"{_counted(count)} exported", highlight=False)


async def _lines(wanted: DeadLetterFilter, parts: Parts) -> AsyncIterator[str]:
    from connectors.http.dead_letter_detail import exported

    last: Cursor | None = None
    while letters := await parts.dead_letters.letters(wanted, last, _EXPORTED_AT_ONCE):
        for each in letters:
            yield as_line(exported(each, parts.codec))
        last = Cursor(letters[-1].dead_at, letters[-1].dead_letter_id)


def as_line(value: Any) -> str:
    """As the HTTP API tells it."""
    return msgspec.json.encode(value).decode()


def _only(wanted: DeadLetterFilter, waiting: bool) -> DeadLetterFilter:
    return replace(wanted, state=State.WAITING) if waiting else wanted
