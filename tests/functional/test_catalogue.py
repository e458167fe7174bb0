"""The pages that show books."""

import pytest
from stdnum import isbn

from bookshop import clock
from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.version import touch
from bookshop.catalogue.writer import withdraw

MOSS = "9786941041210"
TO_COME = "9786941063403"


def test_the_index_lists_exactly_the_books_that_can_be_bought(shop):
    page = shop.visitor().get("/")

    offered = {link["href"] for link in page.html.select("a[href*='/checkout?item=']")}

    with shop.registry.services.engine.connect():
        expected = {f"/checkout?item={book.sku}" for book in shop.registry.services.catalogue.purchasable()}
    assert offered == expected
    assert len(offered) >= 24
    assert "The Understudy" not in page  # sold out


def test_a_book_to_come_can_be_ordered_and_says_when_it_is_out(shop):
    visitor = shop.visitor()

    for path in ("/", "/books/?availability=preorder", f"/books/{TO_COME}"):
        page = visitor.get(path)
        link = page.html.select_one(f"main a[href='/checkout?item={TO_COME}']")
        assert link.get_text().startswith("Pre-order")
        assert "Out on 14 March 2030" in page


def test_a_withdrawn_book_is_gone_and_another_edition_is_a_search_away(shop):
    book = shop.book(MOSS)
    with shop.registry.services.sessions.begin() as session:
        withdraw(session.connection(), [book.id], clock.now())
        touch(session)

    page = shop.visitor().get(f"/books/{isbn.format(MOSS)}", status=410)

    assert page.html.select_one("form[role=search] input[name=q]")["value"] == "Moss"
    assert page.html.h1
    shop.visitor().get("/books/9780000000002", status=404)


def test_a_book_stands_under_its_subject(shop):
    page = shop.visitor().get(f"/books/{MOSS}")

    way = page.html.select("nav.way li")
    assert [step.get_text() for step in way[:2]] == ["Home", "All books"]
    assert way[-1].get_text() == "Moss"
    assert "Moss" in shop.visitor().get(way[2].a["href"])


def test_a_book_without_a_picture_is_drawn_with_its_title(shop):
    with shop.registry.services.sessions.begin() as session:
        session.query(ListingRecord).filter_by(sku=MOSS).update({"cover": None})
        touch(session)

    board = shop.visitor().get(f"/books/{MOSS}").html.select_one(".book-cover .board")

    assert board["aria-hidden"] == "true"
    assert "Moss" in board.get_text()


def test_a_book_leaves_the_index_with_its_last_copy(shop):
    assert f"/checkout?item={MOSS}" in shop.visitor().get("/")

    shop.change_book(MOSS, stock=0)

    assert f"/checkout?item={MOSS}" not in shop.visitor().get("/")


@pytest.mark.parametrize(
    ("currency", "locale", "price"),
    [
        ("GBP", "en_GB", "£22.00"),
        ("JPY", "ja_JP", "￥3,800"),
        ("KWD", "en_GB", "KWD8.900"),
        ("EUR", "de_DE", "25,50\xa0€"),
    ],
)
def test_prices_are_in_the_shops_currency_and_locale(make_shop, currency, locale, price):
    shop = make_shop(bookshop__currency=currency, bookshop__locale=locale)

    assert price in shop.visitor().get(f"/books/{MOSS}").text.replace("KWD\xa0", "KWD")


def test_a_book_has_one_address(shop):
    visitor = shop.visitor()

    for form in (isbn.format(MOSS), f"{MOSS[:3]}-{MOSS[3:]}"):
        moved = visitor.get(f"/books/{form}", status=301)
        assert moved.location.endswith(f"/books/{MOSS}")
    assert "Moss" in visitor.get(f"/books/{MOSS}").html.h1.text


def test_an_isbn_10_leads_to_its_book(shop):
    shop.change_book(MOSS, sku="9780471117094", isbn="9780471117094")

    shop.visitor().get("/books/0-471-11709-4", status=404)  # its check digit is wrong
    moved = shop.visitor().get("/books/0-471-11709-9", status=301)
    assert moved.location.endswith("/books/9780471117094")


def test_the_list_shows_every_book_once(shop):
    visitor = shop.visitor()
    seen, url = [], "/books/"
    while url:
        page = visitor.get(url)
        seen += [link["href"] for link in page.html.select("main h2 a, main h3 a")]
        following = page.html.select_one("a[rel=next]")
        url = following and following["href"]

    assert len(seen) == len(set(seen)) == 33


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/books/nowhere",
        "/books/9786941041210/junk",
        "/checkout/junk?item=9786941041210",
        "/success/junk",
        "/books/?page=99",
        "/books/?page=0",
        "/books/?page=-1",
        "/books/?page=" + "9" * 2000,
        "/books/?sort=author",
        "/books/?format=scroll",
        "/books/?price=1-2",
        "/books/?subject=f%27",
        "/books/%00",
        "/webhooks",
        "/webhooks/other",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(shop, path):
    page = shop.visitor().get(path, status=404)

    assert page.html.h1
    assert "Traceback" not in page


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/success"])
def test_pages_to_read_answer_no_post(shop, path):
    assert shop.visitor().post(path, status="*").status_int in {400, 404, 405}


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/nowhere"])
def test_catalogue_pages_start_no_session(shop, path):
    assert "Set-Cookie" not in shop.visitor().get(path, status="*").headers


def test_a_bug_in_a_lookup_is_a_500_and_not_a_404(shop, monkeypatch, caplog):
    def broken(_sku):
        return {}["missing"]

    monkeypatch.setattr(shop.registry.services.catalogue, "detail", broken)

    page = shop.visitor().get(f"/books/{MOSS}", status=500)

    shown = page.html.get_text()
    number = next(record for record in caplog.records if "failed" in record.message).args[0]
    assert number in shown
    assert "KeyError" not in shown


def test_an_unreadable_address_is_refused(shop):
    assert shop.visitor().get("/books/%ff%fe", status="*").status_int in {400, 404}


def test_maintenance_shows_its_page_for_everything_and_ends(shop):
    flag = shop.var / "maintenance"
    flag.touch()

    page = shop.visitor().get("/", status=503)
    assert page.headers["Retry-After"] == "300"
    assert "Content-Security-Policy" in page.headers
    assert shop.visitor().post("/webhooks/stripe", b"{}", status=503)
    assert shop.visitor().get("/static/base.css", status=200)

    flag.unlink()
    shop.visitor().get("/", status=200)


def test_every_page_has_a_closed_policy(shop):
    for path in ("/", "/books/", f"/books/{MOSS}", "/nowhere", "/success"):
        headers = shop.visitor().get(path, status="*").headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "stripe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_covers_are_served(shop):
    card = shop.visitor().get("/").html.select_one("main img")

    cover = shop.visitor().get(card["src"])

    assert cover.content_type == "image/svg+xml"


def test_the_demo_catalogue_loads_once(shop, make_shop):
    make_shop()  # the same database again

    with shop.registry.services.engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM books").scalar()
    assert count == 33


def test_texts_are_in_the_shops_language_whatever_the_address_says(make_shop):
    shop = make_shop(bookshop__locale="de_DE")
    request = shop.wsgi.request_factory.blank("/?_LOCALE_=fr")
    request.registry = shop.registry

    assert request.localizer.locale_name == "de_DE"
    assert shop.visitor().get("/").html.html["lang"] == "de-DE"
