"""tidings keys create | ls | revoke."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from connectors.postgres.api_keys import ApiKeys
from ops.commands.current import current_settings
from ops.settings import POSTGRESQL

app = typer.Typer(no_args_is_help=True, help="API keys. Only a hash is kept: a key is shown once, when it is made.")

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who will use it, such as orders-service.")],
    as_json: Json = False,
) -> None:
    """Make a key and show it, once. Send it as `Authorization: Bearer KEY`."""
    key = _keys().create(name)
    print(json.dumps({"name": name, "key": key}) if as_json else key)


@app.command()
def ls(as_json: Json = False) -> None:
    """List keys: id, name, when made, when revoked."""
    keys = _keys().list()
    if as_json:
        for key in keys:
            print(json.dumps(key, default=str))
        return
    table = Table("id", "name", "created", "revoked")
    for key in keys:
        table.add_row(key["key_id"], key["name"], f"{key['created_at']:%Y-%m-%d %H:%M}", str(key["revoked_at"] or ""))
    Console().print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id that `ls` shows.")]) -> None:
    """Take a key back. Running APIs refuse it within 5 seconds."""
    if not _keys().revoke(key_id):
        raise typer.BadParameter(f"there is no live key {key_id!r}; `tidings keys ls` lists them")
    print(f"revoked {key_id}")


def _keys() -> ApiKeys:
    return ApiKeys(current_settings(needs=(POSTGRESQL,)).postgres_dsn)
