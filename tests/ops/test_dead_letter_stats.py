"""How many dead letters there are, as the command line tells it."""

from datetime import UTC, datetime

import pytest
from rich.console import Console

from connectors.dead_letters.stats import DeadLetterStats
from ops.commands.dead_letters import show_stats

THEN, LATER = datetime(2026, 1, 31, 18, tzinfo=UTC), datetime(2026, 2, 1, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stats", "told"),
    [
        (DeadLetterStats(), "no dead letters"),
        (DeadLetterStats(1, 0, THEN, THEN), "1 dead letter; the oldest of 2026-01-31 18:00:00"),
        (DeadLetterStats(1_200, 7, THEN, LATER), "1,200 dead letters, 7 of them expired; the oldest of 2026-01-31"),
    ],
    ids=["none", "one", "many"],
)
def test_the_first_line_counts_them(stats: DeadLetterStats, told: str) -> None:
    console = Console(width=200)
    with console.capture() as captured:
        show_stats(stats, console, ())
    assert captured.get().startswith(told)
