"""The options that say which dead letters are meant."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from connectors.dead_letters.wanted import DeadLetterFilter
from ops.commands.dead_letter_filters import filtered, moment
from ops.commands.dead_letter_work import app

NOW = 1_800_000_000_000
MOMENT = datetime.fromtimestamp(NOW / 1000, UTC)
OPTIONS = {
    "kind": "poison",
    "reason": "550",
    "type": "order.shipped",
    "channel": "email",
    "provider": "smtp",
    "recipient": "ada",
    "tenant": "acme",
    "since": "2026-01-31T18:00:00Z",
    "until": "2026-01-31T19:00:00+01:00",
}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-01-31T18:00:00Z", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("2026-01-31T18:00:00.5+01:00", datetime(2026, 1, 31, 17, 0, 0, 500_000, tzinfo=UTC)),
        ("90m", MOMENT - timedelta(minutes=90)),
        ("2d", MOMENT - timedelta(days=2)),
        (None, None),
    ],
)
def test_a_time_or_an_age(text: str | None, told: datetime | None) -> None:
    assert moment(text, "--since", NOW) == told


@pytest.mark.parametrize(("text", "said"), [("2x", "neither"), ("2026-01-31T18:00:00", "which zone"), ("", "neither")])
def test_what_is_neither_is_refused_with_its_option(text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said) as caught:
        moment(text, "--since", NOW)
    assert "--since" in str(caught.value)


def test_every_filter_has_an_option_and_what_is_given_is_what_is_meant() -> None:
    seen: list[DeadLetterFilter] = []
    command = typer.Typer()

    @command.command()
    @filtered
    def tried(wanted: DeadLetterFilter, limit: int = 3) -> None:
        seen.append(wanted)
        assert limit == 7

    words = [word for name, value in OPTIONS.items() for word in (f"--{name}", value)]
    result = CliRunner().invoke(command, [*words, "--limit", "7"])
    assert result.exit_code == 0, result.output
    (wanted,) = seen
    given = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
    assert given.pop("state") is None
    assert given.pop("since") == datetime(2026, 1, 31, 18, tzinfo=UTC)
    assert given.pop("until") == datetime(2026, 1, 31, 18, tzinfo=UTC)
    assert given == {name.replace("recipient", "recipient_id"): OPTIONS[name] for name in list(OPTIONS)[:7]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["redrive"], "which?"),
        (["redrive", "0-1", "--type", "order.shipped"], "not both"),
        (["redrive", "0-1", "--all"], "not both"),
        (["redrive", "--all", "--again"], "goes with ids"),
        (["redrive", "--all", "--rate", "0"], "--rate"),
        (["redrive", "--kind", "odd"], "--kind"),
        (["drop", "--all"], "--because"),
        (["drop", "--because", "tests"], "which?"),
        (["ls", "--before", "nonsense"], "--before"),
    ],
)
def test_what_is_unclear_is_refused_before_anything_is_asked_of_a_server(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert said in result.output
