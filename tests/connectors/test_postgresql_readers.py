"""What the API reads of PostgreSQL, and what a change of a recipient leaves in the outbox."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from connectors import api_key
from connectors.dead_letters.dead_letter import DeadLetter
from connectors.postgres.api_keys import ApiKeyReader, ApiKeys
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.notifications import NotificationReader
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from schemas.codec import Codec
from schemas.headers import ID, TIME, TYPE
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

CODEC = Codec()
NOW = 1_800_000_000_000
THEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture(scope="module")
def dsn(database: str) -> str:
    migrate(database)
    return database


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    pool = Pool(dsn, "test", seconds=20)
    await pool.open()
    yield pool
    await pool.close()


def insert(dsn: str, table: str, **values: Any) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        marks = ", ".join(["%s"] * len(values))
        connection.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", [*values.values()])


def record_delivery(dsn: str, identity: str, channel: str, status: str, **more: Any) -> None:
    told = {"delivery_id": f"{identity}-{channel}", "notification_id": identity, "recipient_id": "ada"}
    insert(dsn, "deliveries", **told, channel=channel, status=status, progress=1, updated_at=THEN, **more)


def record_dead_letter(dsn: str, identity: str, **more: Any) -> str:
    made = str(uuid.uuid4())
    told = {"dead_letter_id": made, "kind": "permanent", "reason": "no such type", "notification_id": identity}
    place = {"origin_topic": "notifications.high", "origin_partition": 0, "origin_offset": 1, "dead_at": THEN}
    insert(dsn, "dead_letters", **{**told, **place, "recipient_id": "ada", "type": "gone", **more})
    return made


async def test_a_notification_with_all_that_became_of_it(dsn: str, pool: Pool) -> None:
    identity = str(uuid.uuid4())
    insert(
        dsn, "notifications", notification_id=identity, recipient_id="ada", type="order.shipped", priority="high",
        category="shipping", created_at=THEN, decided_at=THEN, catalogue_version="v1", preference_version=3,
    )  # fmt: skip
    record_delivery(dsn, identity, "webhook", "delivered", attempt=1)
    record_delivery(
        dsn, identity, "email", "retrying", attempt=2, layer="system", rule="default", reason="451", provider="smtp",
        due_at=THEN,
    )  # fmt: skip
    for attempt in (2, 1):
        insert(
            dsn, "attempts", delivery_id=f"{identity}-email", redrives=0, attempt=attempt, started_at=THEN,
            provider="smtp", duration_ms=1.5, code="451", failure_kind="transient", reason="busy",
        )  # fmt: skip

    found = await NotificationReader(pool).find(identity)
    assert found is not None
    assert (found.status, found.type, found.created_at, found.preference_version) == (
        "retrying",
        "order.shipped",
        THEN,
        3,
    )
    email, webhook = found.deliveries
    assert (email.channel, email.attempts_count, email.layer, email.due_at) == ("email", 2, "system", THEN)
    assert [(each.attempt, each.code, each.failure_kind) for each in email.attempts] == [
        (1, "451", "transient"),
        (2, "451", "transient"),
    ]
    assert (webhook.status, webhook.attempts) == ("delivered", [])


async def test_nothing_is_found_where_nothing_is_recorded(pool: Pool) -> None:
    assert await NotificationReader(pool).find(str(uuid.uuid4())) is None


async def test_a_status_without_its_decision_is_found(dsn: str, pool: Pool) -> None:
    identity = str(uuid.uuid4())
    record_delivery(dsn, identity, "email", "sent")
    found = await NotificationReader(pool).find(identity)
    assert found is not None
    assert (found.status, found.recipient_id, found.type) == ("sent", "ada", None)


async def test_one_that_died_before_it_became_deliveries_is_dead_lettered_until_it_is_redriven(
    dsn: str, pool: Pool
) -> None:
    identity = str(uuid.uuid4())
    made = record_dead_letter(dsn, identity)
    found = await NotificationReader(pool).find(identity)
    assert found is not None
    assert (found.status, found.type, found.recipient_id) == ("dead_lettered", "gone", "ada")
    assert [(each.dead_letter_id, each.reason) for each in found.dead_letters] == [(made, "no such type")]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update dead_letters set redriven_at = now() where dead_letter_id = %s", [made])
    again = await NotificationReader(pool).find(identity)
    assert again is not None
    assert again.status == "accepted"


async def test_a_second_redrive_counts_on_from_where_the_delivery_stands(dsn: str, pool: Pool) -> None:
    identity = str(uuid.uuid4())
    record_delivery(dsn, identity, "email", "dead_lettered", redrives=4)
    made = record_dead_letter(dsn, identity, delivery_id=f"{identity}-email", redrives=1)
    taken: list[int] = []

    async def note(dead: DeadLetter) -> None:
        taken.append(dead.redrives)

    store = DeadLetterStore(pool)
    await store.redriven(made, note, NOW)
    await store.redriven(made, note, NOW)
    assert taken == [1, 4]


async def test_each_change_of_a_recipient_is_in_the_outbox_in_the_order_of_the_versions(dsn: str, pool: Pool) -> None:
    name = f"ada-{uuid.uuid4()}"
    store = RecipientStore(pool, CODEC, lambda: "an-event")
    choices = (Choice(False, category="marketing"),)
    await store.save_profile(Recipient(name, Preference(name, locale="de"), {"email": "a@example.com"}), NOW)
    await store.save_choices(Preference(name, unsubscribed=True, choices=choices), NOW + 1)
    await store.erase(name, NOW + 2)
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select topic, key, value, headers from outbox where key = %s order by outbox_id", [name]
        ).fetchall()
    assert {(topic, key) for topic, key, _, _ in rows} == {("preferences", name)}
    first, second = (CODEC.decode("Preference", value) for _, _, value, _ in rows[:2])
    assert (first["version"], first["locale"], first["updated_at"]) == (1, "de", NOW)
    assert (second["version"], second["unsubscribed"], len(second["choices"])) == (2, True, 1)
    assert rows[2][2] is None, "a tombstone"
    told = rows[0][3]
    assert (told[ID], told[TYPE], told[TIME]) == ("an-event", "tidings.preference", "2027-01-15T08:00:00.000Z")


async def test_a_change_that_cannot_be_told_does_not_happen(pool: Pool) -> None:
    name = f"ada-{uuid.uuid4()}"

    def broken() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        await RecipientStore(pool, CODEC, broken).save_profile(Recipient(name, Preference(name)), NOW)
    assert await RecipientStore(pool, CODEC, broken).load([name]) == {}


async def test_the_relay_is_woken_by_a_change(dsn: str, pool: Pool) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as listening:
        await listening.execute("listen tidings_outbox")
        store = RecipientStore(pool, CODEC, lambda: "an-event")
        await store.save_profile(Recipient("woken", Preference("woken")), NOW)
        async with asyncio.timeout(10):
            async for notice in listening.notifies(stop_after=1):
                assert notice.channel == "tidings_outbox"


async def test_a_key_can_be_made_listed_used_and_revoked(dsn: str, pool: Pool) -> None:
    keys, reader = ApiKeys(dsn), ApiKeyReader(pool)
    key = api_key.parse(keys.create("orders-service"))
    assert key is not None
    secret_hash = await reader.secret_hash(key.key_id)
    assert secret_hash is not None
    assert api_key.is_secret(key.secret, secret_hash)
    (listed,) = [each for each in keys.list() if each["key_id"] == key.key_id]
    assert (listed["name"], listed["revoked_at"]) == ("orders-service", None)
    assert key.secret not in str(listed)
    assert [keys.revoke(key.key_id), keys.revoke(key.key_id), keys.revoke("nobody")] == [True, False, False]
    assert await reader.secret_hash(key.key_id) is None
