"""Importing, on SQLite and on PostgreSQL: what a feed says is on the shelf, once and for all."""

import io
import threading

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from bookshop import clock
from bookshop.catalogue.importing import importer as importer_module
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.importer import File, Importer
from bookshop.catalogue.importing.models import ImportRun
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord
from bookshop.inventory.reservations import reserve
from tests.unit.catalogue.importing.onix_files import (
    ISBNS,
    descriptive,
    message,
    price,
    record,
    supply,
)
from tests.unit.makers import NOW, TERMS, order

FILE = File("digest", "moss.xml")


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def refused():
    return []


@pytest.fixture
def take(engine, refused):
    """Imports records of ONIX, or rows of a sheet."""

    def take(*records, sheet=None, file=None, covers=None, dry_run=False):
        notices = (
            onix.read(io.BytesIO(message(*records)))
            if sheet is None
            else reader.read(io.BytesIO(sheet.encode()), "GBP")
        )
        importer = Importer(
            engine, TERMS, covers, lambda *told: refused.append(told), dry_run=dry_run
        )
        return importer.run(notices, file)

    return take


@pytest.fixture
def books(sessions):
    """All books, by SKU."""

    def books():
        with sessions() as session:
            return {each.sku: each for each in session.scalars(select(BookRecord))}

    return books


@pytest.fixture
def listed(engine):
    def listed():
        with engine.connect() as connection:
            wanted = select(ListingRecord.sku, ListingRecord.title, ListingRecord.amount)
            return {sku: (title, amount) for sku, title, amount in connection.execute(wanted)}

    return listed


@pytest.fixture
def version(engine):
    def version():
        with engine.connect() as connection:
            return connection.scalar(select(CatalogueState.version))

    return version


def counts(report):
    return {
        name: getattr(report, name)
        for name in ("new", "changed", "unchanged", "deleted", "refused")
        if getattr(report, name)
    }


def test_new_books_are_on_the_shelf_without_an_end_of_copies(take, books, listed):
    assert counts(take(record())) == {"new": 1}
    (book,) = books().values()
    assert (book.reference, book.stock, book.held) == ("moss.1", None, 0)
    assert listed() == {ISBNS[0]: ("Moss", 1299)}


def test_the_same_again_changes_nothing_and_is_not_even_read(take, version, monkeypatch):
    take(record(), record("moss.2", isbn=ISBNS[1]))
    before = version()
    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.whole", None)
    assert counts(take(record(), record("moss.2", isbn=ISBNS[1]))) == {"unchanged": 2}
    assert version() == before


def test_what_has_changed_is_changed_and_keeps_its_copies(take, books, listed, sessions, version):
    take(record())
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=5, held=2))
    before = version()
    assert counts(take(record(ProductSupply=supply(price("9.99"))))) == {"changed": 1}
    assert listed() == {ISBNS[0]: ("Moss", 999)}
    assert [(book.stock, book.held) for book in books().values()] == [(5, 2)]
    assert version() > before


def test_the_same_book_in_other_words_is_unchanged(take, books):
    take(record())
    was = books()[ISBNS[0]]
    assert counts(take({**record(), "RecordSourceName": "Another"})) == {"unchanged": 1}
    assert books()[ISBNS[0]].changed_at == was.changed_at
    assert books()[ISBNS[0]].source != was.source


def test_a_book_is_known_by_its_isbn_where_the_reference_is_new(take, books):
    take(record("moss.1"))
    assert counts(take(record("other.9", DescriptiveDetail=descriptive("Ice")))) == {"changed": 1}
    (book,) = books().values()
    assert (book.reference, book.title) == ("other.9", "Ice")


@pytest.mark.parametrize("sku", ["A/1", "@@edit", ".", "..", "new.atom"])
def test_a_sku_that_is_no_address_is_refused(take, books, refused, sku):
    assert counts(take(sheet=f"sku,title\n{sku},Moss\nA.1@@,Fern\n")) == {"new": 1, "refused": 1}
    assert list(books()) == ["A.1@@"]
    assert repr(sku) in refused[0][2]


def test_a_reference_never_moves_to_another_book(take, books, refused):
    take(record("moss.1"))
    assert counts(take(record("moss.1", isbn=ISBNS[1]))) == {"refused": 1}
    assert set(books()) == {ISBNS[0]}
    [(notice, isbn, reason)] = refused
    assert (notice.reference, isbn) == ("moss.1", ISBNS[1])
    assert "delete the book first" in reason


def test_a_deleted_book_leaves_the_shelf_and_may_come_back(take, books, listed):
    take(record(), record("moss.2", isbn=ISBNS[1]))
    assert counts(take(record(notification="05"))) == {"deleted": 1}
    assert set(listed()) == {ISBNS[1]}
    assert books()[ISBNS[0]].withdrawn
    assert counts(take(record(notification="05"))) == {"unchanged": 1}
    assert counts(take(record())) == {"new": 1}
    assert set(listed()) == set(ISBNS[:2])


