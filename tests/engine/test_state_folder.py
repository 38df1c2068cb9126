"""Where marks are kept, and what is said when they cannot be."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.engine.ending import EXIT_SETTINGS, CannotStart
from streams.engine.state_folder import open_marks, own_temporary_folder


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """What TMPDIR names, for this test."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    try:
        yield tmp_path
    finally:
        tempfile.tempdir = before


def test_a_folder_that_is_given_is_made(tmp_path: Path) -> None:
    open_marks(tmp_path / "a" / "b", "one")
    assert len(list((tmp_path / "a" / "b").glob("one.*.mark"))) == 1


def test_a_folder_that_is_given_and_cannot_be_used_is_one_line_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart) as found:
        open_marks(tmp_path / "file" / "below", "one")
    assert str(found.value) == f"TIDINGS_STATE_FOLDER: {tmp_path / 'file' / 'below'} cannot be used: Not a directory"
    assert found.value.exit_code == EXIT_SETTINGS


def test_a_name_that_is_taken_is_one_line_with_the_setting(tmp_path: Path) -> None:
    first = open_marks(tmp_path, "one")
    with pytest.raises(CannotStart, match=r"'one' is running here.*TIDINGS_INSTANCE") as found:
        open_marks(tmp_path, "one", wait_seconds=0.05)
    assert found.value.exit_code == EXIT_SETTINGS
    first.close()


def test_without_one_it_is_a_folder_that_only_its_owner_may_enter(temporary: Path) -> None:
    open_marks(None, "one")
    assert own_temporary_folder().parent == temporary
    assert own_temporary_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("trap", ["open to others", "a link", "a file"])
def test_a_folder_laid_out_by_somebody_else_is_not_used_and_the_process_runs_on(
    temporary: Path, trap: str, caplog: pytest.LogCaptureFixture
) -> None:
    match trap:
        case "open to others":
            own_temporary_folder().mkdir()
            own_temporary_folder().chmod(0o777)
        case "a link":
            (temporary / "elsewhere").mkdir(mode=0o700)
            own_temporary_folder().symlink_to(temporary / "elsewhere")
        case _:
            own_temporary_folder().touch()
    open_marks(None, "one").lift()
    assert list(temporary.rglob("*.mark")) == []
    assert "will not be set aside" in caplog.text
