"""Books store their edition as JSON; listings are derived from it."""

from __future__ import annotations

import html
import json
import re
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
expand_only = False

BYTEWISE = sa.String().with_variant(sa.String(collation="C"), "postgresql")
DIGITAL = {"ED.EPUB": "E101", "ED.PDF": "E107"}
COLUMNS = (
    ("subtitle", sa.String(), True),
    ("form", sa.String(), False),
    ("language", sa.String(), False),
    ("publisher", sa.String(), False),
    ("published", sa.Date(), True),
    ("pages", sa.Integer(), True),
    ("minutes", sa.Integer(), True),
    ("subjects", sa.JSON(), False),
    ("description", sa.JSON(), False),
    ("availability", sa.String(), False),
)
BOOKS = sa.table(
    "books",
    *(sa.column(name) for name in ("id", "sku", "isbn", "work", "title", "cover", "edition")),
    *(sa.column(name, kind) for name, kind, _nullable in COLUMNS),
)
PEOPLE = sa.table("contributors", *map(sa.column, ("book_id", "position", "role", "name")))
PRICES = sa.table("prices", *map(sa.column, ("book_id", "currency", "amount")))


def upgrade() -> None:
    with op.batch_alter_table("books") as books:
        books.add_column(sa.Column("reference", sa.String(), nullable=True))
        books.add_column(
            sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        books.add_column(sa.Column("source", sa.String(), nullable=True))
        books.add_column(
            sa.Column("content", sa.String(), nullable=False, server_default=sa.text("''"))
        )
        for name in ("added_at", "changed_at"):
            now = sa.text("CURRENT_TIMESTAMP")
            kind = sa.DateTime(timezone=True)
            books.add_column(sa.Column(name, kind, nullable=False, server_default=now))
        books.add_column(sa.Column("edition", sa.Text(), nullable=False, server_default="{}"))
        books.alter_column("cover", existing_type=sa.String(), nullable=True)
        books.create_unique_constraint(op.f("uq_books_reference"), ["reference"])
    _write_editions(op.get_bind())
    op.drop_index("ix_prices_currency_book_id", "prices")
    op.drop_table("prices")
    op.drop_table("contributors")
    with op.batch_alter_table("books") as books:
        for name, _kind, _nullable in COLUMNS:
            books.drop_column(name)
        for name in ("withdrawn", "content", "added_at", "changed_at", "edition"):
            books.alter_column(name, server_default=None)

    op.create_table(
        "listings",
        sa.Column("book_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("subtitle", sa.String(), nullable=True),
        sa.Column("byline", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("cover", sa.String(), nullable=True),
        sa.Column("sort_title", BYTEWISE, nullable=False),
        sa.Column("published", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_listings_book_id_books"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_listings")),
    )
    op.create_index("ix_listings_sort_title_book_id", "listings", ["sort_title", "book_id"])
    op.create_index("ix_listings_published_book_id", "listings", ["published", "book_id"])
    op.create_index("ix_listings_amount_book_id", "listings", ["amount", "book_id"])
    op.create_index(op.f("ix_listings_review_on"), "listings", ["review_on"])

    op.create_table(
        "listing_subjects",
        sa.Column("code", BYTEWISE, nullable=False),
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["books.id"],
            name=op.f("fk_listing_subjects_book_id_books"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code", "book_id", name=op.f("pk_listing_subjects")),
    )
    op.create_index(op.f("ix_listing_subjects_book_id"), "listing_subjects", ["book_id"])

    state = op.create_table(
        "catalogue_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_state")),
    )
    # Without a build key: the shop builds the listings at its next start.
    op.bulk_insert(state, [{"id": 1, "version": 1, "basis": None}])


def downgrade() -> None:
    for table in ("catalogue_state", "listing_subjects", "listings"):
        op.drop_table(table)
    defaults = {"subjects": "[]", "description": "[]"}
    with op.batch_alter_table("books") as books:
        for name, kind, nullable in COLUMNS:
            default = None if nullable else defaults.get(name, "")
            books.add_column(sa.Column(name, kind, nullable=nullable, server_default=default))
    op.create_table(
        "contributors",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"],
            ["books.id"],
            name=op.f("fk_contributors_book_id_books"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", "position", name=op.f("pk_contributors")),
    )
    op.create_table(
        "prices",
        sa.Column("book_id", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_prices_amount_positive")),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_prices_book_id_books"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("book_id", "currency", name=op.f("pk_prices")),
    )
    op.create_index("ix_prices_currency_book_id", "prices", ["currency", "book_id"], unique=False)
    _read_editions(op.get_bind())
    op.execute("UPDATE books SET cover = '' WHERE cover IS NULL")
    with op.batch_alter_table("books") as books:
        books.drop_constraint(op.f("uq_books_reference"), type_="unique")
        for name in ("reference", "withdrawn", "source", "content"):
            books.drop_column(name)
        for name in ("added_at", "changed_at", "edition"):
            books.drop_column(name)
        books.alter_column("cover", existing_type=sa.String(), nullable=False)
        for name, _kind, nullable in COLUMNS:
            if not nullable:
                books.alter_column(name, server_default=None)


def _write_editions(connection: sa.Connection) -> None:
    for book in connection.execute(sa.select(BOOKS)).all():
        people = sa.select(PEOPLE).where(PEOPLE.c.book_id == book.id).order_by(PEOPLE.c.position)
        prices = sa.select(PRICES).where(PRICES.c.book_id == book.id)
        fields = {
            "sku": book.sku,
            "title": book.title,
            "isbn": book.isbn,
            "subtitle": book.subtitle,
            "contributors": [
                {"name": person.name, "role": person.role} for person in connection.execute(people)
            ],
            "form": book.form.partition(".")[0],
            "details": [DIGITAL[book.form]] if book.form in DIGITAL else [],
            "publisher": book.publisher,
            "published": book.published and book.published.isoformat(),
            "language": book.language,
            "pages": book.pages,
            "minutes": book.minutes,
            "subjects": [{"scheme": "20", "heading": heading} for heading in book.subjects],
            "description": "".join(f"<p>{html.escape(text)}</p>" for text in book.description),
            "prices": [
                {"currency": price.currency, "amount": price.amount}
                for price in connection.execute(prices)
            ],
            "availability": book.availability,
            "work": book.work,
        }
        connection.execute(
            sa.update(BOOKS)
            .where(BOOKS.c.id == book.id)
            .values(edition=json.dumps(_without_empty(fields)))
        )


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], "")}


