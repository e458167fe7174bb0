"""Fixtures for concurrent tests: threads that start together, and the stock of a book."""

import threading

import pytest
from sqlalchemy import select

from bookshop.catalogue.models import BookRecord


@pytest.fixture
def together():
    """Calls a function for each argument in concurrent threads; returns or collects errors."""

    def run(function, arguments):
        arguments = list(arguments)
        results = [None] * len(arguments)
        start = threading.Barrier(len(arguments))

        def work(place, argument):
            start.wait(60)
            try:
                results[place] = function(argument)
            except Exception as err:  # noqa: BLE001 - the test inspects the error
                results[place] = err

        threads = [
            threading.Thread(target=work, args=item, daemon=True) for item in enumerate(arguments)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        return results

    return run


@pytest.fixture
def copies():
    """Returns stock and reserved copies of a book."""

    def count(session, sku):
        found = session.execute(
            select(BookRecord.stock, BookRecord.reserved).where(BookRecord.sku == sku)
        ).one()
        return tuple(found)

    return count
