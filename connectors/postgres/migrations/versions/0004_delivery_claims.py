"""pre: claims of deliveries while Redis is away (connectors/delivery/fallback_claims.py).

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"

# Empty but for the time in which Redis is away. Values: streams/domain/claim_marks.py.
UP = """
create table delivery_claims (
    key        bytea primary key,
    value      bytea not null,
    written_at timestamptz not null
);
"""

DOWN = "drop table delivery_claims"


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
