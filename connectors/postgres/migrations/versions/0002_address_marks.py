"""pre: addresses that take nothing any more are marked (connectors/channels/README.md).

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# address_marks: by `<channel>:<fingerprint of the address>` why and since when (ms since 1970 UTC).
# marks_cleared_at: what was told before this moment marks nothing any more.
UP = """
alter table recipients
    add column address_marks jsonb not null default '{}',
    add column marks_cleared_at timestamptz
"""

DOWN = "alter table recipients drop column address_marks, drop column marks_cleared_at"


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
