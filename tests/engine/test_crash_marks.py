"""What is known of a process that died: the record it was at work on, and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.engine.batch import Batch
from streams.engine.crash_marks import EMPTIED, SET_ASIDE, CrashMarks
from streams.engine.record import Partition
from streams.engine.watermark import Watermark

HERE, THERE = Partition("events.high", 3), Partition("events.high", 4)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record of which only the offset matters."""

    offset: int
    key: bytes | None = None
    value: bytes | None = b"value"
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


def batch_of(marks: CrashMarks, *offsets: int, tp: Partition = HERE) -> Batch:
    return Batch(tp, [Numbered(offset) for offset in offsets], Watermark(), marks)


@contextmanager
def process(folder: Path, name: str = "one") -> Iterator[CrashMarks]:
    """One process of this name; at the end it is gone, whatever it had in hand."""
    marks = CrashMarks.open(folder, name)
    yield marks
    marks.close()


def deadly(folder: Path, *offsets: int, name: str = "one", tp: Partition = HERE) -> list[int]:
    """What the next process of this name would set aside of these."""
    with process(folder, name) as marks:
        return [record.offset for record, _ in batch_of(marks, *offsets, tp=tp).set_aside()]


def die_on(folder: Path, offset: int, tp: Partition = HERE, name: str = "one") -> None:
    """A process that handles records from 0 on and dies on this one: all it leaves behind is its file."""
    with process(folder, name) as marks:
        for record in batch_of(marks, *range(offset + 5), tp=tp):
            if record.offset == offset:
                break


def test_a_record_that_two_processes_died_on_is_set_aside_and_only_that_one(tmp_path: Path) -> None:
    for _ in range(2):
        assert deadly(tmp_path, 6, 7, 8) == []
        die_on(tmp_path, 7)
    with process(tmp_path) as marks:
        batch = batch_of(marks, 6, 7, 8)
        [(record, reason)] = batch.set_aside()
        assert (record.offset, record.value, reason) == (7, b"value", SET_ASIDE)
        assert [record.offset for record in batch] == [6, 8]
        assert (len(batch), batch.size) == (2, 3)
        assert batch_of(marks, 6, 7, 8, tp=THERE).set_aside() == []


def test_deaths_on_different_records_are_held_against_none(tmp_path: Path) -> None:
    for offset in (7, 8, 9):
        die_on(tmp_path, offset)
    assert deadly(tmp_path, *range(20)) == []


def test_a_process_that_was_through_with_its_batch_died_on_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        with process(tmp_path) as marks:
            assert [record.offset for record in batch_of(marks, 1, 2)] == [1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_process_whose_mark_was_lifted_died_on_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        with process(tmp_path) as marks:
            batch = batch_of(marks, 1, 2)
            assert next(iter(batch)).offset == 1
            batch.lift_mark()
    assert deadly(tmp_path, 1, 2) == []


def test_the_record_is_named_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    die_on(tmp_path, 7)
    with process(tmp_path):
        [line] = caplog.messages
    assert "events.high/3@7" in line


def test_what_is_counted_stays_until_an_offset_past_the_record_is_committed(tmp_path: Path) -> None:
    """A dead letter that is not confirmed yet must not be forgotten: the next processes would die on it again."""
    for _ in range(2):
        die_on(tmp_path, 7)
    for committed, expected in ({HERE: 7, THERE: 100}, [7]), ({HERE: 8}, []):
        with process(tmp_path) as marks:
            marks.committed(committed)
        assert deadly(tmp_path, 6, 7, 8) == expected
    assert list(tmp_path.iterdir()) == []


def test_every_name_has_marks_of_its_own(tmp_path: Path) -> None:
    names = ("one", "two", "a/b", "x" * 300)
    for name in names:
        die_on(tmp_path, 7, name=name)
        assert deadly(tmp_path, 7, name=name) == []
    for name in names:
        die_on(tmp_path, 7, name=name)
        assert deadly(tmp_path, 7, name=name) == [7]


def test_a_record_whose_outputs_are_refused_is_as_deadly_and_the_one_in_hand_is_not_blamed(tmp_path: Path) -> None:
    small, large = Numbered(6, key=b"ann"), Numbered(7, key=b"ann", value=b"large value")
    for times in range(5):
        with process(tmp_path) as marks:
            batch = Batch(HERE, [small, large, Numbered(8, key=b"bob")], Watermark(), marks)
            aside = batch.set_aside()
            assert [reason for _, reason in aside] == [[], [], [SET_ASIDE], [SET_ASIDE], [EMPTIED]][times]
            assert [record.value for record, _ in aside] == [[], [], [b"large value"], [b"large value"], [None]][times]
            assert next(record.offset for record in batch) == 6
            batch.blame(max(batch.of(b"ann"), key=lambda record: len(record.value or b"")))


def test_two_processes_cannot_share_a_name(tmp_path: Path) -> None:
    with process(tmp_path), pytest.raises(BlockingIOError):
        CrashMarks.open(tmp_path, "one")
    with process(tmp_path):
        pass


@pytest.mark.parametrize("left", [b"", b"short", bytes(271), b"other" * 100])
def test_a_file_of_another_form_says_nothing(tmp_path: Path, left: bytes) -> None:
    die_on(tmp_path, 7)
    [file] = tmp_path.glob("*.mark")
    file.write_bytes(left)
    die_on(tmp_path, 7)
    assert deadly(tmp_path, 7) == []
    die_on(tmp_path, 7)
    assert deadly(tmp_path, 7) == [7]


def test_counts_that_cannot_be_read_begin_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    die_on(tmp_path, 7)
    assert deadly(tmp_path, 7) == []
    [counts] = tmp_path.glob("*.json")
    counts.write_text("[[")
    die_on(tmp_path, 7)
    assert deadly(tmp_path, 7) == []
    assert "counted anew" in caplog.text


def test_without_a_folder_nothing_is_remembered_and_everything_works() -> None:
    marks = CrashMarks()
    assert [record.offset for record in batch_of(marks, 1, 2)] == [1, 2]
    marks.committed({HERE: 3})
    assert batch_of(marks, 1).set_aside() == []
