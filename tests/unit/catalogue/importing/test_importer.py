"""Imports on SQLite and PostgreSQL."""

import io
import threading

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from bookshop import clock
from bookshop.catalogue.importing import importer as importer_module
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.models import ImportRun
from bookshop.catalogue.importing.records import FileReport, ReadOptions
from bookshop.catalogue.importing.runs import SourceFile
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord
from bookshop.inventory.reservations import reserve
from tests.unit.catalogue.importing.onix_files import (
    ISBNS,
    descriptive,
    message,
    price,
    record,
    supply,
    titled,
)
from tests.unit.makers import NOW, TERMS, order

FILE = SourceFile("digest", "moss.xml")


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def refused():
    return []


@pytest.fixture
def take(engine, refused):
    """Import ONIX records, or a CSV file."""

    def take(*records, sheet=None, file=None, covers=None, dry_run=False):
        records = (
            onix.read(io.BytesIO(message(*records)))
            if sheet is None
            else reader.read(
                io.BytesIO(sheet.encode()), ReadOptions("GBP", "en_GB"), FileReport("sheet.csv")
            )
        )
        importer = Importer(
            engine, TERMS, covers, lambda *refusal: refused.append(refusal), dry_run=dry_run
        )
        return importer.run(records, file)

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
            query = select(ListingRecord.sku, ListingRecord.title, ListingRecord.amount)
            return {sku: (title, amount) for sku, title, amount in connection.execute(query)}

    return listed


@pytest.fixture
def version(engine):
    def version():
        with engine.connect() as connection:
            return connection.scalar(select(CatalogueState.version))

    return version


def counts(summary):
    return {
        name: getattr(summary, name)
        for name in ("new", "changed", "unchanged", "deleted", "refused")
        if getattr(summary, name)
    }


def test_new_books_are_listed_with_unlimited_stock(take, books, listed):
    assert counts(take(record())) == {"new": 1}
    (book,) = books().values()
    assert (book.reference, book.stock, book.reserved) == ("moss.1", None, 0)
    assert listed() == {ISBNS[0]: ("Moss", 1299)}


def test_listings_have_the_terms_of_the_shops_market(take, engine):
    markets = [
        {"Market": {"Territory": {"CountriesIncluded": country}}} | supply(price(amount))
        for country, amount in (("US", "16.00"), ("GB", "12.00"))
    ]
    rights = {"SalesRightsType": "03", "Territory": {"CountriesIncluded": "GB"}}
    take(
        record(ProductSupply=markets),
        record("moss.2", isbn=ISBNS[1], ProductSupply=markets[0]),
        record("moss.3", isbn=ISBNS[2], PublishingDetail={"SalesRights": rights}),
    )
    with engine.connect() as connection:
        query = select(ListingRecord.state, ListingRecord.amount).order_by(ListingRecord.book_id)
        assert connection.execute(query).all() == [
            ("buy", 1200),
            ("not_for_sale", None),
            ("not_for_sale", None),
        ]


def test_an_unchanged_record_is_not_mapped(take, version, monkeypatch):
    take(record(), record("moss.2", isbn=ISBNS[1]))
    before = version()
    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.map_product", None)
    assert counts(take(record(), record("moss.2", isbn=ISBNS[1]))) == {"unchanged": 2}
    assert version() == before


def test_a_changed_record_keeps_stock_and_reservations(take, books, listed, sessions, version):
    take(record())
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=5, reserved=2))
    before = version()
    assert counts(take(record(ProductSupply=supply(price("9.99"))))) == {"changed": 1}
    assert listed() == {ISBNS[0]: ("Moss", 999)}
    assert [(book.stock, book.reserved) for book in books().values()] == [(5, 2)]
    assert version() > before


def test_a_changed_record_of_the_same_edition_is_unchanged(take, books):
    take(record())
    was = books()[ISBNS[0]]
    assert counts(take({**record(), "RecordSourceName": "Another"})) == {"unchanged": 1}
    assert books()[ISBNS[0]].changed_at == was.changed_at
    assert books()[ISBNS[0]].source != was.source


