"""The options of Java that a benchmark's servers get, and nobody after them."""

import os

import pytest

from ops.bench.java import java_as_in_service

VARIABLE, COMPILER = "_JAVA_OPTIONS", "-XX:TieredStopAtLevel=4"


def test_java_compiles_as_in_service_within_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with java_as_in_service():
        assert os.environ[VARIABLE] == COMPILER
    assert VARIABLE not in os.environ


def test_what_the_user_says_stays_and_comes_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "-Xss2m")
    with java_as_in_service("-Xmx1500m"):
        assert os.environ[VARIABLE] == f"-Xss2m {COMPILER} -Xmx1500m"
    assert os.environ[VARIABLE] == "-Xss2m"


def fail() -> None:
    with java_as_in_service():
        raise RuntimeError


def test_nothing_is_left_when_what_is_measured_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(RuntimeError):
        fail()
    assert VARIABLE not in os.environ
