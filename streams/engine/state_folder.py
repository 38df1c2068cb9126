"""Where a process keeps the little it has to know after it died."""

import logging
import os
import tempfile
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from time import monotonic, sleep

from streams.engine.crash_marks import CrashMarks
from streams.engine.ending import EXIT_SETTINGS, CannotStart

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.1


def own_temporary_folder() -> Path:
    """The folder that is taken when none is named: this user's own, below the temporary folder."""
    return Path(tempfile.gettempdir()) / f"tidings-{os.getuid()}"


def open_marks(given: Path | None, name: str, wait_seconds: float = 3.0) -> CrashMarks:
    """The marks of the process of this name, in the folder given or, without one, in `own_temporary_folder()`.

    Raises CannotStart when a folder that was given cannot be used, or when a process of this name is still running
    after `wait_seconds`. When our own folder cannot be used the process runs without marks, and says so.
    """
    try:
        folder = _made(given) if given else _guarded(own_temporary_folder())
        return _opened(folder, name, wait_seconds)
    except BlockingIOError:
        raise CannotStart(
            f"a process with the name {name!r} is running here: give each its own TIDINGS_INSTANCE", EXIT_SETTINGS
        ) from None
    except OSError as error:
        said = f"{given or own_temporary_folder()} cannot be used: {error.strerror}"
        if given:
            raise CannotStart(f"TIDINGS_STATE_FOLDER: {said}", EXIT_SETTINGS) from None
        log.warning("%s; a record that kills the process will not be set aside (TIDINGS_STATE_FOLDER)", said)
        return CrashMarks()


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _guarded(folder: Path) -> Path:
    """Anybody may write to the temporary folder: what lies there under our name has to be ours alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & (S_IRWXG | S_IRWXO):
        raise PermissionError(0, "it belongs to somebody else, or others may enter it")
    return folder


def _opened(folder: Path, name: str, wait_seconds: float) -> CrashMarks:
    """A process that is being ended holds its marks for a moment longer."""
    deadline = monotonic() + wait_seconds
    while True:
        try:
            return CrashMarks.open(folder, name)
        except BlockingIOError:
            if monotonic() > deadline:
                raise
            sleep(_PAUSE_SECONDS)
