"""tidings dead-letters ls | show | redrive."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from connectors.http.ports import DeadLetterFilter, Parts
from ops.commands.current import current_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Records that need a person: look at them, mend the cause, put them back to work.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
T = TypeVar("T")


@app.command()
def ls(
    channel: Annotated[str | None, typer.Option(help="Only of this channel.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only poison, permanent, exhausted or ambiguous.")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that were not redriven.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first."""
    wanted = DeadLetterFilter(channel, kind, False if waiting else None)
    found = _with_parts(lambda parts: parts.dead_letters.page(wanted, None, limit))
    if as_json:
        for each in found:
            print(json.dumps(asdict(each), default=str))
        return
    table = Table("id", "when", "what", "reason")
    for each in found:
        what = "\n".join(text for text in (each.type, each.channel, each.recipient_id) if text) or each.origin_topic
        redriven = "\n(redriven)" if each.redriven_at else ""
        table.add_row(
            each.dead_letter_id, f"{each.dead_at:%Y-%m-%d\n%H:%M:%S}", what, f"{each.kind}: {each.reason}{redriven}"
        )
    Console().print(table)


@app.command()
def show(dead_letter_id: Annotated[str, typer.Argument(help="The id that `ls` shows.")], as_json: Json = False) -> None:
    """Show one with its headers and its record, decoded if it can be."""
    from connectors.http.dead_letters import detail

    async def find(parts: Parts) -> Any:
        found = await parts.dead_letters.find(dead_letter_id)
        return detail(found, parts.codec) if found else None

    found = _with_parts(find)
    if found is None:
        raise typer.BadParameter(f"there is no dead letter {dead_letter_id!r}; `tidings dead-letters ls` lists them")
    told = asdict(found)
    print(json.dumps(told, default=str, indent=None if as_json else 2, ensure_ascii=False))


@app.command()
def redrive(
    dead_letter_ids: Annotated[list[str], typer.Argument(help="Ids that `ls` shows.")],
    again: Annotated[bool, typer.Option("--again", help="Also if it was redriven before.")] = False,
) -> None:
    """Put dead letters back to work. Mend the cause first: an address, a template, an endpoint."""
    from connectors.redrive import AlreadyRedriven, Redrive
    from connectors.redrive import redrive as put_back

    async def work(parts: Parts) -> None:
        for identity in dead_letter_ids:
            asked = Redrive(identity, again, parts.now(), parts.new_id())
            try:
                dead = await put_back(asked, parts.dead_letters, parts.publisher, parts.codec)
            except AlreadyRedriven as error:
                raise typer.BadParameter(f"{error}; --again does it once more") from None
            if dead is None:
                raise typer.BadParameter(f"there is no dead letter {identity!r}")
            print(f"redriven {identity}")

    _with_parts(work)


def _with_parts(work: Callable[[Parts], Awaitable[T]]) -> T:
    from ops.wiring.api import api_parts, opened

    async def run() -> T:
        async with opened(api_parts(current_settings())) as parts:
            return await work(parts)

    return asyncio.run(run())
