"""tidings status."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ops.commands.current import current_settings


def status(
    notification_id: Annotated[str, typer.Argument(help="The id that was told when it was accepted.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What became of a notification: per channel its status, the rule that decided, and every attempt."""
    found = asyncio.run(_find(notification_id))
    if found is None:
        raise typer.BadParameter(f"nothing is known of {notification_id!r} (yet)")
    if as_json:
        print(json.dumps(found, default=str))
        return
    console = Console()
    console.print(f"{found['type'] or '?'} for {found['recipient_id']}: [bold]{found['status']}[/]", highlight=False)
    table = Table("channel", "status", "decided by", "attempts", "provider", "reason")
    for each in found["deliveries"]:
        decided = f"{each['layer']}: {each['rule']}" if each["layer"] else ""
        row = (each["channel"], each["status"], decided, str(len(each["attempts"])), each["provider"], each["reason"])
        table.add_row(*(value or "" for value in row))
    if found["deliveries"]:
        console.print(table)
    for each in found["deliveries"]:
        for call in each["attempts"]:
            console.print(
                f"  {each['channel']} {call['started_at']:%Y-%m-%d %H:%M:%S} {call['provider']} {call['code'] or ''} "
                f"{call['duration_ms']:.0f} ms {call['failure_kind'] or 'went well'} {call['reason'] or ''}",
                highlight=False,
                style="dim",
            )


async def _find(notification_id: str) -> dict[str, Any] | None:
    from connectors.http.notifications import find_notification
    from ops.wiring.api import api_parts, opened

    async with opened(api_parts(current_settings())) as parts:
        found = await find_notification(parts, notification_id)
    return asdict(found) if found else None
