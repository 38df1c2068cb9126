"""The demo from start to end: servers, processes, recipients, six notifications, a live table."""

import json
import time
import urllib.request
from pathlib import Path

from rich.console import Console
from rich.live import Live

from ops.demo.client import Client, make_key
from ops.demo.story import Stage, Told, redrive_emil, set_up_recipients, tell
from ops.demo.table import render
from ops.devstack import Stack, StackFailed
from ops.devstack.tidings import tidings_processes

DATA = Path(".tidings") / "demo"
SECONDS = 60
NOT_KNOWN_YET = 404
# a demo has no hour to wait; the default schedule is in the README
SETTINGS = dict.fromkeys(("TIDINGS_EMAIL_RETRY_SCHEDULE", "TIDINGS_WEBHOOK_RETRY_SCHEDULE"), "500ms,2s,5s,30s")


def play(console: Console, stay: bool) -> bool:
    """Everything; `stay`: until Ctrl-C, or until a server dies. True: every notification reached its status."""
    began = time.monotonic()
    with Stack(
        DATA, processes=tidings_processes(), settings=SETTINGS, say=lambda line: console.print(line.text, style="dim")
    ) as stack:
        console.print(f"everything runs, after {time.monotonic() - began:.1f} s\n")
        key = make_key(stack.environment, "demo")
        stage = Stage(
            Client(stack.api_url, key),
            stack.endpoints.kafka_bootstrap_servers,
            stack.endpoints.webhooks_url,
            stack.environment,
        )
        set_up_recipients(stage)
        story = _watch(console, stage, stack)
        good = all(told.done for told in story)
        console.print(f"\n{_verdict(story)}\n")
        if stay:
            _invite(console, stack, key)
            raise StackFailed(stack.wait())
    return good


def _watch(console: Console, stage: Stage, stack: Stack) -> list[Told]:
    """Send and follow until all is as expected, or time is up."""
    story: list[Told] = []
    says: list[str] = []
    coming, deadline = tell(stage), time.monotonic() + SECONDS
    with Live(console=console, refresh_per_second=8, vertical_overflow="visible") as live:
        sending = True
        while time.monotonic() < deadline and (sending or not all(told.done for told in story)):
            told = next(coming, None) if sending else None
            sending = told is not None
            if told is not None:
                story.append(told)
            for each in story:
                answer = stage.api.get(f"/v1/notifications/{each.notification_id}")
                if answer.status != NOT_KNOWN_YET:  # published past the API: known when the recorder has kept it
                    each.seen = answer.ok()
                if each.recipient == "emil" and "dead_lettered" in each.statuses().values():
                    redrive_emil(stage, each, says.append)
            live.update(render(story, _subjects(stack), says))
            time.sleep(0.2)
    return story


def _subjects(stack: Stack) -> dict[str, str]:
    """The last subject line that really arrived, by recipient, as the mail catcher got it."""
    with urllib.request.urlopen(f"{stack.endpoints.mail_url.rstrip('/')}/api/messages", timeout=10) as answer:  # noqa: S310
        mails = sorted(json.load(answer), key=lambda mail: str(mail["id"]))
    return {mail["to"][0].split("@")[0]: mail["subject"] for mail in mails}


def _verdict(story: list[Told]) -> str:
    wrong = [told for told in story if not told.done]
    if not wrong:
        return f"[bold green]all {len(story)} notifications reached the status they should[/]"
    return "\n".join(
        f"[bold red]{told.type} for {told.recipient}: expected {told.expected}, found {told.statuses() or 'nothing'}[/]"
        for told in wrong
    )


def _invite(console: Console, stack: Stack, key: str) -> None:
    api = stack.api_url
    console.print("[bold]to play with[/]")
    for name, url in (
        ("API reference", f"{api}/docs"),
        ("mail", stack.endpoints.mail_url),
        ("webhooks received", stack.endpoints.webhooks_url),
        ("metrics", f"{api}/metrics"),
    ):
        console.print(f"  {name:18} {url}", highlight=False, soft_wrap=True)
    body = json.dumps(
        {"recipient_id": "ben", "type": "order.delayed", "data": _delayed(), "channels": ["email"]}, ensure_ascii=False
    )
    console.print(f"  {'key':18} {key}\n", highlight=False, soft_wrap=True)
    console.print(
        f"curl -s {api}/v1/notifications -H 'Authorization: Bearer {key}' \\\n"
        f"  -H 'Content-Type: application/json' -d '{body}'",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    console.print(
        "\nIn another terminal, in this folder: .venv/bin/tidings status ID, tidings dead-letters ls, "
        "tidings dev status --data .tidings/demo.\nCtrl-C stops everything.",
        highlight=False,
    )


def _delayed() -> object:
    from ops.demo.story import examples

    return examples()["order.delayed"]
