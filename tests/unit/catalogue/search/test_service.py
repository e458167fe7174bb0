"""Search and lists: the same tests on SQLite and on PostgreSQL."""

import itertools
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.catalogue.edition import Series, Subject
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.search import facet_counts, service
from bookshop.catalogue.search.cursor import Cursor, CursorError
from bookshop.catalogue.search.pagination import PRICED
from bookshop.catalogue.search.query import Sort
from bookshop.catalogue.writer import BookUpdate, save_books, withdraw_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS, edition

CORMORANT = edition(
    "9780306406157",
    isbn="9780306406157",
    title="The Cormorant\N{RIGHT SINGLE QUOTATION MARK}s Ledger",
    subtitle="Accounts of a Coast",
    people=[("A01", "Zoë Brontëson"), ("B06", "Øyvind Müßig")],
    series=(Series("Salt Papers", "2"),),
    publisher="Tern House",
    description="<p>A <em>herring</em> is owed. The tide collects.</p>",
    subjects=(Subject("93", "FBA"), Subject("93", "NHTB", "Harbours")),
)
OTHERS = (
    edition("B", title="Salt and Ledger", people=[("A01", "Ada Herring")]),
    edition("C", title="On Cormorants", people=[("A01", "Bo Ek")], description="<p>Ledger.</p>"),
    edition("D", title="雨の喫茶店", people=[("A01", "森田 葉子")], language="jpn"),
)


@pytest.mark.parametrize(
    "q",
    [
        "cormorant\N{RIGHT SINGLE QUOTATION MARK}s ledger",
        "CORMORANTS LEDGER",
        "cormorant's ledg",
        "bronteson",
        "BRONTËSON zoe",
        "oyvind mussig",
        "müßig",
        "tern house cormorant",
        "salt papers",
        "harbours",
        "NHTB",
        "tide collects herring",
        "coast accounts",
        'cormorants "ledger"',
        "cormorants-ledger (tide)",
        "9780306406157",
    ],
)
def test_book_is_found_by_each_indexed_field(save, skus, q):
    save(CORMORANT, *OTHERS)
    assert skus(q)[0] == "9780306406157"


@pytest.mark.parametrize("q", ["cormorants herring xylophone", "rant", "em", "*", "a OR b", "  "])
def test_all_words_have_to_match_from_the_start_of_a_word(save, skus, q):
    save(CORMORANT)
    assert skus(q) == ([] if q.strip(" *") else ["9780306406157"])


@pytest.mark.parametrize("q", ["喫茶店", "雨の喫茶店", "森田", "葉子"])
def test_scripts_without_spaces_are_searched(save, skus, q):
    save(CORMORANT, *OTHERS)
    assert skus(q) == ["D"]


def test_results_are_sorted_by_relevance(save, skus):
    people = [("A01", "Bo Ek")]
    save(
        edition("TEXT", title="One", people=people, description="<p>Moss grows.</p>"),
        edition("MAKER", title="Two", people=[("A01", "Kate Moss")]),
        edition("BEGUN", title="Mosses", people=people),
        edition("WITHIN", title="Ice and Moss", people=people),
        edition("FIRST", title="Moss and Ice", people=people),
        edition("OLD", title="Moss", people=people, published=date(1990, 1, 1)),
        edition("NEW", title="Moss", people=people, published=date(2020, 1, 1)),
        (edition("SOLD", title="Moss", people=people, published=date(2022, 1, 1)), 0),
    )
    assert skus("moss") == ["NEW", "OLD", "SOLD", "FIRST", "WITHIN", "MAKER", "BEGUN", "TEXT"]


def test_index_follows_updates_and_withdrawals(save, skus, engine):
    save(CORMORANT, OTHERS[0])
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        of = select(BookRecord.id).where(BookRecord.sku == "B")
        book = connection.scalar(of)
        save_books(connection, [BookUpdate(edition("B", title="Heron"), book_id=book)], TERMS, NOW)
    assert skus("ada ledger") == []
    assert skus("heron") == ["B"]
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        withdraw_books(connection, [book], NOW)
    assert skus("heron") == []


