"""One fault on senders: a stack and a provider of its own, load, the fault, the drain, the verdict."""

import random
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from ops.devstack import Endpoints, ProcessSpec, Stack, StackFailed
from ops.devstack.process_settings import METRICS_PORT
from ops.faults.beside import Beside, Trouble
from ops.faults.drain import Drain, Group
from ops.faults.ends import Ends
from ops.faults.fault import Fault
from ops.faults.ledger import Ledger
from ops.faults.load import Load
from ops.faults.reader import Reader
from ops.faults.running import CONFIRM_SECONDS, Options, Say, at_work, check, hearing, in_a_folder
from ops.faults.sender.checker import OUTPUTS, Checker
from ops.faults.sender.disks import SmallDisks, mounted
from ops.faults.sender.http_sink import HttpConnection
from ops.faults.sender.kept import Kept
from ops.faults.sender.kept import read as read_kept
from ops.faults.sender.load import Deliveries
from ops.faults.sender.prepare import BASE
from ops.faults.sender.sink import Sink, serving
from ops.faults.sender.smtp_sink import SmtpConnection
from ops.faults.sender.traffic import SCHEDULE
from ops.faults.sender.tripwire import FOLDER, Files
from ops.faults.stage import SESSION_SECONDS, Stage, Target, Watch
from ops.faults.verdict import Result
from ops.wiring.shared import EXAMPLE_CATALOGUE
from schemas import topics
from streams.domain.notification import Channel, Priority
from streams.domain.retry_schedule import RetrySchedule

RECORDER = Group("tidings-recorder", OUTPUTS)
SERVERS = ("kafka", "postgres", "valkey")


@dataclass(frozen=True, slots=True)
class Site:
    """What one run is made of, besides its stack. `base`: the provider's URL, for webhooks."""

    fault: Fault
    options: Options
    folder: Path
    sink: Sink
    port: int
    disks: SmallDisks

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}" if self.fault.channel is Channel.WEBHOOK else ""

    @property
    def tripwires(self) -> Path:
        return self.folder / "tripwires"


def run(fault: Fault, options: Options, say: Say) -> Result:
    """Run one fault. A run that is not ok leaves its folder, and says where; a good one leaves nothing.

    What goes wrong under way is a problem of the result. Raises StackFailed when the stack cannot be started.
    """
    return in_a_folder(fault.name, say, lambda folder: _with_provider(fault, options, folder, say))


def group_of(channel: Channel) -> Group:
    """The senders of a channel, and what they work off: its main and its retry topics."""
    mains = [topics.deliveries(channel, priority) for priority in Priority]
    retries = [topics.retry(channel, delay) for delay in RetrySchedule.parse(SCHEDULE).tiers]
    return Group(topics.sender_name(channel), [*mains, *retries])


def _with_provider(fault: Fault, options: Options, folder: Path, say: Say) -> Result:
    sink = Sink()
    connection = HttpConnection if fault.channel is Channel.WEBHOOK else SmtpConnection
    with serving(sink, connection) as port, mounted(folder, fault.disks) as disks:
        return _run(Site(fault, options, folder, sink, port, disks), say)


