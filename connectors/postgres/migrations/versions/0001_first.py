"""pre: the first tables.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None

UP = """
create table recipients (
    recipient_id text primary key,
    tenant       text,
    addresses    jsonb not null default '{}',
    locale       text,
    time_zone    text,
    unsubscribed boolean not null default false,
    choices      jsonb not null default '[]',
    version      bigint not null,
    updated_at   timestamptz not null default now(),
    erased_at    timestamptz
);

create table outbox (
    outbox_id  bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    value      bytea,
    headers    jsonb not null default '{}',
    created_at timestamptz not null default now()
);

create table notifications (
    notification_id    text primary key,
    recipient_id       text not null,
    tenant             text,
    type               text not null,
    priority           text not null,
    category           text not null,
    created_at         timestamptz not null,
    decided_at         timestamptz not null,
    catalogue_version  text not null,
    preference_version bigint not null
);
create index notifications_of_recipient on notifications (recipient_id, created_at desc);

create table deliveries (
    delivery_id         text primary key,
    notification_id     text not null,
    recipient_id        text not null,
    channel             text not null,
    status              text not null,
    progress            bigint not null,
    attempt             integer not null default 0,
    redrives            integer not null default 0,
    layer               text,
    rule                text,
    reason              text,
    provider            text,
    provider_message_id text,
    due_at              timestamptz,
    updated_at          timestamptz not null
);
create index deliveries_of_notification on deliveries (notification_id);

create table attempts (
    delivery_id         text not null,
    redrives            integer not null,
    attempt             integer not null,
    started_at          timestamptz not null,
    provider            text not null,
    duration_ms         double precision not null,
    code                text,
    failure_kind        text,
    reason              text,
    request             text not null default '',
    response            text not null default '',
    provider_message_id text,
    primary key (delivery_id, redrives, attempt, started_at)
);
create index attempts_by_age on attempts (started_at);

create table dead_letters (
    dead_letter_id   text primary key,
    kind             text not null,
    reason           text not null,
    provider         text,
    notification_id  text,
    delivery_id      text,
    recipient_id     text,
    type             text,
    channel          text,
    attempt          integer not null default 0,
    redrives         integer not null default 0,
    origin_topic     text not null,
    origin_partition integer not null,
    origin_offset    bigint not null,
    key              bytea,
    value            bytea,
    headers          jsonb not null default '[]',
    dead_at          timestamptz not null,
    redriven_at      timestamptz
);
create index dead_letters_by_age on dead_letters (dead_at desc);
create index dead_letters_of_notification on dead_letters (notification_id);

create table api_keys (
    key_id       text primary key,
    name         text not null,
    secret_hash  bytea not null,
    created_at   timestamptz not null default now(),
    revoked_at   timestamptz
);
"""

DOWN = "drop table api_keys, dead_letters, attempts, deliveries, notifications, outbox, recipients"


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
