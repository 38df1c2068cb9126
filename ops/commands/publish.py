"""tidings publish."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ops.commands.current import current_settings
from streams.domain.notification import Priority


def publish(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="A type of the catalogue: order.shipped.")],
    recipient: Annotated[str, typer.Option("--recipient", "-r", help="Who is told: the recipient's id.")],
    data: Annotated[str, typer.Option("--data", "-d", help="A JSON object, or - to read one.")] = "{}",
    to: Annotated[list[str] | None, typer.Option(help="channel=address for this one only. Repeatable.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Only this channel. Repeatable.")] = None,
    priority: Annotated[Priority | None, typer.Option(help="Instead of the type's own.")] = None,
    notification_id: Annotated[str | None, typer.Option("--id", help="A UUID: the same id twice is one.")] = None,
    expires_in: Annotated[int | None, typer.Option(help="Seconds after which nothing is sent any more.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Publish one notification straight to Kafka; prints its id once it is durable.

    Checked as the HTTP API checks it. `tidings status ID` tells what became of it.
    """
    body: dict[str, Any] = {
        "notification_id": notification_id,
        "recipient_id": recipient,
        "type": kind,
        "data": _object(data),
        "channels": channel,
        "priority": priority,
        "to": _addresses(to),
        "expires_at": _moment(expires_in),
    }
    identity = asyncio.run(_accept({name: value for name, value in body.items() if value is not None}))
    print(json.dumps({"notification_id": identity}) if as_json else identity)


async def _accept(told: dict[str, Any]) -> str:
    from connectors.http.acceptance import Acceptance
    from connectors.http.notification_body import NotificationBody
    from connectors.http.problems import Problem
    from ops.wiring.api import api_parts, opened

    try:
        body = NotificationBody(**told)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
    async with opened(api_parts(current_settings())) as parts:
        try:
            return (await Acceptance(parts).accept(body, None)).notification_id
        except Problem as problem:
            raise typer.BadParameter(problem.text) from None


def _object(text: str) -> dict[str, Any]:
    raw = typer.get_text_stream("stdin").read() if text == "-" else text
    try:
        read = json.loads(raw)
    except ValueError as error:
        raise typer.BadParameter(f"--data is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter('--data must be a JSON object, such as \'{"order": "1042"}\'')
    return read


def _addresses(pairs: list[str] | None) -> dict[str, str] | None:
    if not pairs:
        return None
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise typer.BadParameter(f"--to {wrong[0]}: write channel=address, such as email=ada@example.com")
    return dict(pair.split("=", 1) for pair in pairs)


def _moment(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC).isoformat()
