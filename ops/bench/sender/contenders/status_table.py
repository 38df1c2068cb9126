"""The statuses of a contender that keeps them itself: one upsert each."""

from typing import Any

MAKE = """
create table if not exists {name} (
    delivery_id text primary key, notification_id text not null, recipient_id text not null, channel text not null,
    status text not null, attempt integer not null, provider text not null, updated_at timestamptz not null
)
"""
UPSERT = """
insert into {name} (delivery_id, notification_id, recipient_id, channel, status, attempt, provider, updated_at)
values (%s, %s, %s, %s, %s, %s, %s, now())
on conflict (delivery_id) do update set status = excluded.status, attempt = excluded.attempt,
    provider = excluded.provider, updated_at = excluded.updated_at
"""


def row(delivery: dict[str, Any], status: str, provider: str) -> tuple[Any, ...]:
    """The values of UPSERT after a first attempt."""
    told = delivery["notification"]
    return (
        delivery["delivery_id"],
        told["notification_id"],
        told["recipient_id"],
        delivery["channel"],
        status,
        1,
        provider,
    )
