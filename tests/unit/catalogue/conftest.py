"""Fixtures that save books in a catalogue and read its tables."""

import pytest
from sqlalchemy import select

from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.writer import save_books, withdraw_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS


@pytest.fixture
def save(engine):
    """Saves books in a transaction of its own."""

    def save(*updates, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            save_books(connection, updates, TERMS, now)

    return save


@pytest.fixture
def withdraw(engine):
    """Withdraws books, given by their ids, in a transaction of its own."""

    def withdraw(*books, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            withdraw_books(connection, books, now)

    return withdraw


@pytest.fixture
def book(sessions):
    """Returns the row of a book, by its SKU."""

    def book(sku):
        with sessions() as session:
            return session.scalars(select(BookRecord).where(BookRecord.sku == sku)).one()

    return book


@pytest.fixture
def select_all(engine):
    """Returns all rows of these columns, sorted."""

    def select_all(*columns):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]

    return select_all
