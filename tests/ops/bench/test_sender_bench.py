"""A small run of what `tidings bench sender` measures, on real servers, with whom `make test` has installed."""

import pytest
from typer.testing import CliRunner

from ops.bench.sender.parts import Amounts, Part, measure
from ops.commands.bench import app

METRICS = {
    "email_per_s", "email_cpu_us", "webhook_per_s", "webhook_ratio_idiomatic", "webhook_same", "machinery_us",
    "handed_over_p50_ms", "handed_over_p99_ms", "high_under_flood_ratio", "low_share_under_flood", "memory_growth_mib",
    "sink_email_per_s", "sink_webhook_per_s", "redrive_live_ratio", "redriven_per_s",
    "one_partition_per_s", "one_partition_ratio",
}  # fmt: skip


@pytest.mark.timeout(400)
def test_a_small_run_of_everything_has_every_metric_and_the_same_messages() -> None:
    amounts = Amounts(deliveries=10_000, others=400, runs=1, flood=10_000, seconds=1.0, minutes=0.1, letters=200)
    report = measure(list(Part), amounts, lambda _: None)
    assert report.failures == []
    found = {figure.metric: figure.value for figure in report.figures}
    assert found.keys() >= METRICS
    assert found["webhook_same"] == 1
    assert found["email_per_s"] < found["sink_email_per_s"]
    assert 0.02 < found["low_share_under_flood"] < 0.2
    assert all(found[metric] > 0 for metric in METRICS - {"memory_growth_mib"})


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["sender", "--only", "email,speed"])
    assert result.exit_code == 2
    assert "speed" in result.output
    assert "machinery" in result.output
