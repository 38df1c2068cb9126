"""The table of the demo, as a terminal of the usual 80 columns shows it."""

from rich.console import Console

from ops.demo.story import Told
from ops.demo.table import render


def shown(*story: Told, subjects: dict[str, str]) -> list[str]:
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        console.print(render(story, subjects, []))
    return [" ".join(line.split()) for line in captured.get().splitlines()]


def test_words_are_whole_in_80_columns() -> None:
    lines = shown(
        Told("HTTP API", "ada", "newsletter.weekly", {}, "1", seen={"deliveries": [
            {"channel": "email", "status": "sent", "attempts": [{}]},
            {"channel": "webhook", "status": "dead_lettered", "attempts": [{}, {}, {}], "reason": "answered 404"}]}),
        Told("tidings publish", "dora", "newsletter.weekly", {}, "2", seen={"deliveries": [
            {"channel": "email", "status": "suppressed", "layer": "recipient", "rule": "category:marketing"}]}),
        Told("Avro to Kafka", "ben", "password.reset", {}, "3"),
        subjects={"ada": "Your order HT-20418 is on its way"},
    )  # fmt: skip
    assert "event channel status attempts what happened" in lines
    assert "newsletter.weekly → ada email sent 1 “Your order" in lines
    assert "by HTTP API HT-20418 is on its" in lines
    assert "webhook dead_lettered 3 answered 404" in lines
    assert "newsletter.weekly → dora email suppressed 0 recipient:" in lines
    assert "by tidings publish category:marketing" in lines
    assert "password.reset → ben accepted" in lines
