"""Small runs of what `tidings bench router` measures, on a real Kafka."""

import os
import time
from contextlib import ExitStack

import pytest
from typer.testing import CliRunner

from ops.bench.router import throughput
from ops.bench.router.cores import Cores, kept_off
from ops.bench.router.data import Mix
from ops.bench.router.filling import Filling
from ops.bench.router.ground import Ground, outputs_of
from ops.bench.router.order import Order
from ops.bench.router.parts import Amounts, Part, measure
from ops.bench.router.process import Contender, Ended, routing, running
from ops.bench.router.reading import records_of
from ops.bench.router.same_records import compare
from ops.bench.router.site import Site
from ops.bench.router.window import Watch
from ops.commands.bench import app

EVENTS = 1_500
METRICS = {
    "events_per_s", "ratio_bare_loop", "ratio_idiomatic_faust", "ratio_faust_take", "same_records", "routed_p50_ms",
    "routed_p99_ms", "routed_p99_ratio_bare", "high_under_flood_p99_ms", "recover_2000_recipients_s",
    "recover_2000_recipients_mib", "scaling_two_routers", "preference_live_p99_ms", "bare_loop_linger_1_events_per_s",
}  # fmt: skip


@pytest.fixture
def site(ground: Ground) -> Site:
    """Nothing is pinned: other tests run here too."""
    return Site(ground, None, Cores((), ()))


def test_all_contenders_write_the_same_records(site: Site) -> None:
    mix, ground = Mix(), site.ground
    with ExitStack() as open_:
        inputs = open_.enter_context(ground.inputs(mix))
        ground.fill_notifications(inputs, mix, range(EVENTS))
        wrote = {}
        for contender in Contender:
            wrote[contender] = open_.enter_context(ground.outputs(contender))
            order = site.order(inputs, wrote[contender], mix)
            with running(contender, order) as process:
                Watch(site, order.topics, [process]).decided(EVENTS)
                expected = ground.written(outputs_of(site.order(inputs, wrote[Contender.OURS], mix).topics))
                deadline = time.monotonic() + 30
                while ground.written(outputs_of(order.topics)) < expected:
                    assert time.monotonic() < deadline, process.log_end()
                    time.sleep(0.05)
        for contender in Contender:
            comparison = compare(ground.bootstrap_servers, wrote[Contender.OURS], wrote[contender], EVENTS)
            assert comparison.same, f"{contender}: {comparison.told()}"
            assert comparison.records > 2 * EVENTS
        tampering = Filling(ground.bootstrap_servers)
        tampering.write(f"{wrote[Contender.OURS]}decisions", _a_decision(ground, order), b"user-1")
        tampering.flush()
        assert not compare(ground.bootstrap_servers, wrote[Contender.OURS], wrote[Contender.BARE_LOOP], EVENTS).same


def _a_decision(ground: Ground, order: Order) -> bytes:
    return bytes(next(records_of(ground.bootstrap_servers, order.topics.decisions)).value())


@pytest.mark.timeout(400)
def test_a_small_run_of_everything_has_every_metric_and_the_same_records() -> None:
    amounts = Amounts(events=60_000, runs=1, flood=100_000, recipients=2_000, seconds=1.0, changes=5)
    report = measure(list(Part), amounts, lambda _: None)
    assert report.failures == []
    found = {figure.metric: figure.value for figure in report.figures}
    assert found.keys() >= METRICS
    assert found["same_records"] == 1
    assert all(found[metric] > 0 for metric in METRICS - {"recover_2000_recipients_mib", "preference_live_p99_ms"})
    assert [len(table.rows) for table in report.tables] == [len(throughput.ENTRIES), 4]


def test_a_contender_that_ends_is_told_with_its_log(site: Site) -> None:
    order = site.order("no-such.", "no-such.", Mix())
    with running(Contender.OURS, order) as process:
        process.process.wait(60)
        with pytest.raises(Ended, match="is missing"):
            process.check()


def test_the_backlog_of_the_scaling_is_there_all_at_once(site: Site) -> None:
    with site.ground.inputs(Mix(5)) as inputs, site.ground.outputs("x") as outputs:
        order = site.order(inputs, outputs, Mix(5))
        with routing(order) as router:
            router.ready()
            watch = Watch(site, order.topics, [router])
            site.ground.fill_notifications(inputs, Mix(5), range(10))
            watch.decided(10)
            hidden = site.ground.hide_notifications(inputs, Mix(5), range(10, 110))
            time.sleep(1.0)  # long enough for a router that could see them
            assert site.ground.written([order.topics.decisions]) == 10
            hidden.show()
            watch.decided(110)
            watch.committed(order.group, markers=1)


def test_an_unknown_part_is_refused_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["router", "--only", "throughput,speed"])
    assert result.exit_code == 2
    assert "speed" in result.output
    assert "throughput" in result.output


def test_what_is_measured_has_its_cores_and_the_rest_keeps_off_them() -> None:
    cores = Cores.of_this_machine()
    before = os.sched_getaffinity(0)
    if not cores.measured:
        assert Cores.of_this_machine(1).of(0) == []
        return
    with kept_off(cores, None):
        assert os.sched_getaffinity(0) == set(cores.rest)
        assert not set(cores.of(0)) & os.sched_getaffinity(0)
    assert os.sched_getaffinity(0) == before
    assert Cores.of_this_machine(10_000) == Cores((), ())
