"""The shop's own price, stock, text and block, and feeds that come later."""

import io
from pathlib import Path

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing.csv.export import export_catalogue
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.records import FileReport, ReadOptions
from bookshop.catalogue.importing.runs import SourceFile
from bookshop.catalogue.importing.service import read_feed
from bookshop.catalogue.listings import rebuild_listings
from bookshop.catalogue.models import BookRecord, CatalogueState
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.terms.availability import AvailabilityCode, SaleState
from bookshop.catalogue.terms.decisions import UNDECIDED, ShopDecisions
from bookshop.catalogue.terms.models import DecisionsRecord, EarlierDecisions
from bookshop.money import Money
from tests.unit.catalogue.importing.onix_files import (
    ISBN,
    descriptive,
    message,
    price,
    record,
    supply,
)
from tests.unit.makers import NOW, TERMS

FILES = Path(__file__).parent / "files"
SKU = "9780000006035"
NO_RETAIL_PRICE = supply(price(kind="05"))
OWN = f"isbn,price,description,stock\n{ISBN},9.50,Our own text.,3\n"


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def take(engine):
    """Import a feed: bytes of ONIX, or the text of a sheet."""

    def take(feed, name="feed"):
        content = feed.encode() if isinstance(feed, str) else feed
        refused = []
        importer = Importer(engine, TERMS, None, lambda *each: refused.append(each[1].code))
        options = ReadOptions("GBP", "en_GB")
        summary = importer.run(
            read_feed(io.BytesIO(content), None, options, FileReport("feed")),
            SourceFile(name + content.hex(), name),
        )
        assert len(refused) == summary.refused
        return refused or [
            count
            for count in ("new", "changed", "unchanged", "deleted")
            for _each in range(getattr(summary, count))
        ]

    return take


@pytest.fixture
def found(engine):
    def found(sku=ISBN):
        return CatalogueQueries(engine, TERMS).detail(sku)

    return found


def terms(detail):
    return detail.offer.state, detail.listing.price, detail.offer.price


def test_the_shops_own_price_stock_and_sale_survive_a_later_feed(take, found, sessions):
    take(FILES.joinpath("own-price-1.xml").read_bytes())
    assert not found(SKU).listing.availability.can_buy
    take(FILES.joinpath("own-price-2.csv").read_text())
    assert take(FILES.joinpath("own-price-3.xml").read_bytes()) == ["changed"]
    detail = found(SKU)
    assert terms(detail) == (SaleState.BUY, Money(950, "GBP"), Money(950, "GBP"))
    assert detail.listing.availability.code is AvailabilityCode.LOW_STOCK
    assert detail.edition.description == "<p>A text that the publisher has changed.</p>"
    with sessions() as session:
        book = session.scalars(select(BookRecord)).one()
        assert (book.stock, book.edition.prices) == (3, ())


def test_an_own_price_replaces_those_of_every_supplier(take, found):
    details = [{"ProductAvailability": code, "Price": price("7.00")} for code in ("40", "21")]
    take(message(record(ProductSupply={"SupplyDetail": details})))
    take(OWN)
    assert terms(found()) == (SaleState.BUY, Money(950, "GBP"), Money(950, "GBP"))


def test_an_own_price_applies_though_that_of_the_feed_cannot_be_paid(take, found):
    take(message(record()))
    take(OWN)
    assert take(message(record(ProductSupply=supply(price("0.01"))))) == ["changed"]
    assert found().offer.price == Money(950, "GBP")
    assert take(f"isbn,price\n{ISBN},0.01\n") == ["unpayable_price"]


def test_an_own_text_survives_a_later_feed(take, found):
    take(message(record()))
    take(OWN)
    text = {"TextContent": {"TextType": "03", "ContentAudience": "00", "Text": "Theirs."}}
    take(message(record(CollateralDetail=text)))
    assert found().edition.description == "<p>Our own text.</p>"
    take(f"isbn,description\n{ISBN},reset\n")
    assert found().edition.description == "<p>Theirs.</p>"


def test_a_blocked_book_is_not_for_sale_whatever_a_feed_says(take, found):
    take(message(record()))
    take(f"isbn,blocked\n{ISBN},yes\n")
    take(message(record(DescriptiveDetail=descriptive("Moss Again"))))
    assert (found().listing.title, found().offer.state) == ("Moss Again", SaleState.NOT_FOR_SALE)
    take(f"isbn,blocked\n{ISBN},no\n")
    assert found().offer.state is SaleState.BUY


def test_an_own_price_gives_no_right_to_sell(take, found):
    right = {"SalesRightsType": "03", "Territory": {"CountriesIncluded": "GB"}}
    take(message(record(PublishingDetail={"SalesRights": right})))
    take(OWN)
    assert found().offer.state is SaleState.NOT_FOR_SALE


