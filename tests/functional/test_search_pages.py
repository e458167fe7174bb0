"""Search and filters of the list, used as browsers without script do: by a form and links."""

from urllib.parse import parse_qs, urlsplit

import pytest
from stdnum import isbn

from tests.demo_books import MOSS, MOSS_PAPERBACK


def skus(page):
    """The SKUs of a list, in order."""
    return [item["data-sku"] for item in page.html.select(".book-list > li")]


def total(page):
    return int(page.html.select_one("#total")["data-total"])


def facet_options(page, name):
    """The values of a facet with their counts and URLs."""
    links = page.html.select(f"[data-facet={name}] a")
    return {
        link["data-value"]: (int(link.select_one(".count").text), link["href"]) for link in links
    }


def active_filters(page):
    """The filters of a list: names and the URLs that remove them."""
    links = page.html.select(".active-filters a[data-filter]")
    return {link["data-filter"]: link["href"] for link in links}


def robots(page):
    element = page.html.select_one("meta[name=robots]")
    return element and element["content"]


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/orders/", "/nowhere"])
def test_every_page_has_a_search_form(shop, path):
    form = shop.visitor().get(path, status="*").forms[0]
    assert (form.action, form.method.upper()) == ("/books/", "GET")
    form["q"] = "strandberg"

    page = form.submit()

    assert MOSS_PAPERBACK in skus(page)
    assert page.html.select_one("header input[name=q]")["value"] == "strandberg"
    assert "strandberg" in page.html.title.text


@pytest.mark.parametrize(
    "typed", [MOSS, f" ISBN-13: {isbn.format(MOSS)} ", f"{MOSS} 51299", f"'{MOSS} (pbk.)"]
)
def test_search_for_an_isbn_redirects_to_its_book(shop, typed):
    answer = shop.visitor().get("/books/", {"q": typed}, status=302)
    assert urlsplit(answer.location).path == f"/books/{MOSS}"


@pytest.mark.parametrize("sku", ["AB 12", "Ü-1", "R&D", "a+b", "C#", "100%", "%41", "why?", "x;y"])
def test_book_with_any_sku_is_found_shown_and_bought(shop, sku):
    shop.change_book(MOSS, sku=sku, isbn=None, work=None)
    visitor = shop.visitor()

    answer = visitor.get("/books/", {"q": sku}, status=302)
    assert visitor.get(urlsplit(answer.location).path).html.h1.text == "Moss"

    items = visitor.get("/books/?q=strandberg").html.select(".book-list > li")
    (item,) = (item for item in items if item["data-sku"] == sku)
    page = visitor.get(item.h2.a["href"])
    assert page.html.h1.text == "Moss"
    for link in (item.select_one("a.buy"), page.html.select_one("a.button")):
        assert "Moss" in visitor.get(link["href"])


def test_corrected_spelling_is_shown(shop):
    page = shop.visitor().get("/books/?q=typeseting")

    assert page.html.select_one(".book-list h2").get_text() == "Typesetting by Moonlight"
    assert page.html.select_one(".correction")["data-corrected"] == "typesetting"
    assert "typeseting" in page.html.select_one(".correction").text


def test_no_results_offer_the_search_without_filters(shop):
    page = shop.visitor().get("/books/?q=xyzzyplugh&format=paperback")

    assert not skus(page)
    assert page.html.select_one("[data-state=no-results] .advice")
    unfiltered = page.click(linkid="without-filters")
    assert unfiltered.request.path_qs == "/books/?q=xyzzyplugh"


def test_search_text_is_escaped(shop):
    page = shop.visitor().get("/books/", {"q": """"><script>alert(1)</script> ' OR 1=1 -- *"""})

    assert "<script>alert" not in page.text
    assert page.html.h1


@pytest.mark.parametrize("name", ["subject", "format", "language", "availability", "price"])
def test_count_of_each_facet_option_is_the_size_of_its_list(shop, name):
    visitor = shop.visitor()
    options = facet_options(visitor.get("/books/"), name)

    assert len(options) > 1
    for value, (count, url) in options.items():
        page = visitor.get(url)
        assert total(page) == count
        assert parse_qs(urlsplit(url).query)[name] == [value]
        assert set(active_filters(page)) == {name}


@pytest.mark.parametrize(
    ("currency", "locale", "bands", "labels"),
    [
        (
            "GBP",
            "en_GB",
            ["0-10", "10-20", "20-50", "50-"],
            ["Under £10", "£10 to £20", "£20 to £50", "£50 and over"],
        ),
        (
            "JPY",
            "en_GB",
            ["1000-2000", "2000-5000", "5000-"],
            ["JP¥1,000 to JP¥2,000", "JP¥2,000 to JP¥5,000", "JP¥5,000 and over"],
        ),
    ],
)
def test_price_bands_are_labelled_in_the_shops_currency(make_shop, currency, locale, bands, labels):
    shop = make_shop(bookshop__currency=currency, bookshop__locale=locale)
    page = shop.visitor().get("/books/")

    assert list(facet_options(page, "price")) == bands
    links = page.html.select("[data-facet=price] a")
    assert [link.find(string=True).strip() for link in links] == labels


def test_each_filter_can_be_removed_and_all_at_once(shop):
    page = shop.visitor().get("/books/?format=paperback&language=eng&sort=newest")

    assert active_filters(page) == {
        "format": "/books/?language=eng&sort=newest",
        "language": "/books/?format=paperback&sort=newest",
    }
    assert page.html.select_one(".active-filters .clear a")["href"] == "/books/?sort=newest"


def test_sort_orders_have_a_current_one(shop):
    visitor = shop.visitor()
    for path, current in (("/books/", "title"), ("/books/?q=moss", "relevance")):
        page = visitor.get(path)
        assert page.html.select_one(".sort-links [aria-current]")["data-sort"] == current
    links = visitor.get("/books/").html.select(".sort-links a")
    urls = {link["data-sort"]: link["href"] for link in links}
    assert "relevance" not in urls
    assert urls["-price"] == "/books/?sort=-price"


def test_pagination_leads_forward_and_back(shop):
    visitor = shop.visitor()
    first = visitor.get("/books/")
    second = visitor.get(first.html.select_one("a[rel=next]")["href"])

    assert not set(skus(first)) & set(skus(second))
    assert second.html.select_one("link[rel=prev]")
    assert not second.html.select_one("link[rel=next]")
    assert second.html.title.text != first.html.title.text
    assert skus(visitor.get(second.html.select_one("a[rel=prev]")["href"])) == skus(first)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/books/", None),
        ("/books/?subject=F", None),
        ("/books/?subject=F&format=ebook", "noindex, follow"),
        ("/books/?q=moss", "noindex, follow"),
        ("/books/?subject=ZZ", "noindex, follow"),  # no book has that subject
    ],
)
def test_only_lists_with_at_most_one_filter_are_indexed(shop, path, content):
    assert robots(shop.visitor().get(path)) == content


def test_second_page_is_not_indexed(shop):
    visitor = shop.visitor()
    second = visitor.get("/books/").html.select_one("a[rel=next]")["href"]
    assert robots(visitor.get(second)) == "noindex, follow"


def test_subject_list_links_to_ancestors_and_children(shop):
    visitor = shop.visitor()
    page = visitor.get("/books/?subject=F")
    (count, url), *_rest = facet_options(page, "subject").values()

    child = visitor.get(url)

    assert count == len(skus(child))
    assert [link["href"] for link in child.html.select("nav.breadcrumb a")] == [
        "/",
        "/books/",
        "/books/?subject=F",
    ]
