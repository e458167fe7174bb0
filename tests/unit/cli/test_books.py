"""`bookshop books show`."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.unit.catalogue.importing.onix_files import ISBN, message, price, record, supply


@pytest.fixture(autouse=True)
def imported(run, folder):
    """A book of two markets, with an own price and a block."""
    assert run("migrate").exit_code == 0
    markets = [
        {"Market": {"Territory": {"CountriesIncluded": country}}}
        | supply(price(amount), Supplier={"SupplierName": f"Depot {country}"})
        for country, amount in (("US", "16.00"), ("GB", "12.00"))
    ]
    feed, sheet = folder / "feed.xml", folder / "ours.csv"
    feed.write_bytes(message(record(ProductSupply=markets)))
    sheet.write_text(f"isbn,price,blocked,stock\n{ISBN},9.50,yes,3\n")
    assert run("import", str(feed), str(sheet)).exit_code == 0


def test_a_books_record_decisions_and_history_are_shown(run):
    book = json.loads(run("books", "show", ISBN, "--json").stdout)
    assert (book["state"], book["price"], book["stock"]) == ("not_for_sale", None, 3)
    assert book["restrictions"] == ["blocked"]
    offers = [(each["supplier"], each["countries"]) for each in book["trade"]["offers"]]
    assert offers == [("Depot US", ["US"]), ("Depot GB", ["GB"])]
    own = {
        "prices": [{"currency": "GBP", "amount": 950}],
        "description": None,
        "blocked": True,
    }
    assert book["decisions"] == own
    [change] = book["history"]
    assert (change["cause"], change["decisions"]) == ("ours.csv", own)


def test_a_book_is_described_in_lines(run):
    shown = run("books", "show", ISBN).stdout
    for part in ("not_for_sale", "blocked", "Depot GB in GB", "£12.00", "£9.50", "ours.csv"):
        assert part in shown


def test_times_are_those_of_the_shop(run):
    [change] = json.loads(run("books", "show", ISBN, "--json").stdout)["history"]
    local = datetime.fromisoformat(change["at"]).astimezone(ZoneInfo("Asia/Tokyo"))
    assert run("migrate", bookshop__timezone="Asia/Tokyo").exit_code == 0  # rebuilds listings
    shown = run("books", "show", ISBN, bookshop__timezone="Asia/Tokyo").stdout
    assert f"{local:%Y-%m-%d %H:%M} JST ours.csv" in shown


def test_the_name_of_a_feed_cannot_control_the_terminal(run, folder):
    sheet = folder / "\x1b]0;evil\a.csv"
    sheet.write_text(f"isbn,price\n{ISBN},8.50\n")
    assert run("import", str(sheet)).exit_code == 0
    shown = run("books", "show", ISBN).stdout
    assert "\x1b" not in shown
    assert "\\x1b]0;evil" in shown


def test_an_unknown_book_is_an_error(run):
    result = run("books", "show", "9780306406157")
    assert result.exit_code == 1
    assert "9780306406157" in result.output
