"""What is good enough, and how it is told."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from ops.faults.report import json_line, show
from ops.faults.verdict import Bound, Findings, Result

GOOD = Result("kill", 3, Findings(100, 250, 250), Bound(0.01, 60), 1.234)


def with_findings(**changes: Any) -> Result:
    return replace(GOOD, findings=replace(GOOD.findings, **changes))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (GOOD, []),
        (with_findings(duplicated=2), []),
        (with_findings(duplicated=3), ["3 outputs came twice: 1.20%, the bound is < 1 %"]),
        (replace(with_findings(duplicated=1), bound=Bound(0, 60)), ["1 outputs came twice: 0.40%, the bound is none"]),
        (replace(with_findings(duplicated=6), bound=Bound(0, 60, duplicates_each=2)), []),
        (
            replace(with_findings(duplicated=7), bound=Bound(0, 60, duplicates_each=2)),
            ["7 outputs came twice: 2.80%, the bound is at most 2 each"],
        ),
        (replace(with_findings(duplicated=2, excused=2), bound=Bound(0, 60)), []),
        (
            replace(with_findings(duplicated=3, excused=2), bound=Bound(0, 60)),
            ["3 outputs came twice: 1.20%, the bound is none"],
        ),
        (with_findings(lost=1), ["1 outputs are lost"]),
        (with_findings(out_of_order=2), ["2 outputs are out of order"]),
        (with_findings(unexpected=1), ["1 outputs were never sent so"]),
        (with_findings(accepted=0), ["nothing was sent: this proves nothing"]),
        (replace(GOOD, runs=0), ["no fault was put in"]),
        (replace(GOOD, drained=False), ["not drained 60 s after the load"]),
        (replace(GOOD, problems=("router-1 ended with status 70",)), ["router-1 ended with status 70"]),
    ],
)
def test_one_thing_that_is_wrong_makes_a_run_not_ok(result: Result, said: list[str]) -> None:
    assert result.wrong() == said
    assert result.ok is not bool(said)


def test_a_fault_is_one_json_object() -> None:
    assert json.loads(json_line(with_findings(lost=4, duplicated=2, out_of_order=1))) == {
        "fault": "kill",
        "runs": 3,
        "accepted": 100,
        "lost": 4,
        "duplicated": 2,
        "out_of_order": 1,
        "seconds_to_drain": 1.23,
        "ok": False,
    }


def test_the_table_shows_a_row_for_each_fault_and_what_is_wrong_below() -> None:
    out = StringIO()
    bad = replace(with_findings(lost=4, examples=("lost: one",)), fault="other")
    show("title", [with_findings(duplicated=2), bad], Console(file=out, width=60))
    said = out.getvalue()
    assert [word for word in ("2 = 0.80%", "1.2 s", "yes", "NO", "other: 4 outputs are lost", "lost: one")
            if word not in said] == []  # fmt: skip
    assert "…" not in said
