"""The pages that show books."""

from datetime import date

import pytest
from stdnum import isbn

from bookshop import clock
from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import withdraw_books
from tests.demo_books import COUNT, FOUR_FORMATS, MOSS, PREORDER, WORKS


def buy_links(page):
    """The SKUs that a page links to the checkout."""
    return {link["href"] for link in page.html.select("a[href*='/checkout?item=']")}


def availability(page):
    """The availability that a book's own page shows."""
    return page.html.select_one(".offer [data-availability]")


def test_index_links_exactly_the_purchasable_books_to_the_checkout(shop):
    page = shop.visitor().get("/")

    expected = {
        f"/checkout?item={book.sku}"
        for work in shop.registry.services.catalogue.purchasable()
        for book in work.formats
    }
    assert buy_links(page) == expected
    assert len(expected) >= 24


@pytest.mark.parametrize("path", ["/", "/books/", "/books/?q=lies"])
def test_a_work_has_one_card_with_its_formats_and_its_lowest_price(shop, path):
    page = shop.visitor().get(path)

    (card,) = (
        card for card in page.html.select("main li[data-sku]") if card["data-sku"] in FOUR_FORMATS
    )
    assert card.select_one(".purchase > .price")["data-amount"] == "599"
    assert tuple(link["data-format"] for link in card.select("[data-format]")) == FOUR_FORMATS
    assert [link["href"] for link in card.select("[data-format]")] == [
        f"/checkout?item={sku}" for sku in FOUR_FORMATS
    ]


def test_filtered_lists_offer_the_matching_formats_only(shop):
    page = shop.visitor().get("/books/?format=hardback&q=lies")

    (card,) = page.html.select("main li[data-sku]")
    assert card["data-sku"] == FOUR_FORMATS[0]
    assert card.select_one(".purchase > .price")["data-amount"] == "2200"
    assert buy_links(page) == {f"/checkout?item={FOUR_FORMATS[0]}"}


def test_sold_out_format_is_not_offered_on_the_card_of_its_work(shop):
    shop.change_book(FOUR_FORMATS[1], stock=0)

    page = shop.visitor().get("/")

    assert f"/checkout?item={FOUR_FORMATS[1]}" not in buy_links(page)
    assert f"/checkout?item={FOUR_FORMATS[0]}" in buy_links(page)


def test_book_page_switches_between_formats_with_prices(shop):
    page = shop.visitor().get(f"/books/{FOUR_FORMATS[2]}")

    formats = page.html.select(".formats a")
    assert [link["href"] for link in formats] == [f"/books/{sku}" for sku in FOUR_FORMATS]
    assert ["aria-current" in link.attrs for link in formats] == [False, False, True, False]
    assert [link.select_one(".price").text for link in formats] == [
        "£22.00",
        "£12.99",
        "£5.99",
        "£13.99",
    ]


def test_filters_stay_open_once_one_is_chosen(shop):
    visitor = shop.visitor()

    assert "open" not in visitor.get("/books/").html.select_one(".facets").attrs
    assert "open" in visitor.get("/books/?format=ebook").html.select_one(".facets").attrs


def test_preorder_shows_its_release_date_everywhere(shop):
    visitor = shop.visitor()

    for path in ("/", "/books/?availability=preorder", f"/books/{PREORDER}"):
        page = visitor.get(path)
        assert f"/checkout?item={PREORDER}" in buy_links(page)
        shown = page.html.select_one(f"[data-sku='{PREORDER}'] [data-availability]")
        assert shown["data-availability"] == "preorder"
        assert shown["data-release-date"] == "2030-03-14"


def test_withdrawn_book_is_410_with_a_search_for_its_title(shop):
    book = shop.book(MOSS)
    with shop.registry.services.sessions.begin() as session:
        withdraw_books(session.connection(), [book.id], clock.now())
        bump_version(session)

    page = shop.visitor().get(f"/books/{isbn.format(MOSS)}", status=410)

    assert page.html.select_one("[data-state=withdrawn] h1")
    assert page.html.select_one("form[role=search] input[name=q]")["value"] == "Moss"
    shop.visitor().get("/books/9780000000002", status=404)


def test_breadcrumb_leads_by_the_main_subject_to_the_book(shop):
    page = shop.visitor().get(f"/books/{MOSS}")

    steps = page.html.select("nav.breadcrumb li")
    assert [step.a["href"] for step in steps[:2]] == ["/", "/books/"]
    assert steps[-1].get_text() == "Moss"
    assert "Moss" in shop.visitor().get(steps[2].a["href"])


def test_book_without_cover_has_a_placeholder_with_its_title(shop):
    with shop.registry.services.sessions.begin() as session:
        session.query(ListingRecord).filter_by(sku=MOSS).update({"cover": None})
        bump_version(session)

    placeholder = shop.visitor().get(f"/books/{MOSS}").html.select_one(".book-cover .board")

    assert placeholder["aria-hidden"] == "true"
    assert "Moss" in placeholder.get_text()


