"""Structured data of books and of the shop."""

import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from bookshop import settings
from bookshop.catalogue.edition import Contributor, Feature, Restriction, Series, Subject
from bookshop.catalogue.listings import listing_row
from bookshop.catalogue.pricing import offer_on
from bookshop.catalogue.queries import BookDetail
from bookshop.catalogue.seo import json_ld
from bookshop.catalogue.terms.availability import Availability, AvailabilityCode
from bookshop.catalogue.works.listing import listing_from_row
from bookshop.money import Money
from tests.shops import ini
from tests.unit.makers import NOW, TERMS, edition


class Row:
    def __init__(self, **columns):
        self.__dict__.update(columns)


SHOP = settings.read(ini(Path("var"), "http://localhost:1")).shop
HOME = f"{SHOP.url}/"


def listing(edition_, *, cover=None, free=5, **changes):
    row = {**listing_row(edition_, cover, TERMS, NOW.date()), "free": free, **changes}
    return listing_from_row(Row(**row), "GBP")


def book(edition_=None, others=(), *, shown=None, **values):
    edition_ = edition_ or edition("A", **values)
    shown = shown or listing(edition_)
    detail = BookDetail(shown, edition_, offer_on(edition_, TERMS, NOW.date()), NOW)
    return json_ld.book(SHOP, detail, others, str)


