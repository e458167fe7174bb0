"""Payments without a reservation are judged on arrival; reservations have an absolute end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
expand_only = True


def upgrade() -> None:
    op.add_column("orders", sa.Column("rejection", sa.String(), nullable=True))
    op.add_column(
        "orders", sa.Column("reservation_ends_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("orders", "reservation_ends_at")
    op.drop_column("orders", "rejection")