@pytest.mark.parametrize(
    ("stock", "code"), [(100, "in_stock"), (1, "low_stock"), (0, "out_of_stock")]
)
def test_book_page_shows_its_availability(shop, stock, code):
    shop.change_book(MOSS, stock=stock)

    page = shop.visitor().get(f"/books/{MOSS}")

    assert availability(page)["data-availability"] == code
    assert (f"/checkout?item={MOSS}" in buy_links(page)) == (stock > 0)


def test_book_that_is_out_of_stock_shows_when_copies_are_expected(shop):
    shop.change_book(MOSS, availability="31", expected=date(2099, 3, 5))

    shown = availability(shop.visitor().get(f"/books/{MOSS}"))

    assert shown["data-availability"] == "out_of_stock"
    assert shown["data-expected"] == "2099-03-05"


def test_book_without_stock_is_not_on_the_index(shop):
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
def test_prices_are_formatted_for_currency_and_locale(make_shop, currency, locale, price):
    shop = make_shop(bookshop__currency=currency, bookshop__locale=locale)

    assert price in shop.visitor().get(f"/books/{MOSS}").text.replace("KWD\xa0", "KWD")


def test_other_forms_of_an_isbn_redirect_to_the_canonical_url(shop):
    visitor = shop.visitor()

    for form in (isbn.format(MOSS), f"{MOSS[:3]}-{MOSS[3:]}", f"ISBN%20{MOSS}", f"{MOSS}%20(pbk.)"):
        moved = visitor.get(f"/books/{form}", status=301)
        assert moved.location.endswith(f"/books/{MOSS}")
    assert "Moss" in visitor.get(f"/books/{MOSS}").html.h1.text


def test_isbn_10_redirects_to_the_canonical_url(shop):
    shop.change_book(MOSS, sku="9780471117094", isbn="9780471117094")

    shop.visitor().get("/books/0-471-11709-4", status=404)  # its check digit is wrong
    moved = shop.visitor().get("/books/0-471-11709-9", status=301)
    assert moved.location.endswith("/books/9780471117094")


def test_list_pages_contain_every_work_once(shop):
    visitor = shop.visitor()
    seen, url = [], "/books/"
    while url:
        page = visitor.get(url)
        seen += [link["href"] for link in page.html.select("main h2 a, main h3 a")]
        following = page.html.select_one("a[rel=next]")
        url = following and following["href"]

    assert len(seen) == len(set(seen)) == WORKS


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/books/nowhere",
        f"/books/{MOSS}/junk",
        f"/checkout/junk?item={MOSS}",
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
def test_unknown_urls_are_404_pages(shop, path):
    page = shop.visitor().get(path, status=404)

    assert page.html.h1
    assert "Traceback" not in page


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/success"])
def test_read_only_pages_refuse_post(shop, path):
    assert shop.visitor().post(path, status="*").status_int in {400, 404, 405}


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/nowhere"])
def test_catalogue_pages_set_no_cookie(shop, path):
    assert "Set-Cookie" not in shop.visitor().get(path, status="*").headers


def test_exception_during_traversal_is_500(shop, monkeypatch, caplog):
    def broken(_sku):
        return {}["missing"]

    monkeypatch.setattr(shop.registry.services.catalogue, "detail", broken)

    page = shop.visitor().get(f"/books/{MOSS}", status=500)

    (record,) = (each for each in caplog.records if each.message == "request_failed")
    assert record.request_id in page.html.get_text()
    assert "KeyError" not in page.text


def test_undecodable_path_is_refused(shop):
    assert shop.visitor().get("/books/%ff%fe", status="*").status_int in {400, 404}


def test_maintenance_mode_applies_to_all_pages_until_it_ends(shop):
    flag = shop.var / "maintenance"
    flag.touch()

    page = shop.visitor().get("/", status=503)
    assert page.headers["Retry-After"] == "300"
    assert "Content-Security-Policy" in page.headers
    assert shop.visitor().post("/webhooks/stripe", b"{}", status=503)
    assert shop.visitor().get("/static/base.css", status=200)

    flag.unlink()
    shop.visitor().get("/", status=200)


def test_every_page_has_a_strict_content_security_policy(shop):
    for path in ("/", "/books/", f"/books/{MOSS}", "/nowhere", "/success"):
        headers = shop.visitor().get(path, status="*").headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "stripe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_demo_covers_are_served(shop):
    card = shop.visitor().get("/").html.select_one("main img")

    cover = shop.visitor().get(card["src"])

    assert cover.content_type == "image/svg+xml"


def test_demo_catalogue_is_loaded_once(shop, make_shop):
    make_shop()  # the same database again

    with shop.registry.services.engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM books").scalar()
    assert count == COUNT


def test_locale_is_the_shops_and_not_the_urls(make_shop):
    shop = make_shop(bookshop__locale="de_DE")
    request = shop.wsgi.request_factory.blank("/?_LOCALE_=fr")
    request.registry = shop.registry

    assert request.localizer.locale_name == "de_DE"
    assert shop.visitor().get("/").html.html["lang"] == "de-DE"
