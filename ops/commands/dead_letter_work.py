"""tidings dead-letters redrive | drop. Of many only after a dry run, unless --yes."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.console import Console

from connectors.dead_letters.dead_letter import DeadLetter, State
from connectors.dead_letters.drop import DropMany, DropReport, drop_many, plan_drop
from connectors.dead_letters.many import Interrupted, RedriveMany, RedriveReport, Watch, plan, redrive_many
from connectors.dead_letters.one import AlreadyDropped, AlreadyRedriven, Refused
from connectors.dead_letters.one import drop as drop_one
from connectors.dead_letters.one import redrive as redrive_one
from connectors.dead_letters.pace import DEFAULT_RATE, FASTEST, SLOWEST
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.ports import Parts
from ops.commands.dead_letter_filters import anything, filtered
from ops.commands.dead_letters import Json, app, as_line, show_stats
from ops.commands.with_parts import with_parts

__all__ = ["app"]  # `ls` and all others, completed by what is here

EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_INTERRUPTED = 1, 69, 130
_SHOWN = ("kind", "type", "channel", "provider", "reason")

Ids = Annotated[list[str] | None, typer.Argument(help="Ids that `ls` shows; or say which by options.")]
All = Annotated[bool, typer.Option("--all", help="All that wait.")]
Maximum = Annotated[int | None, typer.Option("--max", min=1, help="How many at most, oldest first.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without it only what would be done is told.")]


@app.command()
@filtered
def redrive(
    wanted: DeadLetterFilter,
    dead_letter_ids: Ids = None,
    everything: All = False,
    rate: Annotated[int, typer.Option(min=SLOWEST, max=FASTEST, help="How many a second.")] = DEFAULT_RATE,
    maximum: Maximum = None,
    own_priority: Annotated[
        bool, typer.Option("--own-priority", help="At the priority they had; else at low, where live ones go first.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Of ids: also if it was redriven before.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put dead letters back to work. Mend the cause first: an address, a template, an endpoint.

    Those named by their ids go back at once. Of many first a dry run is told; --yes does it. Whatever breaks off on
    the way (Ctrl-C as well), the same command goes on with what still waits.
    """
    named = _named(dead_letter_ids, everything, wanted)
    if again and not named:
        raise typer.BadParameter("--again goes with ids: of many only those go back that wait")
    if named:
        _one_by_one(dead_letter_ids or [], lambda each, parts: redrive_one(each, again, parts), "redriven", as_json)
        return
    asked = RedriveMany(wanted, rate, maximum, own_priority)
    if not yes:
        report = with_parts(lambda parts: plan(asked, parts))
        _tell(report, as_json, lambda console: _would_redrive(report, rate, console))
        return
    failure, stopped = None, False
    try:
        report, stopped = with_parts(lambda parts: _redriven(asked, parts))
    except Interrupted as error:
        report, failure = error.report, error.cause
    _tell(report, as_json, lambda console: _did_redrive(report, console))
    if failure is not None:
        Console(stderr=True, soft_wrap=True).print(f"tidings: {failure}", highlight=False)
        raise typer.Exit(EXIT_UNAVAILABLE)
    raise typer.Exit(EXIT_INTERRUPTED if stopped else 0)


