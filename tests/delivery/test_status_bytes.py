"""A status that is spliced is, byte for byte, what fastavro writes of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.incoming import Record
from connectors.delivery.outgoing import Letters, Reported, address_mark_of
from schemas.records import call_to_record, status_to_record
from streams.domain.address_mark import mark_key
from streams.domain.delivery_status import Status
from streams.domain.failures import Failure, FailureKind
from streams.domain.notification import Channel
from streams.domain.outcomes import DeadLetter, Drop, Outcome, ProviderCall, RetryLater, Sent
from tests.delivery.builders import CODEC, delivery, main_record, policy

TEXT = st.text(max_size=12)
TIMES = st.integers(0, 2_000_000_000_000)
CALLS = st.builds(
    ProviderCall, TEXT, TIMES, st.floats(0, 1e6), st.none() | TEXT, TEXT, TEXT | st.just("x" * 5_000), st.none() | TEXT
)
FAILURES = st.builds(Failure, st.sampled_from(FailureKind), TEXT, address_is_dead=st.booleans())
OUTCOMES = st.one_of(
    st.none(),
    st.builds(Sent, CALLS, st.booleans()),
    st.builds(RetryLater, FAILURES, st.none() | CALLS),
    st.builds(DeadLetter, FAILURES, st.none() | CALLS),
    st.builds(Drop, st.just(Status.EXPIRED), TEXT),
)
REPORTED = st.builds(
    Reported,
    st.sampled_from(Status),
    st.integers(0, 9),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TIMES,
    st.none() | TEXT,
)
LETTERS = Letters(policy(), CODEC)


def by_fastavro(record: Record, told: Reported, now: int, outcome: Outcome | None) -> bytes:
    call, failure = getattr(outcome, "call", None), getattr(outcome, "failure", None)
    more: dict[str, Any] = {
        "layer": told.layer,
        "reason": told.reason,
        "due_at": told.due_at,
        "call": call_to_record(call, str(failure.kind) if failure else None) if call else None,
        "address_mark": told.address_mark,
    }
    row = status_to_record(record.delivery, told.status, now, told.attempt, record.redrives, **more)
    return CODEC.encode("DeliveryStatus", row)


@given(REPORTED, TIMES, OUTCOMES, TEXT, st.none() | TEXT, st.integers(0, 3), st.booleans())
def test_every_status_of_every_outcome(
    told: Reported,
    now: int,
    outcome: Outcome | None,
    name: str,
    tenant: str | None,
    redrives: int,
    received: bool,
) -> None:
    record = main_record(delivery(name, tenant=tenant))
    record.redrives = redrives
    if not received:
        record.told = None  # as if another schema had written it
    assert LETTERS.status(record, told, now, outcome).value == by_fastavro(record, told, now, outcome)


def test_what_is_told_in_a_row_is_told_of_each() -> None:
    letters = Letters(policy(), CODEC)
    told, other = Reported(Status.SENT, 1), Reported(Status.RETRYING, 1, "busy", due_at=9)
    broken = Reported(Status.RETRYING, 1, "\udc80")
    call = Sent(ProviderCall("smtp", 5, 1.0))
    row = [
        (told, 7, 0),
        (told, 7, 0),
        (told, 7, 1),
        (told, 8, 1),
        (other, 8, 1),
        (broken, 8, 1),
        (other, 8, 1),
        (told, 7, 0),
    ]
    for number, (each, now, redrives) in enumerate(row):
        record = main_record(delivery(f"person {number}"))
        record.redrives = redrives
        made = letters.status(record, each, now, call if number % 2 else None).value
        if each is not broken:
            assert made == by_fastavro(record, each, now, call if number % 2 else None), number


@pytest.mark.parametrize("channel", Channel)
def test_the_channel_is_that_of_the_delivery_also_where_it_does_not_belong(channel: Channel) -> None:
    record = main_record(delivery(channel=channel))
    told = Reported(Status.DEAD_LETTERED, 0)
    assert LETTERS.status(record, told, 1, None).value == by_fastavro(record, told, 1, None)


@pytest.mark.parametrize("is_dead", [True, False])
def test_only_an_address_that_nothing_can_reach_is_marked(is_dead: bool) -> None:
    record = main_record(delivery("ada"))
    record.address = "ada@example.org"
    failure = Failure(FailureKind.PERMANENT, "550", address_is_dead=is_dead)
    told = mark_key("ada", record.delivery.channel, "ada@example.org")
    assert address_mark_of(record, failure) == (told if is_dead else None)
    assert address_mark_of(record, None) is None
