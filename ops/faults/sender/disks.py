"""Small disks, really full: a tmpfs below the folder of the run for each server that is to feel it (Linux, as root)."""

import contextlib
import errno
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

BYTES = 384 * 1024 * 1024
_BALLAST = "ballast"
_PIECE = 1024 * 1024


class SmallDisks:
    """Implements beside.Disks: a file of ballast takes what room is left. `names`: folders below the run's."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder, self._names = folder, tuple(names)

    def fill(self, name: str) -> None:
        """To the last byte. Raises ValueError for a folder that is not a small disk: nothing else is ever filled."""
        self._check(name)
        with (self._folder / name / _BALLAST).open("ab", buffering=0) as file:
            for size in (_PIECE, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self, name: str) -> None:
        self._check(name)
        (self._folder / name / _BALLAST).unlink(missing_ok=True)

    def is_full(self, name: str) -> bool:
        """Whether a byte no longer fits."""
        try:
            (self._folder / name / "probe").write_bytes(bytes(4096))
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            (self._folder / name / "probe").unlink(missing_ok=True)
        return False

    def _check(self, name: str) -> None:
        if name not in self._names or not (self._folder / name).is_mount():
            raise ValueError(f"{name} has no small disk of its own")


def why_not(scratch: Path) -> str:
    """Why no disk can be mounted here; "" when it can."""
    try:
        with mounted(scratch, ("probe",)):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"a small disk cannot be mounted here ({type(error).__name__}): it takes Linux and root"


@contextmanager
def mounted(folder: Path, names: Sequence[str]) -> Iterator[SmallDisks]:
    """Those of this folder, for the length of the block."""
    with ExitStack() as open_:
        for name in names:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            options = ["-t", "tmpfs", "-o", f"size={BYTES}", "tidings-faults", str(place)]
            subprocess.run(["mount", *options], check=True, capture_output=True)  # noqa: S607 - where it is differs
            open_.callback(_unmount, place)
        yield SmallDisks(folder, names)


def _unmount(place: Path) -> None:
    if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:  # noqa: S607
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)  # noqa: S607
