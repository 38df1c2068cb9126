"""Which record this process is handling, noted where it outlives the process.

Whatever ends a process (a segfault, the OOM killer, kill -9, the watchdog, an exception), the next one of the same name
finds the record it died on. A record that two of them died on is set aside by the third: nothing else gets a partition
past a record that kills whoever touches it.
"""

import fcntl
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from mmap import mmap
from pathlib import Path
from struct import Struct

from streams.engine.record import Partition, Record

log = logging.getLogger(__name__)

DEATHS = 2
SET_ASIDE = f"the process ended {DEATHS} times because of this record, so it was set aside; redrive it when mended"
EMPTIED = f"{SET_ASIDE}; as it stands it is refused even as a dead letter, so its bytes are left where it came from"

_MAGIC = b"tidings1"
_FORM = Struct("=8sqiH249s")  # magic, offset, partition, length of the topic's name, the name
_PLACE = Struct("=iH249s")
_OFFSET, _AFTER_OFFSET = 8, 16
NOTHING = -1


class CrashMarks:
    """The record in hand, in a memory-mapped file: it is written like memory and outlives the process like a file.

    For one event loop. Without a file (the default) it notes where nobody will read it.
    """

    def __init__(self, memory: mmap | None = None, mark: Path | None = None) -> None:
        self._memory = memory or mmap(-1, _FORM.size)
        self._memory[: _FORM.size] = _FORM.pack(_MAGIC, NOTHING, 0, 0, b"")
        self._offset = memoryview(self._memory)[_OFFSET:_AFTER_OFFSET].cast("q")
        self._mark = mark
        self._counts = mark.with_suffix(".json") if mark else None
        self._deaths: dict[tuple[Partition, int], int] = {}

    @classmethod
    def open(cls, folder: Path, name: str) -> "CrashMarks":
        """The marks of the process of this name: one process at a time. What the last one died on counts from here.

        Raises BlockingIOError when a process of this name runs, another OSError when the folder cannot be used.
        """
        path = folder / f"{name.replace('/', '-')[:80]}.{sha256(name.encode()).hexdigest()[:8]}.mark"
        with path.open("a+b", 0) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # for as long as the memory, which keeps the file open
            file.seek(0)
            left = file.read(_FORM.size)
            if len(left) < _FORM.size:  # real bytes: writing to a hole kills the process when the disk is full
                file.write(bytes(_FORM.size - len(left)))
            marks = cls(mmap(file.fileno(), _FORM.size), path)
        marks._remember(left)
        return marks

    def each(self, tp: Partition, records: Sequence[Record]) -> Iterator[Record]:
        """The records of a partition, each noted before it is handed out. Costs 35 ns a record."""
        offset = self._offset
        offset[0] = NOTHING
        topic = tp.topic.encode()
        _PLACE.pack_into(self._memory, _AFTER_OFFSET, tp.partition, len(topic), topic)
        for record in records:
            offset[0] = record.offset
            yield record
        offset[0] = NOTHING

    def lift(self) -> None:
        """No record is in hand, or what happens now is not for its sake."""
        self._offset[0] = NOTHING

    def deadly(self, tp: Partition) -> dict[int, str]:
        """Offsets of the records to set aside, and why. Nearly always none, and then it costs nothing."""
        if not self._deaths:
            return {}
        counted = {at: times for (place, at), times in self._deaths.items() if place == tp and times >= DEATHS}
        return {at: SET_ASIDE if times < 2 * DEATHS else EMPTIED for at, times in counted.items()}

    def blame(self, tp: Partition, offset: int) -> None:
        """This process is about to end because of this record, whichever is in hand."""
        self._deaths[tp, offset] = self._deaths.get((tp, offset), 0) + 1
        self.lift()
        self._save()

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Records before these offsets got through: what was counted against them is forgotten."""
        passed = [(tp, at) for tp, at in self._deaths if at < positions.get(tp, 0)]
        for each in passed:
            del self._deaths[each]
        if passed:
            self._save()

    def close(self) -> None:
        """Let go of the file. It stays when the next process of this name has something to learn from it."""
        if self._mark and self._counts and self._offset[0] == NOTHING and not self._deaths:
            self._mark.unlink(missing_ok=True)
            self._counts.unlink(missing_ok=True)
        self._offset.release()
        self._memory.close()

    def _remember(self, left: bytes) -> None:
        self._deaths = _read_counts(self._counts) if self._counts else {}
        died_on = _decode(left)
        if died_on is None:
            return
        self._deaths[died_on] = times = self._deaths.get(died_on, 0) + 1
        self._save()  # the mark is lifted by now: rather one death too few than one too many
        (topic, partition), at = died_on
        log.warning("the process before this one ended on %s/%d@%d: death %d of it", topic, partition, at, times)

    def _save(self) -> None:
        if self._counts is None:
            return
        rows = [[tp.topic, tp.partition, at, times] for (tp, at), times in self._deaths.items()]
        new = self._counts.with_suffix(".new")
        new.write_text(json.dumps(rows))
        new.replace(self._counts)


def _decode(left: bytes) -> tuple[Partition, int] | None:
    """The record that was in hand; None: none was, or the file is new, or not ours."""
    if len(left) < _FORM.size:
        return None
    magic, offset, partition, length, topic = _FORM.unpack(left)
    if magic != _MAGIC or offset == NOTHING:
        return None
    return Partition(topic[:length].decode(errors="replace"), partition), offset


def _read_counts(path: Path) -> dict[tuple[Partition, int], int]:
    try:
        rows = json.loads(path.read_text())
        return {(Partition(topic, partition), at): times for topic, partition, at, times in rows}
    except FileNotFoundError:
        return {}
    except ValueError:
        log.warning("%s cannot be read: records that processes died on are counted anew", path)
        return {}
