"""The options that say which dead letters are meant: the same for every command on many of them."""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Annotated, Any

import typer

from connectors.dead_letters.dead_letter import Kind
from connectors.dead_letters.wanted import DeadLetterFilter
from ops.wiring.shared import now_ms
from streams.domain.notification import Channel

_AGE = re.compile(r"(\d{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHEN = "a time such as 2026-01-31T18:00:00Z, or an age such as 90m, 6h or 2d"

_OPTIONS: dict[str, Any] = {
    "kind": Annotated[Kind | None, typer.Option(help="Only of this kind.")],
    "reason": Annotated[str | None, typer.Option(help="Only with this in their reason, in any case.")],
    "type": Annotated[str | None, typer.Option("--type", help="Only of this type.")],
    "channel": Annotated[Channel | None, typer.Option(help="Only of this channel.")],
    "provider": Annotated[str | None, typer.Option(help="Only those whose last call was to this provider.")],
    "recipient_id": Annotated[str | None, typer.Option("--recipient", help="Only for this recipient.")],
    "tenant": Annotated[str | None, typer.Option(help="Only of this tenant.")],
    "since": Annotated[str | None, typer.Option(help=f"Only what died then or later: {_WHEN}.")],
    "until": Annotated[str | None, typer.Option(help=f"Only what died before: {_WHEN}.")],
}


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """`command` takes a DeadLetterFilter first; in its place the command line gets an option for each filter."""

    @wraps(command)
    def with_options(**given: Any) -> None:
        wanted = {name: given.pop(name) for name in _OPTIONS}
        command(wanted_by(wanted, now_ms()), **given)

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in _OPTIONS.items()
    ]
    first = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    with_options.__signature__ = inspect.Signature([*first, *ours])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in (*first, *ours)}
    return with_options


def wanted_by(given: dict[str, Any], now: int) -> DeadLetterFilter:
    """The filter that these options mean. `now`: ms since 1970 UTC. Raises BadParameter for a time that is none."""
    times = {name: moment(given[name], f"--{name}", now) for name in ("since", "until")}
    channel = given["channel"]
    return DeadLetterFilter(**{**given, **times, "channel": None if channel is None else str(channel)})


def moment(text: str | None, option: str, now: int) -> datetime | None:
    """A time, or an age counted back from `now`."""
    if text is None:
        return None
    age = _AGE.fullmatch(text)
    if age:
        return datetime.fromtimestamp(now / 1000, UTC) - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        told = datetime.fromisoformat(text.upper())
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is neither; give {_WHEN}") from None
    if told.tzinfo is None:
        raise typer.BadParameter(f"{option}: say which zone, such as {text}Z for UTC")
    return told.astimezone(UTC)


def anything(wanted: DeadLetterFilter) -> bool:
    """Whether no filter was given."""
    return all(getattr(wanted, each.name) is None for each in fields(wanted))
