"""Listings name their work, facet counts count works, order lines keep author and format."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
expand_only = False

BYTEWISE = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("byline", "form"):
        op.add_column(
            "order_lines", sa.Column(name, sa.String(), nullable=False, server_default="")
        )
        op.execute(
            f"UPDATE order_lines SET {name} = COALESCE(("  # noqa: S608  # nosec B608
            f"SELECT listings.{name} FROM listings JOIN books ON books.id = listings.book_id "
            "WHERE books.sku = order_lines.sku), '')"
        )
    # The shop derives the rows of both tables again at its next start.
    op.add_column("listings", sa.Column("work", sa.String(), nullable=True))
    op.create_index(op.f("ix_listings_work"), "listings", ["work"])
    replace_facet_counts(
        [
            sa.Column("subject", BYTEWISE, nullable=False),
            sa.Column("editions", BYTEWISE, nullable=False),
        ],
        "works",
    )


def downgrade() -> None:
    replace_facet_counts(
        [
            sa.Column("subject", BYTEWISE, nullable=False),
            sa.Column("format", sa.String(), nullable=False),
            sa.Column("language", sa.String(), nullable=False),
            sa.Column("availability", sa.String(), nullable=False),
            sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        ],
        "books",
    )
    op.drop_index(op.f("ix_listings_work"), "listings")
    with op.batch_alter_table("listings") as listings:
        listings.drop_column("work")
    with op.batch_alter_table("order_lines") as lines:
        lines.drop_column("form")
        lines.drop_column("byline")


def replace_facet_counts(properties: list[sa.Column], number: str) -> None:
    op.drop_table("facet_counts")
    op.create_table(
        "facet_counts",
        *properties,
        sa.Column(number, sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            *(column.name for column in properties), name=op.f("pk_facet_counts")
        ),
    )
    op.execute("UPDATE catalogue_state SET facets_version = NULL")