def _run(site: Site, say: Say) -> Result:
    fault, ends, ledger = site.fault, Ends(), Ledger()
    checker = Checker(ledger, fault.channel, site.base, fault.loses_claims)
    say(
        f"{fault.name}: starting {fault.brokers} broker(s), {fault.processes} senders of {fault.channel} and a recorder"
    )
    with _stack(site, ends) as stack:
        servers = stack.endpoints.kafka_bootstrap_servers
        deliveries = Deliveries(ledger, fault.channel, site.base, random.Random(site.options.seed))
        reader, load = Reader(servers, OUTPUTS, checker.take), Load(servers, ledger, deliveries, site.options.rate)
        beside = Beside(site.sink, Files(site.tripwires), site.disks, deliveries.poison)
        stage = Stage(stack, ends, _target(fault), _watch(load, reader, site.sink, say), beside)
        with at_work(load, reader):
            try:
                fault.inject(stage, fault, random.Random(f"{site.options.seed} {fault.name}"))
            except (StackFailed, RuntimeError) as error:
                stage.problem(str(error))
            site.sink.trouble = Trouble.NONE
            began = time.monotonic()
            drained = _drained(stage, load, reader, fault)
            seconds = time.monotonic() - began
        held = _held(stage, stack.endpoints.postgres_dsn)
        problems = (*stage.problems, *(f"nobody asked for this: {text}" for text in ends.uninvited()))
    if ledger.refused:
        say(f"{fault.name}: not accepted: {dict(ledger.refused)}")
    found = checker.findings(site.sink.arrivals, held, site.sink.unanswered)
    return Result(fault.name, stage.runs, found, fault.bound, seconds, drained, problems)


def _watch(load: Load, reader: Reader, sink: Sink, say: Say) -> Watch:
    def tell(text: str) -> None:
        say(f"{text} ({len(sink.arrivals):,} taken by the provider)")

    return Watch(tell, partial(check, load, reader), lambda: len(sink.arrivals))


def _drained(stage: Stage, load: Load, reader: Reader, fault: Fault) -> bool:
    """End the load; whether all of it is through in time: sent, told, and kept."""
    if left := load.stop(CONFIRM_SECONDS):
        stage.problem(f"{left} inputs were not confirmed {CONFIRM_SECONDS} s after the load")
    stage.say("the load has ended; draining")
    groups = (group_of(fault.channel), RECORDER)
    with closing(Drain(stage.brokers.addresses, groups)) as drain:
        drained = drain.wait(OUTPUTS, reader.reached, fault.bound.drain_seconds)
    if reader.failure:
        stage.problem(str(reader.failure))
    return drained


def _held(stage: Stage, dsn: str) -> Kept:
    try:
        return read_kept(dsn)
    except psycopg.Error as error:
        stage.problem(f"PostgreSQL cannot be read: {error}")
        return Kept({}, frozenset())


def _target(fault: Fault) -> Target:
    names = [f"sender-{number}" for number in range(1, fault.processes + 1)]
    group = group_of(fault.channel)
    busy = (topics.deliveries(fault.channel, Priority.NORMAL), topics.DELIVERY_STATUS)
    return Target(names, group.name, busy, group.topics)


def _stack(site: Site, ends: Ends) -> Stack:
    fault = site.fault
    module = "ops.faults.sender.tripwire" if fault.tripwires else "ops.commands.main"
    sender = (sys.executable, "-m", module, *(() if fault.tripwires else ("sender",)), str(fault.channel))
    schedules = {f"TIDINGS_{channel.upper()}_RETRY_SCHEDULE": SCHEDULE for channel in Channel}
    return Stack(
        site.folder,
        SERVERS,
        (
            ProcessSpec("prepare", (sys.executable, "-m", "ops.faults.sender.prepare"), once=True),
            *(ProcessSpec(name, sender, (METRICS_PORT,)) for name in _target(fault).processes),
            ProcessSpec("recorder", (sys.executable, "-m", "ops.commands.main", "recorder"), (METRICS_PORT,)),
        ),
        tolerate=SERVERS,
        given=Endpoints(smtp_url=f"smtp://127.0.0.1:{site.port}?starttls=off"),
        settings={
            "TIDINGS_CATALOGUE": str(EXAMPLE_CATALOGUE),
            "TIDINGS_PARTITIONS": "4",
            "TIDINGS_REPLICATION_FACTOR": str(fault.brokers),
            "TIDINGS_SCHEMA_REGISTRY_URL": "",
            "TIDINGS_SESSION_TIMEOUT_SECONDS": f"{SESSION_SECONDS:g}",
            **schedules,
            BASE: site.base,
            FOLDER: str(site.tripwires),
        },
        say=hearing(ends),
        brokers=fault.brokers,
    )