async def _redriven(asked: RedriveMany, parts: Parts) -> tuple[RedriveReport, bool]:
    """And whether Ctrl-C ended it: after the batch in hand."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Console(stderr=True).status("redriving ...") as line:
        watch = Watch(stopped=stop.is_set, tell=lambda count: line.update(f"{count:,} redriven"))
        return await redrive_many(asked, parts, watch), stop.is_set()


def _would_redrive(report: RedriveReport, rate: int, console: Console) -> None:
    show_stats(report.stats, console, _SHOWN)
    skipped = f"; {report.expired:,} have expired and would be skipped" if report.expired else ""
    console.print(
        f"would redrive {report.to_redrive:,} at {rate} a second, about {_time(report.to_redrive / rate)}{skipped}",
        highlight=False,
    )
    if report.to_redrive:
        console.print("nothing was done: add --yes to do it")


def _did_redrive(report: RedriveReport, console: Console) -> None:
    others = report.stats.total - report.stats.expired - report.to_redrive
    left_out = f", {others:,} more that --max left out" if others else ""
    console.print(f"{report.redriven:,} redriven, {report.left:,} still wait{left_out}", highlight=False)
    if report.expired:
        console.print(f"{report.expired:,} skipped: they have expired", highlight=False)
    if report.unplaced:
        console.print(f"{report.unplaced:,} skipped: they came from no topic of tidings", highlight=False)
    if report.left:
        console.print("the same command goes on with what still waits")


@app.command()
@filtered
def drop(
    wanted: DeadLetterFilter,
    dead_letter_ids: Ids = None,
    why: Annotated[str, typer.Option("--because", help="Why, for whoever asks later. Needed.")] = "",
    everything: All = False,
    maximum: Maximum = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give dead letters up. What, why and when stay in `ls`; their keys, headers and bytes are forgotten for good.

    `export` them before, if they may be needed. First a dry run is told; --yes does it.
    """
    if not why.strip() or not why.isprintable():
        raise typer.BadParameter("say in one line why they are given up: --because TEXT")
    named = _named(dead_letter_ids, everything, wanted)
    if named and not yes:
        _one_by_one(dead_letter_ids or [], _found, "would be dropped", as_json)
        Console(stderr=True).print("nothing was done: add --yes to do it")
    elif named:
        _one_by_one(dead_letter_ids or [], lambda each, parts: drop_one(each, why, parts), "dropped", as_json)
    else:
        asked = DropMany(wanted, why, maximum)
        report = with_parts(lambda parts: (drop_many if yes else plan_drop)(asked, parts))
        _tell(report, as_json, lambda console: _dropped(report, console))


async def _found(dead_letter_id: str, parts: Parts) -> DeadLetter | None:
    found = await parts.dead_letters.find(dead_letter_id)
    if found is not None and found.state is State.DROPPED:
        raise AlreadyDropped(found, f"dead letter {dead_letter_id} was dropped before: {found.drop_reason}")
    return found


def _dropped(report: DropReport, console: Console) -> None:
    if not report.dry_run:
        console.print(f"{report.dropped:,} dropped", highlight=False)
        return
    show_stats(report.stats, console, _SHOWN)
    if report.to_drop:
        console.print(f"would drop {report.to_drop:,}; nothing was done: add --yes to do it", highlight=False)


def _named(ids: list[str] | None, everything: bool, wanted: DeadLetterFilter) -> bool:
    """Whether they are named by id. Raises BadParameter unless it is clear which are meant."""
    by_filter = not anything(wanted)
    if ids and (by_filter or everything):
        raise typer.BadParameter("name ids or say which by options, not both")
    if not ids and not by_filter and not everything:
        raise typer.BadParameter("which? name ids, narrow them down by options such as --type or --reason, or --all")
    return bool(ids)


def _one_by_one(ids: list[str], do: Callable[[str, Parts], Awaitable[Any]], done: str, as_json: bool) -> None:
    """Each by itself; exit code 1 when one of them was refused."""

    async def work(parts: Parts) -> bool:
        well = True
        for each in ids:
            try:
                why = None if await do(each, parts) else f"there is no dead letter {each!r}"
            except Refused as error:
                why = error.why + ("; --again does it once more" if isinstance(error, AlreadyRedriven) else "")
            well = well and why is None
            if as_json:
                print(json.dumps({"dead_letter_id": each, "status": done if why is None else "refused", "why": why}))
            elif why is None:
                print(f"{each} {done}")
            else:
                Console(stderr=True, soft_wrap=True).print(f"{why}", highlight=False, markup=False)
        return well

    if not with_parts(work):
        raise typer.Exit(EXIT_FAILED)


def _tell(report: RedriveReport | DropReport, as_json: bool, words: Callable[[Console], None]) -> None:
    if as_json:
        print(as_line(report))
    else:
        words(Console())


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    told = [f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if number]
    return " ".join(told)