# --- spelling


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("murakmi", "murakami"),
        ("muarkami", "murakami"),
        ("murakamii", "murakami"),
        ("nurakami", "murakami"),
        ("tolkein", "tolkien"),
        ("dostoyevski", "dostoevsky"),
        ("austin", "austen"),
        ("hobit", "hobbit"),
        ("haruki murakmi", "haruki murakami"),
    ],
)
def test_misspelt_words_are_corrected(save, find, typed, meant):
    names = ("Haruki Murakami", "J. R. R. Tolkien", "Fyodor Dostoevsky", "Jane Austen")
    save(*(edition(people=[("A01", name)]) for name in names), edition(title="The Hobbit"))
    found = find(typed)
    assert found.corrected == meant
    assert found.total == 1


@pytest.mark.parametrize("typed", ["xyzzy", "mur", "tok", "12345678", "murakamberley"])
def test_words_far_from_all_known_words_are_not_corrected(save, find, typed):
    save(edition(title="Tale", people=[("A01", "Haruki Murakami")]))
    found = find(typed)
    assert found.corrected is None
    assert found.total == (1 if typed == "mur" else 0)


def test_known_words_are_not_corrected(save, find):
    save(edition(title="Tolkein, Misspelt"), edition(people=[("A01", "J. R. R. Tolkien")]))
    assert find("tolkein").corrected is None


# --- lookup by ISBN or SKU


@pytest.mark.parametrize(
    "typed",
    [
        "9780306406157",
        "978-0-306-40615-7",
        "ISBN 978 0 306 40615 7",
        "isbn: 0-306-40615-2",
        "0306406152",
        " 9780306406157 ",
        "ISBN-13: 978-0-306-40615-7",
        "'9780306406157",
        "9780306406157 51299",
        "9780306406157 (pbk.)",
        "EAN 978\u20110306406157",
    ],
)
def test_isbn_in_any_form_identifies_its_book(save, search, typed):
    save(CORMORANT, *OTHERS)
    assert search.sku_of(typed) == "9780306406157"


@pytest.mark.parametrize("typed", ["", " ", "9780306406158", "9780471117094", "cormorant", "\0"])
def test_other_texts_identify_no_book(save, search, typed):
    save(CORMORANT)
    assert search.sku_of(typed) is None


def test_sku_identifies_its_book(save, search):
    save(edition("BKS-1"))
    assert search.sku_of("bks-1") == search.sku_of("BKS-1") == "BKS-1"


# --- lists


def various_books():
    """Yield editions and stocks that share works, and properties that lists sort and filter by."""
    forms, languages = ("BB", "BC", "ED", "AJ"), ("eng", "ger")
    for number in range(40):
        yield (
            edition(
                f"S{number:02}",
                title=f"Title {number % 7}",
                form=forms[number % 4],
                language=languages[number % 3 == 0],
                published=None if number % 5 == 0 else date(2000 + number % 4, 1, 1),
                prices={} if number % 11 == 0 else {"GBP": 300 * (number % 9) + 500},
                subjects=(Subject("93", ("FBA", "FF", "NH", "NHTB")[number % 4]),),
                availability="10" if number % 13 == 0 else "20",
                work=f"W{number // 5}" if number % 4 else None,
            ),
            number % 6,
        )


FILTERS = [
    {},
    {"format": "ebook"},
    {"language": "ger"},
    {"availability": "available"},
    {"availability": "preorder"},
    {"price": "10-20"},
    {"price": "0-10", "format": "paperback"},
    {"subject": "F"},
    {"subject": "FBA", "language": "eng"},
    {"subject": "N", "availability": "available", "price": "20-50"},
]


@pytest.mark.parametrize("limit", [0, 2000], ids=["sort-first", "filter-first"])
@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("sort", [Sort.TITLE, Sort.NEWEST, Sort.PRICE, Sort.PRICE_DESCENDING])
def test_pages_contain_every_work_once_forwards_and_backwards(
    save, find, matching_editions, monkeypatch, limit, filters, sort
):
    monkeypatch.setattr(service, "FILTER_FIRST_UP_TO", limit)
    save(*various_books())
    whole = find(sort=sort, size=100, **filters)
    assert whole.previous is whole.next is None
    assert whole.total == len(whole.works)
    pages, cursor = [], None
    while True:
        page = find(sort=sort, size=4, cursor=cursor, **filters)
        pages.append(page)
        cursor = page.next
        if cursor is None:
            break
    assert [work for page in pages for work in page.works] == whole.works
    skus = [edition.sku for work in whole.works for edition in work.formats]
    assert len(skus) == len(set(skus)) == matching_editions(**filters, sort=sort)
    assert pages[0].previous is None
    for before, after in itertools.pairwise(pages):
        back = find(sort=sort, size=4, cursor=after.previous, **filters)
        assert back.works == before.works
        assert (back.previous is None) == (before.previous is None)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (Sort.TITLE, lambda book: book.title),
        (Sort.NEWEST, lambda book: -(book.published or date.min).toordinal()),
        (Sort.PRICE, lambda book: book.price.amount),
        (Sort.PRICE_DESCENDING, lambda book: -book.price.amount),
    ],
)
@pytest.mark.parametrize("q", ["", "title"])
def test_lists_are_sorted(save, find, sort, key, q):
    save(
        *((edition_, n) for edition_, n in various_books() if edition_.prices or sort not in PRICED)
    )
    found = find(q, sort=sort, size=100).works
    keys = [key(work.listing) for work in found]
    assert keys == sorted(keys)


