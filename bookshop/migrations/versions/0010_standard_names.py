"""Standard names for columns and for the events of an order's history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
expand_only = False

COLUMNS = {
    "books": {"held": "reserved"},
    "catalogue_state": {"basis": "built_for", "counted": "facets_version"},
    "orders": {
        "visitor": "session_id",
        "basis": "dedup_key",
        "asked_at": "checked_at",
        "holding": "stock_reserved",
        "held_until": "reserved_until",
        "short": "out_of_stock",
        "contradicted": "payment_mismatch",
        "warned_at": "fraud_warned_at",
    },
    "order_entries": {"what": "event", "source": "from_status", "target": "to_status"},
}
#: Columns of `orders` with an index that is named after them.
INDEXED = ("visitor", "held_until")
#: Events that are not a change of status. The name of a change of status was its new status.
EVENTS = {
    "short": "out_of_stock",
    "contradiction": "payment_mismatch",
    "shipped": "items_shipped",
    "refund": "refund_updated",
    "dispute": "dispute_updated",
    "erased": "customer_erased",
}
STATUS_CHANGED = "status_changed"
#: Causes of entries: the former names of the shop's background threads.
CAUSES = {"sweeper": "job_worker"}


ENTRIES = sa.table("order_entries", sa.column("event"), sa.column("to_status"), sa.column("cause"))


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for old in INDEXED:
        new = COLUMNS["orders"][old]
        op.drop_index(op.f(f"ix_orders_{old}"), "orders")
        op.create_index(op.f(f"ix_orders_{new}"), "orders", [new])
    rename_unique("uq_orders_basis", "uq_orders_dedup_key", "dedup_key")
    rename_check("ck_books_held_not_negative", "ck_books_reserved_not_negative", "reserved >= 0")

    for old, new in EVENTS.items():
        rename_event(old, new)
    for old, new in CAUSES.items():
        rename_cause(old, new)
    changes = sa.update(ENTRIES).where(ENTRIES.c.to_status.is_not(None))
    op.execute(changes.values(event=STATUS_CHANGED))


def downgrade() -> None:
    changes = sa.update(ENTRIES).where(ENTRIES.c.to_status.is_not(None))
    op.execute(changes.values(event=ENTRIES.c.to_status))
    for old, new in EVENTS.items():
        rename_event(new, old)
    for old, new in CAUSES.items():
        rename_cause(new, old)

    rename_check("ck_books_reserved_not_negative", "ck_books_held_not_negative", "reserved >= 0")
    rename_unique("uq_orders_dedup_key", "uq_orders_basis", "dedup_key")
    for old in INDEXED:
        new = COLUMNS["orders"][old]
        op.drop_index(op.f(f"ix_orders_{new}"), "orders")
        op.create_index(op.f(f"ix_orders_{old}"), "orders", [new])
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")


def rename_event(old: str, new: str) -> None:
    is_old = (ENTRIES.c.event == old) & ENTRIES.c.to_status.is_(None)
    op.execute(sa.update(ENTRIES).where(is_old).values(event=new))


def rename_cause(old: str, new: str) -> None:
    op.execute(sa.update(ENTRIES).where(ENTRIES.c.cause == old).values(cause=new))


def rename_unique(old: str, new: str, column: str) -> None:
    """Rename a constraint of `orders`; SQLite, which cannot, gets the table rebuilt."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE orders RENAME CONSTRAINT {old} TO {new}")
        return
    with op.batch_alter_table("orders") as orders:
        orders.drop_constraint(op.f(old), type_="unique")
        orders.create_unique_constraint(op.f(new), [column])


def rename_check(old: str, new: str, condition: str) -> None:
    """Rename a constraint of `books`; SQLite, which cannot, gets the table rebuilt."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE books RENAME CONSTRAINT {old} TO {new}")
        return
    with op.batch_alter_table("books") as books:
        books.drop_constraint(op.f(old), type_="check")
        books.create_check_constraint(op.f(new), condition)
