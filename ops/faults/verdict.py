"""What a fault run found, and whether that is good enough. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out, held against what went in.

    `accepted`: inputs that Kafka confirmed. `expected`: the outputs those must cause. `written`: outputs that were
    found. `lost`: expected and not found. `duplicated`: found again. `out_of_order`: found for the first time after a
    later one of its lane. `unexpected`: never sent, or not as it must be. `excused`: duplicates that a provider
    made inevitable. `examples`: a few of each, in words.
    """

    accepted: int
    expected: int
    written: int
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    unexpected: int = 0
    excused: int = 0
    examples: tuple[str, ...] = ()

    @property
    def duplicates_share(self) -> float:
        """Duplicates of the outputs that were expected, from 0 to 1."""
        return self.duplicated / max(1, self.expected)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a fault may cost: the share of outputs that come twice must stay below `duplicates_share` (0: none at all),
    and everything is drained within `drain_seconds` after the load.

    `duplicates_each`: up to so many for each run of the fault are allowed, however many flow.
    """

    duplicates_share: float
    drain_seconds: float
    duplicates_each: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """One fault, run. `problems`: what went wrong besides, such as a process that ended though nobody asked it to."""

    fault: str
    runs: int
    findings: Findings
    bound: Bound
    seconds_to_drain: float
    drained: bool = True
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing is wrong with it."""
        return not self.wrong()

    def wrong(self) -> list[str]:
        """All that is wrong, in words."""
        return list(_wrong(self))


def _wrong(result: Result) -> Iterator[str]:
    found, bound = result.findings, result.bound
    if not result.runs:
        yield "no fault was put in"
    if not found.accepted:
        yield "nothing was sent: this proves nothing"
    if not result.drained:
        yield f"not drained {bound.drain_seconds:g} s after the load"
    if found.lost:
        yield f"{found.lost} outputs are lost"
    if found.out_of_order:
        yield f"{found.out_of_order} outputs are out of order"
    if found.unexpected:
        yield f"{found.unexpected} outputs were never sent so"
    if _too_many_twice(result):
        yield f"{found.duplicated} outputs came twice: {found.duplicates_share:.2%}, the bound is {bound_text(bound)}"
    yield from result.problems


def _too_many_twice(result: Result) -> bool:
    found, bound = result.findings, result.bound
    counted = found.duplicated - found.excused
    if counted <= bound.duplicates_each * result.runs:
        return False
    return counted >= bound.duplicates_share * max(1, found.expected)


def bound_text(bound: Bound) -> str:
    """The bound on duplicates: `none`, `< 1 %` or `at most 32 each`."""
    if bound.duplicates_each:
        return f"at most {bound.duplicates_each} each"
    return f"< {bound.duplicates_share * 100:g} %" if bound.duplicates_share else "none"
