"""The `tidings` command: its verbs, and how errors are told (one line, never a traceback)."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from connectors.catalogue.problems import CatalogueError
from connectors.unavailable import Unavailable
from ops.settings import WrongSetting

EXIT_UNAVAILABLE = 69
EXIT_FAILED = 70
EXIT_CONFIGURATION = 78

# verb -> module and attribute: a module is imported only when its verb is used, so every verb starts at once
_GROUPS = {
    "topics": ("ops.commands.topics", "app"),
    "keys": ("ops.commands.keys", "app"),
    "dead-letters": ("ops.commands.dead_letter_work", "app"),
    "dev": ("ops.commands.dev", "app"),
    "bench": ("ops.commands.bench", "app"),
    "faults": ("ops.commands.faults", "app"),
}
_VERBS = {
    "publish": ("ops.commands.publish", "publish"),
    "status": ("ops.commands.status", "status"),
    "migrate": ("ops.commands.topics", "migrate"),
    "demo": ("ops.commands.demo", "demo"),
    "api": ("ops.commands.processes", "api"),
    "router": ("ops.commands.processes", "router"),
    "sender": ("ops.commands.processes", "sender"),
    "recorder": ("ops.commands.processes", "recorder"),
    "scheduler": ("ops.commands.processes", "scheduler"),
}


class Verbs(TyperGroup):
    """Loads a verb's module on first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*_VERBS, *_GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _GROUPS:
            module, name = _GROUPS[cmd_name]
            group = typer.main.get_group(getattr(importlib.import_module(module), name))
            group.name = cmd_name
            return group
        if cmd_name in _VERBS:
            module, name = _VERBS[cmd_name]
            single = typer.Typer(add_completion=False)
            single.command(cmd_name)(getattr(importlib.import_module(module), name))
            return typer.main.get_command(single)
        return None


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def tidings() -> None:
    """A notification service on Kafka: nothing lost, in order per person, every decision explained.

    To look around: `tidings dev up`, then `tidings publish order.shipped --help` in another terminal.
    Settings are TIDINGS_* variables; where none is set, a dev stack running in this folder is used.
    """


def run(arguments: list[str] | None = None) -> Any:
    """Entry point. Errors that a person can mend are one line on stderr."""
    try:
        return app(args=arguments)
    except (WrongSetting, CatalogueError) as error:
        _say(str(error))
        sys.exit(EXIT_CONFIGURATION)
    except Unavailable as error:
        _say(f"{error}. Is it running, and is its TIDINGS_* setting right?")
        sys.exit(EXIT_UNAVAILABLE)
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("psycopg", "sqlalchemy"):
            _say(f"PostgreSQL: {str(error).strip().splitlines()[0]}")
            sys.exit(EXIT_UNAVAILABLE)
        if type(error).__name__ == "KafkaException":  # what a process could not mend by waiting: it is started again
            _say(f"Kafka: {error}")
            sys.exit(EXIT_FAILED)
        raise


def _say(text: str) -> None:
    print(f"tidings: {text}", file=sys.stderr)


if __name__ == "__main__":
    run()
