"""One fault on routers: a stack of its own, load, the fault, the drain, the verdict."""

import random
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from connectors.catalogue.load import load as load_catalogue
from ops.devstack import Endpoints, ProcessSpec, Stack, StackFailed
from ops.devstack.process_settings import METRICS_PORT
from ops.faults.drain import Drain, Group
from ops.faults.ends import Ends
from ops.faults.fault import Fault
from ops.faults.ledger import Ledger
from ops.faults.load import Load
from ops.faults.reader import Reader
from ops.faults.router.checker import OUTPUTS, Checker
from ops.faults.router.load import notifications
from ops.faults.router.traffic import Rule
from ops.faults.running import CONFIRM_SECONDS, Options, Say, at_work, check, hearing, in_a_folder
from ops.faults.stage import SESSION_SECONDS, Stage, Target, Watch
from ops.faults.verdict import Result
from ops.wiring.shared import EXAMPLE_CATALOGUE
from schemas import topics
from streams.domain.notification import Priority

GROUP = Group("tidings-router", [topics.notifications(priority) for priority in Priority])
# The router reads all settings, those of servers that it does not use as well: nobody listens there.
_UNUSED = Endpoints(postgres_dsn="postgresql://nobody@127.0.0.1:9/none", redis_url="redis://127.0.0.1:9/0")


def run(fault: Fault, options: Options, say: Say) -> Result:
    """Run one fault. A run that is not ok leaves its folder, and says where; a good one leaves nothing.

    What goes wrong under way is a problem of the result. Raises StackFailed when the stack cannot be started.
    """
    return in_a_folder(fault.name, say, lambda folder: _run(fault, options, folder, say))


def _run(fault: Fault, options: Options, folder: Path, say: Say) -> Result:
    ends, ledger, rule = Ends(), Ledger(), Rule(load_catalogue(EXAMPLE_CATALOGUE))
    checker = Checker(ledger, rule)
    say(f"{fault.name}: starting {fault.brokers} broker(s) and {fault.processes} routers")
    with _stack(fault, folder, ends) as stack:
        servers = stack.endpoints.kafka_bootstrap_servers
        reader = Reader(servers, OUTPUTS, checker.take)
        load = Load(servers, ledger, notifications(ledger, rule, random.Random(options.seed)), options.rate)
        stage = Stage(stack, ends, _target(fault), _watch(load, reader, checker, say))
        with at_work(load, reader):
            try:
                fault.inject(stage, fault, random.Random(f"{options.seed} {fault.name}"))
            except (StackFailed, RuntimeError) as error:
                stage.problem(str(error))
            began = time.monotonic()
            drained = _drained(stage, load, reader, fault.bound.drain_seconds)
            seconds = time.monotonic() - began
        problems = (*stage.problems, *(f"nobody asked for this: {text}" for text in ends.uninvited()))
    if ledger.refused:
        say(f"{fault.name}: not accepted: {dict(ledger.refused)}")
    return Result(fault.name, stage.runs, checker.findings(), fault.bound, seconds, drained, problems)


def _watch(load: Load, reader: Reader, checker: Checker, say: Say) -> Watch:
    def tell(text: str) -> None:
        say(f"{text} ({checker.written:,} outputs read, {checker.duplicated:,} of them again)")

    return Watch(tell, partial(check, load, reader), lambda: checker.written)


def _drained(stage: Stage, load: Load, reader: Reader, seconds: float) -> bool:
    """End the load; whether all of it is through in time."""
    if left := load.stop(CONFIRM_SECONDS):
        stage.problem(f"{left} inputs were not confirmed {CONFIRM_SECONDS} s after the load")
    stage.say("the load has ended; draining")
    with closing(Drain(stage.brokers.addresses, (GROUP,))) as drain:
        drained = drain.wait(OUTPUTS, reader.reached, seconds)
    if reader.failure:
        stage.problem(str(reader.failure))
    return drained


def _target(fault: Fault) -> Target:
    names = [f"router-{number}" for number in range(1, fault.processes + 1)]
    return Target(names, GROUP.name, (topics.notifications(Priority.NORMAL), topics.DECISIONS))


def _stack(fault: Fault, folder: Path, ends: Ends) -> Stack:
    router = (sys.executable, "-m", "ops.commands.main", "router")
    prepare = (sys.executable, "-m", "ops.faults.router.prepare")
    return Stack(
        folder,
        ("kafka",),
        (
            ProcessSpec("prepare", prepare, once=True),
            *(ProcessSpec(name, router, (METRICS_PORT,)) for name in _target(fault).processes),
        ),
        tolerate=("kafka",),
        given=_UNUSED,
        settings={
            "TIDINGS_CATALOGUE": str(EXAMPLE_CATALOGUE),
            "TIDINGS_PARTITIONS": "8",
            "TIDINGS_REPLICATION_FACTOR": str(fault.brokers),
            "TIDINGS_SCHEMA_REGISTRY_URL": "",
            "TIDINGS_SESSION_TIMEOUT_SECONDS": f"{SESSION_SECONDS:g}",
            "TIDINGS_STATE_FOLDER": str(folder / "state"),
        },
        say=hearing(ends),
        brokers=fault.brokers,
    )
