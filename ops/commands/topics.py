"""tidings topics plan | apply, tidings migrate."""

import json
from typing import Annotated

import typer
from rich.console import Console

from connectors.kafka.topic_plan import Refuse, Step
from ops.commands.current import current_settings
from ops.settings import KAFKA, POSTGRESQL, Settings
from ops.wiring.topics import topic_admin, topic_steps

app = typer.Typer(
    no_args_is_help=True,
    help="The Kafka topics as declared in schemas/topics.py: look at what would change, then change it.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def plan(as_json: Json = False) -> None:
    """Show what `apply` would do. Changes nothing. Exit code 2 if something is refused."""
    _show(_steps(), as_json)


@app.command()
def apply(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Create and configure topics. Never shrinks, grows or deletes one: that would lose records or their order."""
    steps = _steps()
    refused = _show(steps, as_json)
    if refused:
        raise typer.Exit(2)
    if not steps:
        return
    if not yes and not typer.confirm(f"Carry out {len(steps)} steps?"):
        raise typer.Exit(1)
    topic_admin(_settings()).apply(steps)
    if not as_json:
        Console().print(f"done: {len(steps)} steps")


def _settings() -> Settings:
    return current_settings(needs=(KAFKA,))


def _steps() -> tuple[Step, ...]:
    return topic_steps(_settings())


def _show(steps: tuple[Step, ...], as_json: bool) -> bool:
    refused = [step for step in steps if isinstance(step, Refuse)]
    for step in steps:
        if as_json:
            print(json.dumps({"step": type(step).__name__.lower(), "topic": step.topic.name, "text": str(step)}))
        else:
            Console(soft_wrap=True).print(str(step), style="red" if step in refused else "green", highlight=False)
    if not steps and not as_json:
        Console().print("all topics are as declared")
    return bool(refused)


def migrate() -> None:
    """Bring the PostgreSQL database to the newest schema. Safe to repeat, and to run twice at once."""
    from connectors.postgres.migrate import migrate as run

    before, after = run(current_settings(needs=(POSTGRESQL,)).postgres_dsn)
    Console().print(f"database at {after}" + ("" if before == after else f" (was {before or 'empty'})"))