class Scripts(HTMLParser):
    """The contents of a page's script elements, as browsers parse them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.open = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open = tag == "script"
        if self.open:
            self.found.append("")

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.found[-1] += data


@given(st.text())
@example("</script><script>alert(1)</script>")
@example("<!--<script>")
@example("\u2028\u2029\0&lt;'\"\\")
@example("]]>")
def test_no_text_can_close_the_script_element(title):
    written = json_ld.script({"@type": "Book", "name": title})
    page = f'<script type="application/ld+json">{written}</script><p>after</p>'

    (inside,) = Scripts(page).found

    assert json.loads(inside)["@graph"][0]["name"] == title
    assert not set("<>&\u2028\u2029") & set(written)


def test_all_properties_of_a_book():
    edition_ = edition(
        "9780306406157",
        isbn="9780306406157",
        title="Moss",
        subtitle="A Slow History",
        people=[
            ("A01", "Ada"),
            ("A12", "Ben"),
            ("B01", "Cem"),
            ("B06", "Dot"),
            ("E07", "Eve"),
            ("A24", "Fay"),
        ],
        form="BB",
        imprint="Tern",
        published=date(2021, 4, 22),
        pages=304,
        series=(Series("Slow Histories", "3"),),
        subjects=(
            Subject("93", "WNP", "Plants", main=True),
            Subject("10", "NAT026000", "NATURE / Plants"),
            Subject("20", "", "moss"),
        ),
        description="<p>One &amp; two.</p><p>Three<br>four.</p>",
        accessibility=(Feature("11"), Feature("15"), Feature("16"), Feature("00", "All of it.")),
    )
    other = listing(edition("B", title="Moss", form="ED", details=("E101",)))

    node = book(edition_, [other], shown=listing(edition_, cover="moss.svg"))

    address = f"{SHOP.url}/books/9780306406157"

    def person(name):
        return [{"@type": "Person", "name": name}]

    contributors = person("Eve") + person("Fay")
    assert node == {
        "@type": ["Book", "Product"],
        "@id": f"{address}#book",
        "url": address,
        "name": "Moss: A Slow History",
        "alternateName": "Moss",
        "author": person("Ada"),
        "illustrator": person("Ben"),
        "editor": person("Cem"),
        "translator": person("Dot"),
        "contributor": contributors,
        "sku": "9780306406157",
        "bookFormat": "https://schema.org/Hardcover",
        "inLanguage": "en",
        "isbn": "9780306406157",
        "gtin13": "9780306406157",
        "numberOfPages": 304,
        "publisher": {"@type": "Organization", "name": "Example Press"},
        "brand": {"@type": "Brand", "name": "Tern"},
        "datePublished": "2021-04-22",
        "image": f"{SHOP.url}/covers/moss.svg",
        "description": "One & two. Three four.",
        "about": [
            {
                "@type": "DefinedTerm",
                "name": "Plants",
                "termCode": "WNP",
                "inDefinedTermSet": "https://ns.editeur.org/thema/en",
            }
        ],
        "keywords": ["moss"],
        "isPartOf": [{"@type": "BookSeries", "name": "Slow Histories"}],
        "position": "3",
        "accessibilityFeature": ["tableOfContents", "longDescription"],
        "accessibilitySummary": "All of it.",
        "workExample": [
            {
                "@type": "Book",
                "@id": f"{SHOP.url}/books/B#book",
                "url": f"{SHOP.url}/books/B",
                "name": "Moss",
                "bookFormat": "https://schema.org/EBook",
                "inLanguage": "en",
            }
        ],
        "offers": {
            "@type": "Offer",
            "url": address,
            "price": "9.99",
            "priceCurrency": "GBP",
            "availability": "https://schema.org/InStock",
            "itemCondition": "https://schema.org/NewCondition",
            "seller": {"@type": "BookStore", "@id": f"{HOME}#shop", "name": SHOP.name, "url": HOME},
        },
    }


@pytest.mark.parametrize("language", ["und", "mul", "zxx"])
def test_unknown_properties_are_left_out(language):
    node = book(
        people=[], publisher=None, subjects=(), description="", language=language, form="ZZ"
    )

    assert set(node) == {"@type", "@id", "url", "name", "sku", "offers"}


def test_audiobook_has_duration_and_narrators():
    node = book(form="AJ", minutes=754, people=[("A01", "Ada"), ("E07", "Eve"), ("E03", "Fay")])

    assert node["@type"] == ["Audiobook", "Product"]
    assert node["duration"] == "PT754M"
    assert node["bookFormat"] == "https://schema.org/AudiobookFormat"
    assert [each["name"] for each in node["readBy"]] == ["Eve", "Fay"]


@pytest.mark.parametrize(
    ("form", "type_"),
    [("BB", "Hardcover"), ("BC", "Paperback"), ("ED", "EBook"), ("AC", "AudiobookFormat")],
)
def test_formats_are_schema_org_values(form, type_):
    assert book(form=form)["bookFormat"] == f"https://schema.org/{type_}"


@pytest.mark.parametrize(
    ("money", "price"),
    [
        (Money(1299, "GBP"), "12.99"),
        (Money(5, "EUR"), "0.05"),
        (Money(1000, "EUR"), "10.00"),
        (Money(3800, "JPY"), "3800"),
        (Money(8900, "KWD"), "8.900"),
        (Money(0, "GBP"), "0.00"),
        (Money(10**9, "GBP"), "10000000.00"),
    ],
)
def test_price_has_the_decimals_of_its_currency(money, price):
    edition_ = edition("A")
    shown = listing(edition_)
    node = book(edition_, shown=type(shown)(**{**vars(shown), "price": money}))

    assert node["offers"]["price"] == price
    assert node["offers"]["priceCurrency"] == money.currency


def test_a_book_that_is_not_for_sale_has_no_offer():
    restricted = edition("A", restrictions=(Restriction("trade_only"),))
    assert "offers" not in book(restricted)


@pytest.mark.parametrize("code", [each for each in AvailabilityCode if each != "not_for_sale"])
def test_availabilities_are_schema_org_values(code):
    edition_ = edition("A")
    shown = listing(edition_)
    node = book(edition_, shown=type(shown)(**{**vars(shown), "availability": Availability(code)}))

    expected = {
        AvailabilityCode.IN_STOCK: "InStock",
        AvailabilityCode.LOW_STOCK: "LimitedAvailability",
        AvailabilityCode.PREORDER: "PreOrder",
        AvailabilityCode.FORTHCOMING: "OutOfStock",
        AvailabilityCode.OUT_OF_STOCK: "OutOfStock",
        AvailabilityCode.NOT_FOR_SALE: "OutOfStock",
        AvailabilityCode.UNAVAILABLE: "Discontinued",
    }
    assert node["offers"]["availability"] == f"https://schema.org/{expected[code]}"


def test_preorder_has_the_date_of_availability():
    coming = book(published=date(2030, 3, 14), on_sale=date(2030, 3, 10), availability="10")
    out = book(published=date(2020, 3, 14))

    assert coming["offers"]["availability"] == "https://schema.org/PreOrder"
    assert coming["offers"]["availabilityStarts"] == "2030-03-10"
    assert "availabilityStarts" not in out["offers"]


def test_book_without_price_has_no_offer():
    assert "offers" not in book(prices={"EUR": 900})


def test_book_of_two_series_has_no_position():
    node = book(series=(Series("One", "1"), Series("Two", "7")))

    assert [each["name"] for each in node["isPartOf"]] == ["One", "Two"]
    assert "position" not in node


def test_subject_without_heading_has_our_label():
    assert book(subjects=(Subject("93", "FBA"),))["about"][0]["name"] not in {"", "FBA"}


def test_urls_are_encoded():
    assert book(edition("A/B?c d&ü"))["url"] == f"{SHOP.url}/books/A%2FB%3Fc%20d%26%C3%BC"


def test_contributors_keep_their_order():
    edition_ = edition("A", people=[])
    many = tuple(Contributor(name) for name in "zyx")
    node = book(structs.replace(edition_, contributors=many))

    assert [each["name"] for each in node["author"]] == ["z", "y", "x"]


def test_creators_are_authors_of_a_book_without_author():
    node = book(people=[("A13", "Ada"), ("A12", "Ben"), ("A24", "Cem"), ("B01", "Dot")])

    assert [each["name"] for each in node["author"]] == ["Ada", "Ben"]
    assert [each["name"] for each in node["contributor"]] == ["Cem"]
    assert [each["name"] for each in node["editor"]] == ["Dot"]
    assert "illustrator" not in node


def test_breadcrumb_positions_start_at_one():
    node = json_ld.breadcrumb_list([("Home", HOME), ("Moss", f"{HOME}books/A")])

    assert node["itemListElement"] == [
        {"@type": "ListItem", "position": 1, "name": "Home", "item": HOME},
        {"@type": "ListItem", "position": 2, "name": "Moss", "item": f"{HOME}books/A"},
    ]


def test_web_site_has_a_search_action():
    action = json_ld.web_site(SHOP)["potentialAction"]

    assert action["target"]["urlTemplate"] == f"{HOME}books/?q={{search_term_string}}"
    assert action["query-input"] == "required name=search_term_string"
