"""The live table: what was sent, and where it stands."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ops.demo.story import Told

_STYLES = {
    "accepted": "dim",
    "queued": "cyan",
    "retrying": "yellow",
    "sent": "green",
    "delivered": "bold green",
    "suppressed": "magenta",
    "expired": "magenta",
    "dead_lettered": "red",
    "unknown": "red",
}


def render(story: Sequence[Told], subjects: dict[str, str], says: Sequence[str]) -> RenderableType:
    """One row a delivery, in whole words if 80 columns are there.

    `subjects`: by recipient, as the mail catcher got them. `says`: the latest events.
    """
    table = Table(title="tidings demo", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("event", "channel", "status", "attempts"):
        table.add_column(name, no_wrap=True)
    table.add_column("what happened", overflow="fold")
    for told in story:
        rows = told.seen.get("deliveries") or [{"channel": "", "status": told.seen.get("status", "accepted")}]
        for at, each in enumerate(rows):
            event = Text.assemble(f"{told.type} → {told.recipient}", (f"\nby {told.way}", "dim")) if at == 0 else ""
            status = Text(each["status"], _STYLES.get(each["status"], ""))
            attempts = str(len(each.get("attempts", []))) if each["channel"] else ""
            table.add_row(event, each["channel"], status, attempts, _happened(told, each, subjects))
    return Group(table, *(Text(line, "dim") for line in says[-4:]))


def _happened(told: Told, delivery: dict[str, object], subjects: dict[str, str]) -> str:
    status, channel = delivery["status"], delivery["channel"]
    if status == "suppressed":
        return f"{delivery['layer']}: {delivery['rule']}"
    if status in ("retrying", "dead_lettered"):
        return str(delivery.get("reason") or "")
    subject = subjects.get(told.recipient, "") if channel == "email" and status == "sent" else ""
    note = told.note if channel == "webhook" or "webhook" not in told.expected else ""
    return " · ".join(part for part in (f"“{subject}”" if subject else "", note) if part)
