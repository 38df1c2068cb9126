import os

import pytest

from ops.devstack.plan import Plan, ProcessSpec
from ops.devstack.record import Identity, Record
from ops.devstack.wire import MOST_UNREAD_BYTES, Command, Inlet, Kind, Line, Outlet, encode


def test_a_plan_comes_over_with_the_commands_behind_it() -> None:
    plan = Plan(
        "/data", ("mail",), (ProcessSpec("router", ("x", "y"), ("TIDINGS_METRICS_PORT",)),), tolerate=("kafka",)
    )
    reading, writing = os.pipe()
    os.write(writing, encode(plan) + encode(Command(1, "pids")) + b'{"number":2')
    inlet = Inlet(reading)
    assert inlet.first(Plan) == (plan, [encode(Command(1, "pids")).rstrip()])
    os.write(writing, b',"do":"stop"}\n')
    assert inlet.read() == [b'{"number":2,"do":"stop"}']
    os.close(writing)
    assert inlet.read() is None
    os.close(reading)


def test_no_plan_is_told_apart_from_a_slow_one() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(EOFError):
        Inlet(reading).first(Plan)
    os.close(reading)


def test_a_line_comes_over_with_its_record() -> None:
    reading, writing = os.pipe()
    record = Record(7, ready=True, ports={"kafka": [1, 2]}, running={"kafka": Identity(8, 1.5)})
    Outlet(writing).tell(Line(Kind.READY, record=record))
    line, _ = Inlet(reading).first(Line)
    assert line.record == record
    os.close(writing)
    os.close(reading)


def test_a_reader_that_does_not_read_holds_nobody_up_and_gets_whole_lines() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    for number in range(MOST_UNREAD_BYTES // 1000):
        outlet.tell(Line(Kind.EVENT, "x" * 2000, number))
    inlet, numbers = Inlet(reading), list[int]()
    while len(numbers) < 40:
        for line in inlet.read() or []:
            numbers.append(number_in(line))
        outlet.tell(Line(Kind.EVENT, "", 9999))
    assert numbers == list(range(len(numbers)))
    os.close(writing)
    os.close(reading)


def test_a_reader_that_is_gone_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Outlet(writing).tell(Line(Kind.EVENT, "x"))
    os.close(writing)


def number_in(line: bytes) -> int:
    import msgspec

    return msgspec.json.decode(line, type=Line).number
