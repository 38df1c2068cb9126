"""Figures for people and for programs."""

import json

import pytest

from ops.bench.figures import Figure, show

FIGURES = [
    Figure("event_to_provider_p50_ms", 4.6, "ms", "from the record in Kafka to the provider at a steady rate", "< 40"),
    Figure("email_ratio_idiomatic_cpu", 21_912.04, "deliveries/s", "ours", "> 6,000"),
]


def test_metric_value_unit_and_aim_are_whole_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show("whole", FIGURES, as_json=False)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("event_to_provider_p50_ms 4.6 ms from the record") for line in lines)
    assert "email_ratio_idiomatic_cpu 21,912.0 deliveries/s ours > 6,000" in lines


def test_a_program_gets_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show("whole", FIGURES, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {"bench": "whole", "metric": "event_to_provider_p50_ms", "value": 4.6, "unit": "ms"}
    assert len(told) == 2