def test_reset_leaves_price_and_stock_to_the_trade_again(take, found, sessions):
    take(message(record()))
    take(OWN)
    take(f"isbn,price,stock\n{ISBN},reset,reset\n")
    assert found().offer.price == Money(1299, "GBP")
    with sessions() as session:
        assert session.scalars(select(BookRecord.stock)).one() is None


def test_an_empty_cell_keeps_the_decision(take, found):
    take(message(record()))
    take(OWN)
    assert take(f"isbn,price,description,blocked,stock\n{ISBN},,,,5\n") == ["changed"]
    detail = found()
    assert (detail.offer.price, detail.edition.description) == (
        Money(950, "GBP"),
        "<p>Our own text.</p>",
    )


def test_prices_of_other_currencies_are_kept(take, sessions):
    take(message(record()))
    take(f"isbn,price (gbp),price (eur)\n{ISBN},9.50,11.00\n")
    take(f"isbn,price (gbp)\n{ISBN},8.00\n")
    with sessions() as session:
        own = session.scalars(select(DecisionsRecord.decisions)).one()
    assert own.prices == (Price("EUR", 1100), Price("GBP", 800))


def test_the_same_decisions_again_change_nothing(take, engine, sessions):
    take(message(record()))
    take(OWN)
    take(f"isbn,stock\n{ISBN},3\n")
    with engine.connect() as connection:
        version = connection.scalar(select(CatalogueState.version))
    assert take(OWN, name="again") == ["unchanged"]
    with engine.connect() as connection:
        assert connection.scalar(select(CatalogueState.version)) == version
    with sessions() as session:
        assert session.scalars(select(EarlierDecisions)).all() == []


def test_the_history_says_which_file_changed_what(take, sessions):
    take(message(record()), name="feed.xml")
    take(OWN, name="ours.csv")
    take(f"isbn,price,description\n{ISBN},reset,reset\n", name="undo.csv")
    with sessions() as session:
        [earlier] = session.scalars(select(EarlierDecisions))
        [present] = session.scalars(select(DecisionsRecord))
        own = ShopDecisions((Price("GBP", 950),), "<p>Our own text.</p>")
        assert (earlier.cause, earlier.decisions) == ("ours.csv", own)
        assert (present.cause, present.decisions) == ("undo.csv", UNDECIDED)


def test_decisions_remain_when_a_feed_withdraws_the_book_and_brings_it_back(take, found):
    take(message(record()))
    take(OWN)
    take(message(record(notification="05")))
    assert found() is None
    take(message(record()))
    assert found().offer.price == Money(950, "GBP")


def test_decisions_remain_when_listings_are_rebuilt(take, found, engine):
    take(message(record()))
    take(OWN)
    before = found().listing
    euros = type(TERMS)("EUR", "DE")
    rebuild_listings(engine, euros, NOW)
    rebuild_listings(engine, TERMS, NOW)
    assert found().listing == before


def test_an_export_restores_records_and_decisions(take, engine, sessions):
    take(message(record(ProductSupply=supply(price("7.00"), price("8.00", "EUR")))))
    take(OWN)
    take(f"isbn,blocked,price (jpy)\n{ISBN},yes,1500\n")
    exported = io.StringIO(newline="")
    export_catalogue(engine, exported, "GBP")

    def state():
        with sessions() as session:
            book = session.scalars(select(BookRecord)).one()
            return book.edition, book.stock, session.get(DecisionsRecord, book.id).decisions

    before = state()
    take(message(record()))
    take(f"isbn,price,description,blocked,stock,price (jpy)\n{ISBN},1.00,No.,no,9,9\n")
    take(exported.getvalue())
    assert state() == before


def test_a_dry_run_decides_nothing(engine, sessions, take):
    take(message(record()))
    importer = Importer(engine, TERMS, None, print, dry_run=True)
    options = ReadOptions("GBP", "en_GB")
    summary = importer.run(read_feed(io.BytesIO(OWN.encode()), None, options, FileReport("feed")))
    assert summary.changed == 1
    with sessions() as session:
        assert session.scalars(select(DecisionsRecord)).all() == []


def test_new_books_have_the_decisions_of_their_row(take, found):
    take(f"isbn,title,price,description\n{ISBN},Moss,9.50,Ours.\n")
    take(message(record(ProductSupply=NO_RETAIL_PRICE)))
    assert terms(found()) == (SaleState.BUY, Money(950, "GBP"), Money(950, "GBP"))
    assert found().edition.description == "<p>Ours.</p>"