def test_a_new_reference_finds_the_book_by_its_isbn(take, books):
    take(record("moss.1"))
    assert counts(take(record("other.9", DescriptiveDetail=descriptive("Ice")))) == {"changed": 1}
    (book,) = books().values()
    assert (book.reference, book.title) == ("other.9", "Ice")


@pytest.mark.parametrize("sku", ["A/1", "@@edit", ".", "..", "new.atom"])
def test_a_sku_that_cannot_be_part_of_an_address_is_refused(take, books, refused, sku):
    assert counts(take(sheet=f"sku,title\n{sku},Moss\nA.1@@,Fern\n")) == {"new": 1, "refused": 1}
    assert list(books()) == ["A.1@@"]
    assert refused[0][1].code == "invalid_sku"


def test_a_reference_cannot_move_to_another_book(take, books, refused):
    take(record("moss.1"))
    assert counts(take(record("moss.1", isbn=ISBNS[1]))) == {"refused": 1}
    assert set(books()) == {ISBNS[0]}
    [(parsed, error)] = refused
    assert (parsed.reference, error.isbn, error.code) == ("moss.1", ISBNS[1], "sku_changed")


def test_a_deleted_book_is_withdrawn_and_may_return(take, books, listed):
    take(record(), record("moss.2", isbn=ISBNS[1]))
    assert counts(take(record(notification="05"))) == {"deleted": 1}
    assert set(listed()) == {ISBNS[1]}
    assert books()[ISBNS[0]].withdrawn
    assert counts(take(record(notification="05"))) == {"unchanged": 1}
    assert counts(take(record())) == {"new": 1}
    assert set(listed()) == set(ISBNS[:2])


def test_deleting_an_unknown_book_changes_nothing(take):
    assert counts(take(record(notification="05"))) == {"unchanged": 1}


def test_an_update_changes_only_its_blocks(take, books):
    take(record())
    blocks = {"DescriptiveDetail": None, "PublishingDetail": None}
    cheaper = record(notification="04", **blocks, ProductSupply=supply(price("5.00")))
    assert counts(take(cheaper)) == {"changed": 1}
    (book,) = books().values()
    assert (book.title, book.edition.prices[0].amount) == ("Moss", 500)


def test_an_update_of_an_unknown_book_must_be_complete(take, refused):
    assert counts(take(record(notification="04", DescriptiveDetail=None))) == {"refused": 1}
    assert refused[0][1].code == "unknown_book"
    assert counts(take(record("moss.2", "04", ISBNS[1]))) == {"new": 1}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_last_record_of_a_book_applies_in_any_batch_size(take, listed, monkeypatch, size):
    monkeypatch.setattr(importer_module, "BATCH_SIZES", {"sqlite": size, "postgresql": size})
    titles = (descriptive(title) for title in ("One", "Two", "Three"))
    summary = take(
        *(record(DescriptiveDetail=title) for title in titles),
        record("moss.2", isbn=ISBNS[1]),
        record("other", DescriptiveDetail=descriptive("Four")),
        record("moss.2", "05", ISBNS[1]),
    )
    assert counts(summary) == {"new": 2, "changed": 3, "deleted": 1}
    assert listed() == {ISBNS[0]: ("Four", 1299)}


def test_titles_are_listed_without_their_prefixes(take, engine):
    titles = (
        titled(TitleText="Zebra Hour"),
        titled(TitleText="Badger Hour"),
        titled(TitlePrefix="The", TitleWithoutPrefix="Aardvark Hour"),
    )
    take(
        *(
            record(f"moss.{n}", isbn=ISBNS[n], DescriptiveDetail=descriptive(TitleDetail=title))
            for n, title in enumerate(titles)
        )
    )
    query = select(ListingRecord.title).order_by(ListingRecord.sort_title)
    with engine.connect() as connection:
        listed = list(connection.scalars(query))
    assert listed == ["The Aardvark Hour", "Badger Hour", "Zebra Hour"]


