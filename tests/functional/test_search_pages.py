"""Searching and narrowing, as a visitor without a script does it: by a form and plain links."""

from urllib.parse import parse_qs, urlsplit

import pytest
from stdnum import isbn

MOSS = "9786941041210"


def titles(page):
    return [link.get_text() for link in page.html.select(".ledger h2 a")]


def options(page, name):
    """The labels of a facet's links, with their counts and addresses."""
    links = page.html.select(f"section[aria-labelledby=by-{name}] a")
    return {
        link.find(string=True).strip(): (int(link.select_one(".count").text), link["href"])
        for link in links
    }


def robots(page):
    found = page.html.select_one("meta[name=robots]")
    return found and found["content"]


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/orders/", "/nowhere"])
def test_every_page_can_be_searched_from(shop, path):
    form = shop.visitor().get(path, status="*").forms[0]
    assert (form.action, form.method.upper()) == ("/books/", "GET")
    form["q"] = "strandberg"

    page = form.submit()

    assert set(titles(page)) == {"Moss"}
    assert page.html.select_one("header input[name=q]")["value"] == "strandberg"
    assert "“strandberg”" in page.html.title.text


@pytest.mark.parametrize("typed", [MOSS, isbn.format(MOSS), f" ISBN {isbn.format(MOSS)} "])
def test_an_isbn_leads_to_its_book(shop, typed):
    answer = shop.visitor().get("/books/", {"q": typed}, status=302)
    assert urlsplit(answer.location).path == f"/books/{MOSS}"


@pytest.mark.parametrize("sku", ["AB 12", "Ü-1", "R&D", "a+b", "C#", "100%", "%41", "why?", "x;y"])
def test_a_book_of_any_sku_is_found_shown_and_bought(shop, sku):
    shop.change_book(MOSS, sku=sku, isbn=None)
    visitor = shop.visitor()

    answer = visitor.get("/books/", {"q": sku}, status=302)
    assert visitor.get(urlsplit(answer.location).path).html.h1.text == "Moss"

    entry = visitor.get("/books/?q=strandberg").html.select_one(".ledger li")
    page = visitor.get(entry.h2.a["href"])
    assert page.html.h1.text == "Moss"
    for link in (entry.select_one("a.buy"), page.html.select_one("a.button")):
        assert "Moss" in visitor.get(link["href"])


def test_mended_spelling_says_what_was_searched(shop):
    page = shop.visitor().get("/books/?q=typeseting")

    assert titles(page) == ["Typesetting by Moonlight"]
    told = " ".join(page.html.select_one(".mended").text.split())
    assert told == "Searched for typesetting instead of typeseting."


def test_nothing_found_says_what_to_try(shop):
    page = shop.visitor().get("/books/?q=xyzzyplugh&format=paperback")

    assert not titles(page)
    assert "fewer words" in page.html.select_one(".advice").text
    assert page.click("without narrowing").request.path_qs == "/books/?q=xyzzyplugh"


def test_what_is_typed_is_text(shop):
    page = shop.visitor().get("/books/", {"q": """"><script>alert(1)</script> ' OR 1=1 -- *"""})

    assert "<script>alert" not in page.text
    assert page.html.h1


@pytest.mark.parametrize("name", ["subject", "format", "language", "availability", "price"])
def test_each_option_leaves_as_many_books_as_it_says(shop, name):
    visitor = shop.visitor()
    found = options(visitor.get("/books/"), name)

    assert len(found) > 1
    for label, (count, url) in found.items():
        page = visitor.get(url)
        assert page.html.select_one(".section-head p").text.split()[0] == str(count)
        assert label in page.html.title.text
        assert label in page.html.select_one(".chosen").text


@pytest.mark.parametrize(
    ("currency", "locale", "labels"),
    [
        ("GBP", "en_GB", ["Under £10", "£10 to £20", "£20 to £50", "£50 and more"]),
        (
            "JPY",
            "en_GB",
            ["JP¥1,000 to JP¥2,000", "JP¥2,000 to JP¥5,000", "JP¥5,000 and more"],
        ),
    ],
)
def test_bands_of_prices_are_in_the_shops_currency(make_shop, currency, locale, labels):
    shop = make_shop(bookshop__currency=currency, bookshop__locale=locale)
    assert list(options(shop.visitor().get("/books/"), "price")) == labels


def test_what_narrows_a_list_can_be_taken_away(shop):
    visitor = shop.visitor()
    page = visitor.get("/books/?format=paperback&language=eng&sort=newest")

    links = [link["href"] for link in page.html.select(".chosen a")]

    assert links == [
        "/books/?language=eng&sort=newest",
        "/books/?format=paperback&sort=newest",
        "/books/?sort=newest",
    ]


def test_a_list_has_orders_of_which_one_is_its_own(shop):
    visitor = shop.visitor()
    for path, own in (("/books/", "Title"), ("/books/?q=moss", "Best match")):
        page = visitor.get(path)
        assert page.html.select_one(".sorts [aria-current]").text == own
    assert "Best match" not in visitor.get("/books/").html.select_one(".sorts").text
    dearest = visitor.get("/books/").click("Price, highest first")
    assert parse_qs(dearest.request.query_string) == {"sort": ["-price"]}


def test_pages_lead_there_and_back(shop):
    first = shop.visitor().get("/books/")
    second = first.click("Next page")

    assert not set(first.html.select(".ledger h2 a")) & set(second.html.select(".ledger h2 a"))
    assert second.html.select_one("link[rel=prev]")
    assert not second.html.select_one("link[rel=next]")
    assert "continued" in second.html.title.text
    assert titles(second.click("Previous page")) == titles(first)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/books/", None),
        ("/books/?subject=F", None),
        ("/books/?subject=F&format=ebook", "noindex, follow"),
        ("/books/?q=moss", "noindex, follow"),
        ("/books/?subject=ZZ", "noindex, follow"),  # no book is about that
    ],
)
def test_search_engines_keep_only_lists_worth_keeping(shop, path, told):
    assert robots(shop.visitor().get(path)) == told


def test_the_second_page_is_followed_and_not_kept(shop):
    assert robots(shop.visitor().get("/books/").click("Next page")) == "noindex, follow"


def test_a_subject_shows_what_is_above_and_below_it(shop):
    visitor = shop.visitor()
    page = visitor.get("/books/?subject=F")
    (count, url), *_rest = options(page, "subject").values()

    below = visitor.get(url)

    assert count == len(titles(below))
    assert [link["href"] for link in below.html.select("nav.way a")] == [
        "/",
        "/books/",
        "/books/?subject=F",
    ]
