"""pre: dead letters can be dropped, are found by what they are, and tell when their notification expires.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

# Every index ends in what pages are sorted by, so that a filtered page is read off it in order.
UP = """
alter table dead_letters
    add column tenant text,
    add column expires_at timestamptz,
    add column dropped_at timestamptz,
    add column drop_reason text;

drop index dead_letters_by_age;
create index dead_letters_by_age on dead_letters (dead_at, dead_letter_id);
create index dead_letters_waiting on dead_letters (dead_at, dead_letter_id)
    where redriven_at is null and dropped_at is null;
create index dead_letters_by_kind on dead_letters (kind, dead_at, dead_letter_id);
create index dead_letters_by_type on dead_letters (type, dead_at, dead_letter_id);
create index dead_letters_by_channel on dead_letters (channel, dead_at, dead_letter_id);
create index dead_letters_by_provider on dead_letters (provider, dead_at, dead_letter_id);
create index dead_letters_by_tenant on dead_letters (tenant, dead_at, dead_letter_id);
create index dead_letters_of_recipient on dead_letters (recipient_id, dead_at, dead_letter_id);
create index dead_letters_of_delivery on dead_letters (delivery_id);
"""

DOWN = """
drop index dead_letters_of_delivery, dead_letters_of_recipient, dead_letters_by_tenant, dead_letters_by_provider,
    dead_letters_by_channel, dead_letters_by_type, dead_letters_by_kind, dead_letters_waiting, dead_letters_by_age;
create index dead_letters_by_age on dead_letters (dead_at desc);
alter table dead_letters drop column tenant, drop column expires_at, drop column dropped_at, drop column drop_reason;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
