"""What the runs of all processes have in common: a folder of its own, load and reader at work beside the fault."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.devstack.wire import Kind, Line
from ops.faults.ends import Ends
from ops.faults.load import Load
from ops.faults.reader import Reader
from ops.faults.verdict import Result

CONFIRM_SECONDS = 60
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`rate`: inputs a second. `seed`: what every choice of a run follows from."""

    rate: int
    seed: int


def in_a_folder(name: str, say: Say, work: Callable[[Path], Result]) -> Result:
    """Do it in a fresh folder. What is not ok leaves it, and says where; what is good leaves nothing."""
    folder = Path(tempfile.mkdtemp(prefix=f"tidings-fault-{name}-"))
    keep = True
    try:
        result = work(folder)
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


@contextmanager
def at_work(load: Load, reader: Reader) -> Iterator[None]:
    """Both threads at work; ended in whatever way the block ends."""
    reader.start()
    load.start()
    try:
        yield
    finally:
        load.stop(0)
        reader.stop()


def check(load: Load, reader: Reader) -> None:
    """Raises RuntimeError when one of them has failed."""
    if failure := load.failure or reader.failure:
        raise RuntimeError(str(failure)) from failure


def hearing(ends: Ends) -> Callable[[Line], None]:
    """A stack tells its events to this."""

    def hear(line: Line) -> None:
        if line.kind is Kind.EVENT:
            ends.hear(line.text)

    return hear