def _read_editions(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(BOOKS.c.id, BOOKS.c.edition)).all():
        fields = json.loads(row.edition)
        form = fields.get("form", "BA")
        details = {code: name for name, code in DIGITAL.items()}
        form = next((details[code] for code in fields.get("details", []) if code in details), form)
        paragraphs = re.findall(r"<p>(.*?)</p>", fields.get("description", ""), re.DOTALL)
        published = fields.get("published")
        connection.execute(
            sa.update(BOOKS)
            .where(BOOKS.c.id == row.id)
            .values(
                subtitle=fields.get("subtitle"),
                form=form,
                language=fields.get("language", "und"),
                publisher=fields.get("publisher", ""),
                published=published and date.fromisoformat(published),
                pages=fields.get("pages"),
                minutes=fields.get("minutes"),
                subjects=[
                    each.get("heading") or each["code"] for each in fields.get("subjects", [])
                ],
                description=[html.unescape(text) for text in paragraphs],
                availability=fields.get("availability", "20"),
            )
        )
        people = enumerate(fields.get("contributors", []), start=1)
        for position, person in people:
            values = {"role": person.get("role", "A01"), "name": person["name"]}
            connection.execute(
                sa.insert(PEOPLE).values(book_id=row.id, position=position, **values)
            )
        amounts = {price["currency"]: price["amount"] for price in fields.get("prices", [])}
        for currency, amount in amounts.items():
            if amount > 0:
                values = {"currency": currency, "amount": amount}
                connection.execute(sa.insert(PRICES).values(book_id=row.id, **values))
