"""A small run of what `tidings bench whole` measures, without Celery where it is not installed."""

import pytest

from ops.bench.whole.ours import Backlog
from ops.bench.whole.parts import Amounts, measure, rows

METRICS = {
    "email_per_s", "webhook_per_s", "cpu_s_per_million", "event_to_provider_p50_ms", "event_to_provider_p99_ms",
}  # fmt: skip


def test_cpu_is_told_by_process_for_a_million_the_largest_first() -> None:
    found = Backlog(1_000, 2.0, {"kafka": 0.25, "sender-email": 0.75})
    assert found.per_s == 500
    assert found.cpu_s_per_million == 1_000
    assert rows(found) == [("sender-email", "750", "75%"), ("kafka", "250", "25%")]


@pytest.mark.timeout(400)
def test_a_small_run_has_every_metric() -> None:
    report = measure(Amounts(events=1_000, others=100, seconds=1.0, warm_up=1.0), lambda _: None)
    assert report.failures == []
    found = {figure.metric: figure.value for figure in report.figures}
    assert found.keys() >= METRICS
    assert all(found[metric] > 0 for metric in METRICS)
    assert {row[0] for row in report.tables[0].rows} >= {
        "kafka",
        "postgres",
        "router",
        "sender-email",
        "recorder",
        "sink",
    }