def test_a_batch_of_large_records_is_smaller(engine, monkeypatch):
    monkeypatch.setattr(importer_module, "MAX_BATCH_BYTES", 10_000)
    sizes = []
    large = {"TextContent": {"TextType": "03", "Text": "x" * 6000}}
    feed = message(
        *(record(f"moss.{n}", isbn=isbn, CollateralDetail=large) for n, isbn in enumerate(ISBNS))
    )
    importer = Importer(engine, TERMS, None, print)
    importer.run(onix.read(io.BytesIO(feed)), None, lambda summary: sizes.append(summary.new))
    assert sizes == [2, 4, 4]


def test_an_invalid_record_does_not_stop_the_others(take, refused, listed):
    summary = take(
        record("a", isbn=ISBNS[0]),
        record("b", isbn="9783161484101"),
        record("c", isbn=ISBNS[1], DescriptiveDetail=None),
        record("d", isbn=ISBNS[2], ProductSupply=supply(price("cheap"))),
        record("e", isbn=ISBNS[3]),
    )
    assert counts(summary) == {"new": 2, "refused": 3}
    assert set(listed()) == {ISBNS[0], ISBNS[3]}
    assert [(error.record, error.isbn) for error in summary.errors] == [
        ("b", "9783161484101"),
        ("c", ISBNS[1]),
        ("d", ISBNS[2]),
    ]
    lines = [error.line for error in summary.errors]
    assert lines == sorted(lines)
    assert [parsed.reference for parsed, _error in refused] == ["b", "c", "d"]


@pytest.mark.parametrize("error", [LookupError, AttributeError, RecursionError, AssertionError])
def test_an_internal_error_refuses_one_record(take, listed, monkeypatch, caplog, error):
    real = onix.records.map_product

    def breaks(product, language):
        if product[0].text == "moss.2":
            raise error("ours")
        return real(product, language)

    monkeypatch.setattr("bookshop.catalogue.importing.onix.records.map_product", breaks)
    summary = take(record(), record("moss.2", isbn=ISBNS[1]), record("moss.3", isbn=ISBNS[2]))
    assert counts(summary) == {"new": 2, "refused": 1}
    assert summary.errors[0].code == "internal_error"
    [logged] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert (logged.msg, logged.record) == ("record_not_mapped", "moss.2")


def test_a_database_error_refuses_one_record(take, listed, monkeypatch):
    real = importer_module.save_books

    def refuses(connection, updates, *more):
        if any(each.edition.reference == "moss.2" for each in updates):
            updates = [*updates, updates[0]]  # the same book twice
        real(connection, updates, *more)

    monkeypatch.setattr(importer_module, "save_books", refuses)
    summary = take(record(), record("moss.2", isbn=ISBNS[1]), record("moss.3", isbn=ISBNS[2]))
    assert counts(summary) == {"new": 2, "refused": 1}
    assert summary.errors[0].code == "database_error"
    assert set(listed()) == {ISBNS[0], ISBNS[2]}


def test_records_before_a_syntax_error_are_imported(engine, listed):
    broken = message(record(), record("moss.2", isbn=ISBNS[1])).partition(b"moss.2")[0]
    summary = Importer(engine, TERMS, lambda _each: None, print).run(onix.read(io.BytesIO(broken)))
    assert counts(summary) == {"new": 1}
    assert summary.stopped
    assert set(listed()) == {ISBNS[0]}


def test_a_dry_run_has_the_same_counts_and_writes_nothing(take, books, version, engine):
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


# --- CSV files


def test_a_stock_file_sets_the_stock(take, books):
    take(record())
    sheet = f"isbn,stock\n{ISBNS[0]},7\n"
    assert counts(take(sheet=sheet)) == {"changed": 1}
    assert books()[ISBNS[0]].stock == 7
    assert counts(take(sheet=sheet)) == {"unchanged": 1}


