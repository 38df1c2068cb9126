"""A client that cannot reach Kafka does not fill the log."""

import logging

from streams.engine.seldom import Seldom


def line(name: str, text: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, (), None)


def test_the_same_line_passes_once_in_ten_seconds_and_others_pass() -> None:
    now = 0.0
    seldom = Seldom(10, lambda: now)
    assert seldom.filter(line("a", "cannot connect"))
    assert not seldom.filter(line("a", "cannot connect"))
    assert seldom.filter(line("a", "something else"))
    assert seldom.filter(line("b", "cannot connect"))
    now = 10.0
    assert seldom.filter(line("a", "cannot connect"))
