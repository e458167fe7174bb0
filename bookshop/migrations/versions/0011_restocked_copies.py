"""Copies that a refund returned to stock are counted for each line of an order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
expand_only = False


def upgrade() -> None:
    with op.batch_alter_table("order_lines") as lines:
        lines.add_column(
            sa.Column("restocked", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        lines.create_check_constraint(
            op.f("ck_order_lines_restocked_within_quantity"), "restocked BETWEEN 0 AND quantity"
        )
    op.execute(
        "UPDATE order_lines SET restocked = quantity WHERE order_id IN"
        " (SELECT id FROM orders WHERE restocked_at IS NOT NULL)"
    )
    # A value for existing lines; new ones have their own.
    with op.batch_alter_table("order_lines") as lines:
        lines.alter_column("restocked", server_default=None)
    with op.batch_alter_table("orders") as orders:
        orders.drop_column("restocked_at")


def downgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("restocked_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE orders SET restocked_at = (SELECT max(at) FROM order_entries WHERE"
        " order_entries.order_id = orders.id AND event = 'restocked') WHERE id IN"
        " (SELECT order_id FROM order_lines WHERE restocked > 0)"
    )
    with op.batch_alter_table("order_lines") as lines:
        lines.drop_constraint(op.f("ck_order_lines_restocked_within_quantity"), type_="check")
        lines.drop_column("restocked")
