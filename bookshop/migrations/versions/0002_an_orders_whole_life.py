"""Orders: history, refunds, disputes, and the data of each line at the time of the order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
expand_only = False


def upgrade() -> None:
    with op.batch_alter_table("orders") as orders:
        orders.add_column(sa.Column("address", sa.JSON(), nullable=True))
        orders.add_column(sa.Column("intent_status", sa.String(), nullable=True))
        orders.add_column(
            sa.Column("refunded", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        orders.add_column(
            sa.Column("contradicted", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        orders.add_column(
            sa.Column("under_review", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        orders.add_column(sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True))
        orders.add_column(sa.Column("restocked_at", sa.DateTime(timezone=True), nullable=True))
        orders.create_check_constraint(
            op.f("ck_orders_refunded_within_total"), "refunded BETWEEN 0 AND total"
        )
        orders.create_index(op.f("ix_orders_status"), ["status"])
    # Values for existing orders; new rows have their own.
    with op.batch_alter_table("orders") as orders:
        for column in ("refunded", "contradicted", "under_review"):
            orders.alter_column(column, server_default=None)

    with op.batch_alter_table("order_lines") as lines:
        lines.add_column(
            sa.Column("digital", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        lines.add_column(
            sa.Column("currency", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        lines.add_column(sa.Column("tax_amount", sa.Integer(), nullable=True))
        lines.add_column(
            sa.Column("shipped", sa.Integer(), nullable=False, server_default=sa.text("0"))
        )
        lines.create_check_constraint(
            op.f("ck_order_lines_shipped_within_quantity"), "shipped BETWEEN 0 AND quantity"
        )
    op.execute(
        "UPDATE order_lines SET currency ="
        " (SELECT currency FROM orders WHERE orders.id = order_lines.order_id)"
    )
    op.execute(
        "UPDATE order_lines SET digital = true WHERE sku IN"
        " (SELECT sku FROM books WHERE form LIKE 'E%')"
    )
    with op.batch_alter_table("order_lines") as lines:
        for column in ("digital", "currency", "shipped"):
            lines.alter_column(column, server_default=None)

    op.create_table(
        "order_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_order_entries_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_entries")),
    )
    op.create_index(op.f("ix_order_entries_order_id"), "order_entries", ["order_id"])

    op.create_table(
        "refunds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("stripe_id", sa.String(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("restock", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_refunds_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("key", name=op.f("uq_refunds_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_refunds_stripe_id")),
    )
    op.create_index(op.f("ix_refunds_order_id"), "refunds", ["order_id"])
    op.create_index(op.f("ix_refunds_status"), "refunds", ["status"])

    op.create_table(
        "disputes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name=op.f("fk_disputes_order_id_orders"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_disputes_stripe_id")),
    )
    op.create_index(op.f("ix_disputes_order_id"), "disputes", ["order_id"])


def downgrade() -> None:
    for table in ("disputes", "refunds", "order_entries"):
        op.drop_table(table)
    with op.batch_alter_table("order_lines") as lines:
        lines.drop_constraint(op.f("ck_order_lines_shipped_within_quantity"), type_="check")
        for column in ("shipped", "tax_amount", "currency", "digital"):
            lines.drop_column(column)
    with op.batch_alter_table("orders") as orders:
        orders.drop_index(op.f("ix_orders_status"))
        orders.drop_constraint(op.f("ck_orders_refunded_within_total"), type_="check")
        for column in (
            "restocked_at",
            "warned_at",
            "under_review",
            "contradicted",
            "refunded",
            "intent_status",
            "address",
        ):
            orders.drop_column(column)
