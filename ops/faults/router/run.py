"""One fault on routers: a stack of its own, load, the fault, the drain, the verdict."""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.catalogue.load import load as load_catalogue
from ops.devstack import Endpoints, ProcessSpec, Stack, StackFailed
from ops.devstack.process_settings import METRICS_PORT
from ops.devstack.wire import Kind, Line
from ops.faults.ends import Ends
from ops.faults.fault import Fault
from ops.faults.router.checker import OUTPUTS, Checker
from ops.faults.router.drain import GROUP, Drain
from ops.faults.router.ledger import Ledger
from ops.faults.router.load import Load
from ops.faults.router.reader import Reader
from ops.faults.router.traffic import Rule
from ops.faults.stage import SESSION_SECONDS, Stage, Target, Watch
from ops.faults.verdict import Result
from ops.wiring.shared import EXAMPLE_CATALOGUE
from schemas import topics
from streams.domain.notification import Priority

CONFIRM_SECONDS = 60
# The router reads all settings, those of servers that it does not use as well: nobody listens there.
_UNUSED = Endpoints(postgres_dsn="postgresql://nobody@127.0.0.1:9/none", redis_url="redis://127.0.0.1:9/0")


@dataclass(frozen=True, slots=True)
class Options:
    """`rate`: inputs a second. `seed`: what every choice of a run follows from."""

    rate: int
    seed: int


def run(fault: Fault, options: Options, say: Callable[[str], None]) -> Result:
    """Run one fault. A run that is not ok leaves its folder, and says where; a good one leaves nothing.

    What goes wrong under way is a problem of the result. Raises StackFailed when the stack cannot be started.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"tidings-fault-{fault.name}-"))
    keep = True
    try:
        result = _run(fault, options, folder, say)
        keep = not result.ok
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        if keep:
            say(f"data and logs are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return result


def _run(fault: Fault, options: Options, folder: Path, say: Callable[[str], None]) -> Result:
    ends, ledger, rule = Ends(), Ledger(), Rule(load_catalogue(EXAMPLE_CATALOGUE))
    checker = Checker(ledger, rule)
    say(f"{fault.name}: starting {fault.brokers} broker(s) and {fault.processes} routers")
    with _stack(fault, folder, ends) as stack:
        servers = stack.endpoints.kafka_bootstrap_servers
        reader = Reader(servers, OUTPUTS, checker.take)
        load = Load(servers, ledger, rule, options.rate, random.Random(options.seed))
        stage = Stage(stack, ends, _target(fault), _watch(load, reader, checker, say))
        with _running(load, reader):
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


def _watch(load: Load, reader: Reader, checker: Checker, say: Callable[[str], None]) -> Watch:
    def check() -> None:
        if failure := load.failure or reader.failure:
            raise RuntimeError(str(failure)) from failure

    def tell(text: str) -> None:
        say(f"{text} ({checker.written:,} outputs read, {checker.duplicated:,} of them again)")

    return Watch(tell, check, lambda: checker.written)


def _drained(stage: Stage, load: Load, reader: Reader, seconds: float) -> bool:
    """End the load; whether all of it is through in time."""
    if left := load.stop(CONFIRM_SECONDS):
        stage.problem(f"{left} inputs were not confirmed {CONFIRM_SECONDS} s after the load")
    stage.say("the load has ended; draining")
    with closing(Drain(stage.brokers.addresses)) as drain:
        drained = drain.wait(OUTPUTS, reader.reached, seconds)
    if reader.failure:
        stage.problem(str(reader.failure))
    return drained


@contextmanager
def _running(load: Load, reader: Reader) -> Iterator[None]:
    """Both threads at work; ended in whatever way the block ends."""
    reader.start()
    load.start()
    try:
        yield
    finally:
        load.stop(0)
        reader.stop()


def _target(fault: Fault) -> Target:
    names = [f"router-{number}" for number in range(1, fault.processes + 1)]
    return Target(names, GROUP, (topics.notifications(Priority.NORMAL), topics.DECISIONS))


def _stack(fault: Fault, folder: Path, ends: Ends) -> Stack:
    router = (sys.executable, "-m", "ops.commands.main", "router")
    prepare = (sys.executable, "-m", "ops.faults.router.prepare")

    def hear(line: Line) -> None:
        if line.kind is Kind.EVENT:
            ends.hear(line.text)

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
        say=hear,
        brokers=fault.brokers,
    )
