"""The lock of the jars; downloads a jar of 4 kB into a cache of its own."""

from pathlib import Path

import pytest

from ops.devstack import StackFailed
from ops.devstack.jars import LOCK, cache, fetch, locked
from ops.devstack.relock import SETS

SMALL_JAR = "org.jspecify:jspecify:1.0.0"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one small jar, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "jars.lock"
    made.write_text(next(line for line in LOCK.read_text().splitlines(True) if SMALL_JAR in line))
    return made


def silent(text: str) -> None:
    pass


def test_every_locked_file_has_its_sum_size_and_name() -> None:
    for name in SETS:
        jars = locked(name)
        assert jars
        assert all(len(jar.sha256) == 64 and jar.size > 0 and jar.version for jar in jars)
    assert any(jar.artifact == "kafka_2.13" and jar.version == "4.3.1" for jar in locked("kafka"))


@pytest.mark.servers
def test_a_missing_or_changed_jar_is_fetched_again_and_a_good_one_is_not(lock: Path) -> None:
    told: list[str] = []
    [jar] = fetch("kafka", told.append, lock)
    assert any("downloading" in text for text in told)
    whole = jar.read_bytes()
    told.clear()
    assert fetch("kafka", told.append, lock) == [jar]
    assert told == []
    jar.write_bytes(whole[:100] + b"X" + whole[101:])
    assert fetch("kafka", silent, lock) == [jar]
    assert jar.read_bytes() == whole


@pytest.mark.servers
def test_bytes_that_differ_from_the_lock_are_refused_and_not_kept(lock: Path) -> None:
    name, sha256, *rest = lock.read_text().split()
    lock.write_text(" ".join([name, "f" * len(sha256), *rest]))
    with pytest.raises(StackFailed, match=f"{SMALL_JAR} is not the locked file"):
        fetch("kafka", silent, lock)
    assert list((cache() / "jars").iterdir()) == []
