import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.recording.rows import DeadRecord, Rows, add_dead_letter, add_decision, add_status, newest
from schemas.codec import Codec
from streams.domain.delivery_status import Status, progress
from streams.domain.notification import delivery_id

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
CODEC = Codec()


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return found


def dead(value: bytes | None, **headers: str) -> dict[str, Any]:
    rows = Rows()
    told = [(name, text.encode()) for name, text in headers.items()]
    add_dead_letter(rows, DeadRecord(3, 17, 1_000, b"ada", value, told), CODEC)
    return rows.dead_letters[0]


def test_a_decision_becomes_a_notification_and_a_delivery_per_channel() -> None:
    rows, decision = Rows(), example("Decision/suppressed_webhook")
    add_decision(rows, decision)
    assert rows.notifications[0]["category"] == "shipping"
    assert "channels" not in rows.notifications[0]
    email, webhook = rows.deliveries
    assert (email["status"], email["rule"]) == ("queued", "default")
    assert (webhook["status"], webhook["reason"]) == ("suppressed", "category:shipping+webhook")
    assert email["delivery_id"] == delivery_id(decision["notification_id"], "email")


def test_a_status_with_a_call_is_also_an_attempt() -> None:
    rows = Rows()
    add_status(rows, example("DeliveryStatus/retrying"))
    assert rows.deliveries[0]["provider"] == "webhook"
    assert rows.attempts[0]["code"] == "503"
    assert rows.attempts[0]["attempt"] == rows.deliveries[0]["attempt"]


def test_a_status_without_a_call_is_no_attempt() -> None:
    rows = Rows()
    add_status(rows, example("DeliveryStatus/suppressed"))
    assert rows.attempts == []
    assert rows.deliveries[0]["provider"] is None


def test_what_can_be_read_of_a_dead_letter_is_kept_beside_its_raw_bytes() -> None:
    value = CODEC.encode("Delivery", example("Delivery/plain"))
    row = dead(value, failure_kind="permanent", failure_reason="no such mailbox", attempt="2", origin_offset="9")
    assert (row["dead_letter_id"], row["kind"], row["attempt"], row["origin_offset"]) == ("3-17", "permanent", 2, 9)
    assert (row["channel"], row["recipient_id"], row["type"]) == ("email", "ada", "order.shipped")
    assert row["value"] == value


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b'{"json": true}'])
def test_a_poison_record_is_kept_as_it_came(value: bytes | None) -> None:
    row = dead(value, failure_kind="poison", attempt="many")
    assert row["value"] == value
    assert row["notification_id"] is None
    assert row["attempt"] == 0


@given(st.permutations([(s, a, r) for r in (0, 1) for s in Status for a in (0, 1, 3)]))
def test_of_many_rows_of_a_delivery_the_one_farthest_on_its_way_is_kept(order: list[tuple[Status, int, int]]) -> None:
    decided = {"layer": "system", "rule": "default"}
    rows: list[dict[str, Any]] = [
        {
            "delivery_id": "d",
            "status": s,
            "progress": progress(s, a, r),
            **(decided if s is Status.QUEUED else {"layer": None}),
        }
        for s, a, r in order
    ]
    (kept,) = newest(rows)
    assert kept["progress"] == max(row["progress"] for row in rows)
    assert (kept["layer"], kept["rule"]) == ("system", "default")
