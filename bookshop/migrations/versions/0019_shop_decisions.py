"""The shop's own decisions about books, apart from the trade's record."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
expand_only = True

CAUSE = "migration"
BATCH = 500
BOOKS = sa.table(
    "books",
    sa.column("id", sa.Integer),
    sa.column("reference", sa.String),
    sa.column("edition", sa.Text),
)


def upgrade() -> None:
    decisions = op.create_table(
        "shop_decisions",
        sa.Column("book_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decisions", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["books.id"],
            name=op.f("fk_shop_decisions_book_id_books"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_shop_decisions")),
    )
    op.create_table(
        "earlier_shop_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["books.id"],
            name=op.f("fk_earlier_shop_decisions_book_id_books"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earlier_shop_decisions")),
    )
    op.create_index(
        op.f("ix_earlier_shop_decisions_book_id"), "earlier_shop_decisions", ["book_id"]
    )
    copy_known_decisions(decisions)


def downgrade() -> None:
    op.drop_table("earlier_shop_decisions")
    op.drop_table("shop_decisions")


def copy_known_decisions(decisions: sa.Table) -> None:
    """Copy prices and descriptions of books that no ONIX feed has described.

    ONIX records have a reference, so books without one come from the shop's own spreadsheets. The
    editions keep what they have: the previous version reads it there.
    """
    connection = op.get_bind()
    now = datetime.now(UTC)
    last_id = 0
    while True:
        query = sa.select(BOOKS.c.id, BOOKS.c.edition).where(
            BOOKS.c.id > last_id, BOOKS.c.reference.is_(None)
        )
        books = connection.execute(query.order_by(BOOKS.c.id).limit(BATCH)).all()
        if not books:
            return
        last_id = books[-1].id
        known = [
            {"book_id": book.id, "decisions": found, "decided_at": now, "cause": CAUSE}
            for book in books
            if (found := decisions_of(book.edition))
        ]
        if known:
            connection.execute(sa.insert(decisions), known)


def decisions_of(edition: str) -> str | None:
    """Return the decisions in an edition's JSON: prices without conditions, the description."""
    fields = json.loads(edition)
    own = {
        price["currency"]: price
        for price in fields.get("prices", ())
        if price.keys() == {"currency", "amount"}
    }
    found = {"prices": [own[currency] for currency in sorted(own)]} if own else {}
    if fields.get("description"):
        found["description"] = fields["description"]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")) if found else None
