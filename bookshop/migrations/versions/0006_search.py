"""Search: the full-text index, words for spelling correction, facet counts of large catalogues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
expand_only = False


def upgrade() -> None:
    bytewise = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE search_index (book_id INTEGER PRIMARY KEY, vector TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX ix_search_index_vector ON search_index USING gin (vector)")
        # A common prefix matches thousands of words: the planner needs statistics about them.
        op.execute("ALTER TABLE search_index ALTER COLUMN vector SET STATISTICS 1000")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE search_index USING fts5("
            "title, people, about, text, detail=column, prefix='2 3', tokenize='ascii')"
        )
    op.create_table(
        "search_words",
        sa.Column("word", bytewise, nullable=False),
        sa.Column("start", bytewise, nullable=False),
        sa.Column("tail", bytewise, nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_words")),
    )
    op.create_index(op.f("ix_search_words_start"), "search_words", ["start"])
    op.create_index(op.f("ix_search_words_tail"), "search_words", ["tail"])
    op.create_table(
        "facet_counts",
        sa.Column("subject", bytewise, nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("availability", sa.String(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("books", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            *("subject", "format", "language", "availability", "band"),
            name=op.f("pk_facet_counts"),
        ),
    )
    op.add_column("catalogue_state", sa.Column("counted", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("catalogue_state") as state:
        state.drop_column("counted")
    for table in ("facet_counts", "search_words", "search_index"):
        op.drop_table(table)
