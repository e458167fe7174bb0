"""The shop's state: read-only mode, and the oldest version that can use the schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
expand_only = True


def upgrade() -> None:
    state = op.create_table(
        "shop_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("usable_from", sa.String(), nullable=False),
        sa.Column("read_only_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_shop_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_state")),
    )
    op.bulk_insert(state, [{"id": 1, "usable_from": revision, "read_only_since": None}])


def downgrade() -> None:
    op.drop_table("shop_state")