def test_deleting_what_was_never_there_is_no_mistake(take):
    assert counts(take(record(notification="05"))) == {"unchanged": 1}


def test_an_update_changes_its_blocks_alone(take, books):
    take(record())
    blocks = {"DescriptiveDetail": None, "PublishingDetail": None}
    cheaper = record(notification="04", **blocks, ProductSupply=supply(price("5.00")))
    assert counts(take(cheaper)) == {"changed": 1}
    (book,) = books().values()
    assert (book.title, book.edition.prices[0].amount) == ("Moss", 500)


def test_an_update_of_an_unknown_book_is_refused_unless_it_is_whole(take, refused):
    assert counts(take(record(notification="04", DescriptiveDetail=None))) == {"refused": 1}
    assert "says too little" in refused[0][2]
    assert counts(take(record("moss.2", "04", ISBNS[1]))) == {"new": 1}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_last_word_on_a_book_holds_wherever_batches_end(take, listed, monkeypatch, size):
    monkeypatch.setattr(importer_module, "BATCHES", {"sqlite": size, "postgresql": size})
    titles = (descriptive(title) for title in ("One", "Two", "Three"))
    report = take(
        *(record(DescriptiveDetail=title) for title in titles),
        record("moss.2", isbn=ISBNS[1]),
        record("other", DescriptiveDetail=descriptive("Four")),
        record("moss.2", "05", ISBNS[1]),
    )
    assert counts(report) == {"new": 2, "changed": 3, "deleted": 1}
    assert listed() == {ISBNS[0]: ("Four", 1299)}


def test_a_bad_record_stops_nobody(take, refused, listed):
    report = take(
        record("a", isbn=ISBNS[0]),
        record("b", isbn="9783161484101"),
        record("c", isbn=ISBNS[1], DescriptiveDetail=None),
        record("d", isbn=ISBNS[2], ProductSupply=supply(price("cheap"))),
        record("e", isbn=ISBNS[3]),
    )
    assert counts(report) == {"new": 2, "refused": 3}
    assert set(listed()) == {ISBNS[0], ISBNS[3]}
    assert [(error.record, error.isbn) for error in report.errors] == [
        ("b", "9783161484101"),
        ("c", ISBNS[1]),
        ("d", ISBNS[2]),
    ]
    assert [error.line for error in report.errors] == sorted(error.line for error in report.errors)
    assert [told[0].reference for told in refused] == ["b", "c", "d"]


def test_a_record_that_breaks_our_own_code_stops_nobody(take, listed, monkeypatch, caplog):
    real = onix.notices.whole

    def breaks(raw):
        if b"moss.2" in raw:
            raise LookupError("ours")
        return real(raw)

    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.whole", breaks)
    report = take(record(), record("moss.2", isbn=ISBNS[1]), record("moss.3", isbn=ISBNS[2]))
    assert counts(report) == {"new": 2, "refused": 1}
    assert "LookupError" in report.errors[0].reason
    assert "moss.2" in caplog.text


def test_a_record_that_the_database_refuses_stops_nobody(take, listed, monkeypatch):
    real = importer_module.put

    def refuses(connection, wares, terms, now):
        if any(ware.edition.reference == "moss.2" for ware in wares):
            wares = [*wares, wares[0]]  # the same book twice
        real(connection, wares, terms, now)

    monkeypatch.setattr(importer_module, "put", refuses)
    report = take(record(), record("moss.2", isbn=ISBNS[1]), record("moss.3", isbn=ISBNS[2]))
    assert counts(report) == {"new": 2, "refused": 1}
    assert "database" in report.errors[0].reason
    assert set(listed()) == {ISBNS[0], ISBNS[2]}


def test_what_came_before_the_end_of_a_broken_file_stays(engine, listed):
    broken = message(record(), record("moss.2", isbn=ISBNS[1])).partition(b"moss.2")[0]
    report = Importer(engine, TERMS, lambda _each: None, print).run(onix.read(io.BytesIO(broken)))
    assert counts(report) == {"new": 1}
    assert report.stopped
    assert set(listed()) == {ISBNS[0]}


def test_a_dry_run_says_the_same_and_writes_nothing(take, books, version, engine):
    take(record())
    before = version()
    feed = [
        record(DescriptiveDetail=descriptive("Ice")),
        record("moss.2", isbn=ISBNS[1]),
        record("moss.3", isbn="1"),
    ]
    expected = {"new": 1, "changed": 1, "refused": 1}
    assert counts(take(*feed, file=FILE, dry_run=True)) == expected
    assert (version(), len(books())) == (before, 1)
    with engine.connect() as connection:
        assert not connection.execute(select(ImportRun)).all()
    assert counts(take(*feed)) == expected


