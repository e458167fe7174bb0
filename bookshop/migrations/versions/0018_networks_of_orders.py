"""Orders are counted by network, which is stored as a keyed hash for about a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
expand_only = True


def upgrade() -> None:
    op.add_column("orders", sa.Column("network", sa.String(), nullable=True))
    op.create_index(op.f("ix_orders_network"), "orders", ["network"])


def downgrade() -> None:
    op.drop_index(op.f("ix_orders_network"), "orders")
    op.drop_column("orders", "network")