@pytest.mark.parametrize("q", ["", "title"])
def test_facet_counts_are_the_sizes_of_filtered_lists(save, find, q):
    save(*various_books())
    for filters in FILTERS:
        found = find(q, **filters)
        for name, values in found.facets.items():
            for facet in values:
                filtered = find(q, size=100, **{**filters, name: facet.value})
                assert filtered.total == facet.count == len(filtered.works), (filters, facet)
                assert facet.selected is (filters.get(name) == facet.value)


def test_filters_keep_matching_books_only(save, find):
    save(*various_books())
    assert {each.listing.format for each in find(format="ebook").works} == {"ebook"}
    assert {each.listing.language for each in find(language="ger").works} == {"ger"}
    codes = {each.listing.availability.code for each in find(availability="available").works}
    assert codes == {"in_stock", "low_stock"}
    assert {each.listing.availability.code for each in find(availability="preorder").works} <= {
        "preorder"
    }
    assert {1000 <= each.listing.price.amount < 2000 for each in find(price="10-20").works} == {
        True
    }


def test_large_catalogue_shows_stored_counts_until_recounted(
    save, find, engine, search, monkeypatch
):
    monkeypatch.setattr(facet_counts, "LARGE", 10)
    save(*various_books())
    exact = find()
    assert facet_counts.store_facet_counts(engine, search.price_bands)
    assert not facet_counts.store_facet_counts(engine, search.price_bands)
    assert find().facets == exact.facets
    assert find(subject="F").facets == find(subject="F").facets
    save(edition("NEW", form="BA"))
    assert find().total == exact.total
    assert facet_counts.store_facet_counts(engine, search.price_bands)
    save(edition("NEWER"))
    assert find().total == exact.total + 1


def test_search_considers_a_limited_number_of_books(save, find, monkeypatch):
    monkeypatch.setattr(service, "MAX_MATCHES", 10)
    people = [("A01", "Bo Ek")]
    save(
        edition("EXACT", title="Moss", people=people),
        edition("TITLE", title="Moss and More", people=people),
        *(edition(title="Ice", people=people, description="<p>moss</p>") for _ in range(20)),
    )
    found = find("moss")
    assert not found.exact
    assert found.total == 10
    assert [each.listing.sku for each in found.works[:2]] == ["EXACT", "TITLE"]
    assert find("bo ek moss", language="eng").total == 10


def test_cursor_of_a_removed_book_is_valid(save, find):
    save(*various_books())
    assert find(cursor=Cursor("title 3", 10**6)).works
    assert find("title", cursor=Cursor(None, 10**6)).works


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        (Sort.TITLE, 5),
        (Sort.TITLE, None),
        (Sort.PRICE, "a"),
        (Sort.NEWEST, "a"),
        (Sort.NEWEST, 5),
        (Sort.NEWEST, "2000-13-01"),
    ],
)
def test_cursor_of_another_sort_order_is_refused(save, find, sort, key):
    save(*various_books())
    with pytest.raises(CursorError):
        find(sort=sort, cursor=Cursor(key, 1))


@settings(max_examples=150)
@given(q=st.text(max_size=60) | st.from_regex(r"[\"'*:^(){}|&!<>+\-\\ a-zé]{1,30}", fullmatch=True))
def test_no_text_is_interpreted_as_query_syntax(find, q):
    find(q.replace("\0", ""))


def test_empty_catalogue_has_empty_lists(find):
    for q in ("", "moss"):
        found = find(q)
        assert (found.works, found.total, found.exact) == ([], 0, True)
        assert not any(found.facets.values())