# --- sheets


def test_a_stocktaking_says_how_many_there_are_today(take, books):
    take(record())
    sheet = f"isbn,stock\n{ISBNS[0]},7\n"
    assert counts(take(sheet=sheet)) == {"changed": 1}
    assert books()[ISBNS[0]].stock == 7
    assert counts(take(sheet=sheet)) == {"unchanged": 1}


def test_a_stocktaking_after_sales_counts_again(take, books, sessions):
    take(record())
    sheet = f"isbn,stock\n{ISBNS[0]},7\n"
    take(sheet=sheet)
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=3))
    assert counts(take(sheet=sheet)) == {"changed": 1}
    assert books()[ISBNS[0]].stock == 7


# --- covers


def test_a_book_gets_its_cover_and_keeps_it(take, books, listed):
    take(record(), covers=lambda told: f"{told.sku}.jpg")
    assert books()[ISBNS[0]].cover == f"{ISBNS[0]}.jpg"
    take(record(DescriptiveDetail=descriptive("Ice")))
    assert books()[ISBNS[0]].cover == f"{ISBNS[0]}.jpg"


# --- interrupted


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(importer_module, "BATCHES", {"sqlite": 1, "postgresql": 1})


def interrupted(monkeypatch, after):
    """The process dies in the batch after so many."""
    real, calls = importer_module.put, []

    def dies(*told):
        real(*told)
        calls.append(told)
        if len(calls) > after:
            raise KeyboardInterrupt

    monkeypatch.setattr(importer_module, "put", dies)


@pytest.mark.usefixtures("small")
def test_an_import_that_was_interrupted_goes_on(take, listed, monkeypatch):
    feed = [record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)]
    with monkeypatch.context() as patch:
        interrupted(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            take(*feed, file=FILE)
    assert len(listed()) == 2
    report = take(*feed, file=FILE)
    assert (report.skipped, counts(report)) == (2, {"new": 2})
    assert set(listed()) == set(ISBNS)
    again = take(*feed, file=FILE)
    assert (again.skipped, counts(again)) == (0, {"unchanged": 4})


@pytest.mark.usefixtures("small")
def test_another_file_begins_at_its_beginning(take, monkeypatch):
    feed = [record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)]
    with monkeypatch.context() as patch:
        interrupted(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            take(*feed, file=FILE)
    assert take(*feed, file=File("another", "moss.xml")).skipped == 0


# --- beside others


def test_a_busy_database_is_asked_again(take, listed, monkeypatch):
    slept = []
    monkeypatch.setattr(importer_module.time, "sleep", slept.append)
    real, calls = importer_module.put, []

    def busy(*told):
        calls.append(told)
        if len(calls) < 3:
            raise OperationalError("UPDATE", {}, Exception("locked"))
        real(*told)

    monkeypatch.setattr(importer_module, "put", busy)
    assert counts(take(record())) == {"new": 1}
    assert slept == list(importer_module.PAUSES[:2])


def test_a_database_that_stays_busy_ends_the_import(take, monkeypatch):
    monkeypatch.setattr(importer_module.time, "sleep", lambda _seconds: None)

    def busy(*_told):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    monkeypatch.setattr(importer_module, "put", busy)
    with pytest.raises(OperationalError):
        take(record())


def test_customers_buy_meanwhile_and_lose_no_copy(take, sessions, books, engine):
    take(*(record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)))
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=10**6))
    done, bought = threading.Event(), []

    def buy():
        while not done.is_set():
            for book in list(books().values()):
                with sessions.begin() as session:
                    wanted = order(book)
                    session.add(wanted)
                    reserve(session, wanted, NOW)
                bought.append(book.sku)

    customer = threading.Thread(target=buy)
    customer.start()
    try:
        for number in range(8):
            title = descriptive(f"Title {number}")
            feed = [
                record(f"moss.{n}", isbn=isbn, DescriptiveDetail=title)
                for n, isbn in enumerate(ISBNS)
            ]
            assert counts(take(*feed)) == {"changed": 4}
    finally:
        done.set()
        customer.join(30)
    assert sum(book.held for book in books().values()) == len(bought) > 0
    assert {book.title for book in books().values()} == {"Title 7"}


def test_two_imports_of_the_same_books_agree(engine, listed):
    feed = message(*(record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)))
    reports, start = [], threading.Barrier(2)

    def run():
        start.wait(10)
        importer = Importer(engine, TERMS, lambda _each: None, print)
        reports.append(importer.run(onix.read(io.BytesIO(feed))))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [report.refused for report in reports] == [0, 0]
    assert set(listed()) == set(ISBNS)