def test_an_unchanged_stock_file_resets_the_stock_after_sales(take, books, sessions):
    take(record())
    sheet = f"isbn,stock\n{ISBNS[0]},7\n"
    take(sheet=sheet)
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=3))
    assert counts(take(sheet=sheet)) == {"changed": 1}
    assert books()[ISBNS[0]].stock == 7


# --- covers


def test_a_book_keeps_its_cover(take, books, listed):
    take(record(), covers=lambda edition: f"{edition.sku}.jpg")
    assert books()[ISBNS[0]].cover == f"{ISBNS[0]}.jpg"
    take(record(DescriptiveDetail=descriptive("Ice")))
    assert books()[ISBNS[0]].cover == f"{ISBNS[0]}.jpg"


# --- interrupted


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(importer_module, "BATCH_SIZES", {"sqlite": 1, "postgresql": 1})


def interrupted(monkeypatch, after):
    """Raise KeyboardInterrupt in the batch after this many."""
    real, calls = importer_module.save_books, []

    def dies(*arguments):
        real(*arguments)
        calls.append(arguments)
        if len(calls) > after:
            raise KeyboardInterrupt

    monkeypatch.setattr(importer_module, "save_books", dies)


@pytest.mark.usefixtures("small")
def test_an_interrupted_import_resumes(take, listed, monkeypatch):
    feed = [record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)]
    with monkeypatch.context() as patch:
        interrupted(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            take(*feed, file=FILE)
    assert len(listed()) == 2
    summary = take(*feed, file=FILE)
    assert (summary.skipped, counts(summary)) == (2, {"new": 2})
    assert set(listed()) == set(ISBNS)
    again = take(*feed, file=FILE)
    assert (again.skipped, counts(again)) == (0, {"unchanged": 4})


@pytest.mark.usefixtures("small")
def test_another_file_does_not_resume(take, monkeypatch):
    feed = [record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)]
    with monkeypatch.context() as patch:
        interrupted(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            take(*feed, file=FILE)
    assert take(*feed, file=SourceFile("another", "moss.xml")).skipped == 0


# --- concurrency


def test_a_busy_database_is_retried(take, listed, monkeypatch):
    slept = []
    monkeypatch.setattr(importer_module.time, "sleep", slept.append)
    real, calls = importer_module.save_books, []

    def busy(*arguments):
        calls.append(arguments)
        if len(calls) < 3:
            raise OperationalError("UPDATE", {}, Exception("locked"))
        real(*arguments)

    monkeypatch.setattr(importer_module, "save_books", busy)
    assert counts(take(record())) == {"new": 1}
    assert slept == list(importer_module.RETRY_DELAYS[:2])


def test_a_database_that_remains_busy_ends_the_import(take, monkeypatch):
    monkeypatch.setattr(importer_module.time, "sleep", lambda _seconds: None)

    def busy(*_arguments):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    monkeypatch.setattr(importer_module, "save_books", busy)
    with pytest.raises(OperationalError):
        take(record())


def test_reservations_during_an_import_are_kept(take, sessions, books, engine):
    take(*(record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)))
    with sessions.begin() as session:
        session.execute(update(BookRecord).values(stock=10**6))
    done, bought = threading.Event(), []

    def buy():
        while not done.is_set():
            for book in list(books().values()):
                with sessions.begin() as session:
                    new_order = order(book)
                    session.add(new_order)
                    reserve(session, new_order, NOW)
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
        customer.join(60)
    assert sum(book.reserved for book in books().values()) == len(bought) > 0
    assert {book.title for book in books().values()} == {"Title 7"}


def test_concurrent_imports_of_the_same_books_agree(engine, listed):
    feed = message(*(record(f"moss.{n}", isbn=isbn) for n, isbn in enumerate(ISBNS)))
    summarys, start = [], threading.Barrier(2)

    def run():
        start.wait(60)
        importer = Importer(engine, TERMS, lambda _each: None, print)
        summarys.append(importer.run(onix.read(io.BytesIO(feed))))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [summary.refused for summary in summarys] == [0, 0]
    assert set(listed()) == set(ISBNS)
