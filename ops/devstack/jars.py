"""Files from the Java package registry: exactly those of jars.lock, checked by SHA-256 at every start.

Our own lock is needed: jgo writes one but never checks it, and trusts a download that was cut short for ever.
Each line of jars.lock: set, SHA-256, size in bytes, group:artifact:version. `relock.py` writes it.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.devstack.failures import StackFailed
from ops.devstack.locks import take_lock

LOCK = Path(__file__).with_name("jars.lock")
DOWNLOADS_AT_ONCE = 8
OTHER_DOWNLOAD_SECONDS = 600
PROGRESS_SECONDS = 0.25
DOWNLOADING = "downloading"

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked file."""

    sha256: str
    size: int
    group: str
    artifact: str
    version: str

    @property
    def name(self) -> str:
        """Its name in the cache; it changes with its contents."""
        return f"{self.sha256[:12]}-{self.artifact}-{self.version}.jar"


def cache() -> Path:
    """The folder for downloads, shared by all checkouts of one user; made when absent."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "tidings" / "devstack"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def sha256_of(path: Path) -> str:
    """The SHA-256 sum of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked(wanted_set: str, lock: Path = LOCK) -> list[Jar]:
    """The jars of one set ("kafka", "redis")."""
    jars = []
    for line in lock.read_text().splitlines():
        name, sha256, size, coordinates = line.split()
        if name == wanted_set:
            jars.append(Jar(sha256, int(size), *coordinates.split(":")))
    return jars


def maven_context(folder: Path, progress: Progress | None = None) -> Any:
    """The registry client, downloading into `folder`, from the registries of the user's own jgo settings if any."""
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    return MavenContext(
        PythonResolver(progress_callback=progress),
        repo_cache=folder,
        timeout=30,
        remote_repos=GlobalSettings.load().repositories or None,
    )


def fetch(wanted_set: str, say: Callable[[str], None], lock: Path = LOCK) -> list[Path]:
    """The locked files of a set, downloaded where missing or damaged.

    Whole, checked files appear by rename only: an interrupted download goes on at the next call, and two processes
    cannot disturb each other. StackFailed when the registry is out of reach or its bytes differ from the lock.
    """
    store = cache() / "jars"
    store.mkdir(exist_ok=True)
    wanted = {store / jar.name: jar for jar in locked(wanted_set, lock)}
    if _missing(wanted):
        held = _take_download_lock(say)
        try:
            _download(_missing(wanted), store / "partial", say)
        finally:
            os.close(held)
    return sorted(wanted)


def _missing(wanted: dict[Path, Jar]) -> dict[Path, Jar]:
    return {path: jar for path, jar in wanted.items() if not path.exists() or sha256_of(path) != jar.sha256}


def _take_download_lock(say: Callable[[str], None]) -> int:
    path = cache() / "jars.held"
    if (held := take_lock(path)) is not None:
        return held
    say("waiting for another process that downloads the same files")
    if (held := take_lock(path, timeout_seconds=OTHER_DOWNLOAD_SECONDS)) is None:
        raise StackFailed(f"another process holds the download for {OTHER_DOWNLOAD_SECONDS // 60} minutes ({path})")
    return held


def _download(wanted: dict[Path, Jar], scratch: Path, say: Callable[[str], None]) -> None:
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed run left; we hold the lock
    try:
        maven = maven_context(scratch, _progress(sum(jar.size for jar in wanted.values()), say))

        def download(path: Path) -> None:
            jar = wanted[path]
            project = maven.project(jar.group, jar.artifact)
            got = Path(maven.resolver.download(project.at_version(jar.version).artifact()))
            if sha256_of(got) != jar.sha256:
                raise StackFailed(f"{jar.group}:{jar.artifact}:{jar.version} is not the locked file; refused")
            got.replace(path)

        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            list(pool.map(download, wanted))
    except (OSError, RuntimeError) as problem:
        if isinstance(problem, StackFailed):
            raise
        raise StackFailed(f"download failed, the next start goes on from here: {problem}") from problem
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _progress(total: int, say: Callable[[str], None]) -> Progress:
    done, shown = 0, 0.0

    @contextmanager
    def progress(name: str, size: int) -> Iterator[Callable[[int], None]]:
        def more(count: int) -> None:
            nonlocal done, shown
            done += count
            if time.monotonic() - shown > PROGRESS_SECONDS or done >= total:
                shown = time.monotonic()
                say(f"{DOWNLOADING}, {done / 1e6:.0f} of {total / 1e6:.0f} MB")

        yield more

    return progress
