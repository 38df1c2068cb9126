"""From a record of dead-letters to what the API reads: whatever a foreign writer put into it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.dead_letter_detail import exported
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.postgres.recording import RecordingStore
from connectors.recording.rows import DeadRecord, Rows, add_dead_letter
from schemas import headers
from tests.http.api import CODEC
from tests.http.dead import DELIVERY

NINES = b"9" * 18


@pytest.fixture(scope="module")
def recording(database: str) -> Iterator[RecordingStore]:
    migrate(database)
    with RecordingStore(database, CODEC) as store:
        yield store


async def recorded(recording: RecordingStore, dsn: str, dead: DeadRecord) -> DeadLetter:
    rows = Rows()
    add_dead_letter(rows, dead, CODEC)
    recording.write(rows)
    pool = Pool(dsn, "test", seconds=20)
    await pool.open()
    try:
        (found,) = await DeadLetterStore(pool).letters(DeadLetterFilter(), None, 1)
    finally:
        await pool.close()
    return found


def delivery(**changes: Any) -> bytes:
    return CODEC.encode("Delivery", {**DELIVERY, "notification": {**DELIVERY["notification"], **changes}})


EXPIRIES = [
    (None, None),
    (1_700_000_000_000, datetime.fromtimestamp(1_700_000_000, UTC)),
    (-(2**62), datetime(1970, 1, 1, tzinfo=UTC)),
    (2**62, None),
]


@pytest.mark.parametrize("number", range(len(EXPIRIES)))
async def test_tenant_and_expiry_are_kept_beside_the_record(
    recording: RecordingStore, database: str, number: int
) -> None:
    expires_at, kept = EXPIRIES[number]
    value = delivery(tenant="acme", expires_at=expires_at)
    dead = DeadRecord(0, number, 1_000 + number, b"ada", value, [(headers.FAILURE_KIND, b"permanent")])
    found = await recorded(recording, database, dead)
    assert (found.dead_letter_id, found.tenant, found.expires_at, found.value) == (f"0-{number}", "acme", kept, value)


async def test_headers_of_a_foreign_writer_keep_nothing_from_being_recorded(
    recording: RecordingStore, database: str
) -> None:
    own: list[tuple[str, bytes | None]] = [
        (headers.ATTEMPT, NINES),
        (headers.REDRIVES, b"-1"),
        (headers.FIRST_FAILED_AT, NINES),
        (headers.ORIGIN_PARTITION, NINES),
        (headers.ORIGIN_OFFSET, NINES),
        (headers.FAILURE_REASON, b"a\x00b\xff"),
        (headers.PROVIDER, None),
    ]
    found = await recorded(recording, database, DeadRecord(9, 9, 1_000_000, None, b"\xff", own))
    assert (found.kind, found.attempt, found.redrives) == ("unknown", 0, 0)
    assert (found.origin_topic, found.origin_partition, found.origin_offset) == ("", -1, int(NINES))
    assert found.reason == "ab\N{REPLACEMENT CHARACTER}"
    told = exported(found, CODEC)
    assert (told.first_failed_at, told.value, told.value_base64) == (None, None, "/w==")
