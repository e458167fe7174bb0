"""Spreadsheets of books: what comes out of an export, and what booksellers really send."""

import csv
import gzip
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookshop.catalogue.edition import (
    Contributor,
    Edition,
    Feature,
    Price,
    Related,
    Series,
    Subject,
)
from bookshop.catalogue.importing.csv.export import HEADER, row
from bookshop.catalogue.importing.csv.reader import read
from bookshop.catalogue.importing.html import description
from bookshop.catalogue.importing.records import FeedError, Refusal, Refused
from tests.unit.makers import edition

ISBN = "9780306406157"


def notices(content, currency="GBP"):
    data = content if isinstance(content, bytes) else content.encode()
    return list(read(io.BytesIO(data), currency))


def editions(content, currency="GBP"):
    return [notice.edition() for notice in notices(content, currency)]


def sheet(*rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# --- there and back

line = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"])
    | st.sampled_from(" ;|\\,\"'=+-@"),
    max_size=20,
).map(lambda text: " ".join(text.split()))
named = line.filter(bool)
days = st.none() | st.dates(date(1000, 1, 1))
isbns = st.sampled_from([ISBN, "9783161484100"])
countries = st.lists(st.sampled_from(["GB", "IE", "FR"]), unique=True).map(tuple)


def some(values):
    return st.lists(values, max_size=3).map(tuple)


whole = st.builds(
    Edition,
    sku=st.just(ISBN),
    isbn=st.just(ISBN),
    title=named,
    reference=st.none() | named,
    subtitle=st.none() | named,
    series=some(st.builds(Series, named, st.none() | named)),
    contributors=some(
        st.builds(Contributor, named, st.sampled_from(["A01", "B06"]), st.none() | named)
    ),
    form=st.sampled_from(["BB", "BC", "ED", "00"]),
    details=some(st.sampled_from(["E101", "E107"])),
    publisher=st.none() | named,
    imprint=st.none() | named,
    published=days,
    on_sale=days,
    language=st.sampled_from(["eng", "ger", "und"]),
    pages=st.none() | st.integers(0, 9999),
    minutes=st.none() | st.integers(0, 9999),
    subjects=some(
        st.builds(Subject, st.just("93"), named, st.none() | named, main=st.booleans())
        | st.builds(Subject, st.just("20"), heading=named)
    ),
    description=line.map(description),
    cover=st.none() | named,
    prices=some(
        st.builds(
            Price,
            st.sampled_from(["GBP", "JPY", "KWD"]),
            st.integers(1, 10**8),
            st.sampled_from(["02", "04"]),
            st.none() | st.just("R"),
            st.none() | st.just("5.5"),
            days,
            days,
            countries,
            countries,
        )
    ),
    availability=st.sampled_from(["20", "10", "40"]),
    work=st.none() | named,
    related=some(st.builds(Related, st.just("06"), isbns)),
    accessibility=some(st.builds(Feature, st.just("04"), st.none() | named)),
)


@settings(max_examples=300)
@given(whole)
def test_what_is_exported_is_read_again_as_it_was(told):
    [found] = editions(sheet(HEADER, row(told, 3)))
    assert found == told


@given(whole, whole)
def test_a_book_that_is_known_becomes_what_the_export_says(told, before):
    [notice] = notices(sheet(HEADER, row(told, None)))
    found = notice.apply(before)
    for name in HEADER[:-1]:
        # A cell that is empty says nothing.
        unsaid = getattr(told, name) in {None, "", ()}
        assert getattr(found, name) == getattr(before if unsaid else told, name)
    assert notice.copies() is None


# --- as booksellers write


def test_the_least_that_a_book_is_told_with():
    [found] = editions("isbn,title,author,price\n0-306-40615-2,Moss,Ada Example; Bo Ek|B06,12.99\n")
    assert found == Edition(
        sku=ISBN,
        isbn=ISBN,
        title="Moss",
        contributors=(Contributor("Ada Example"), Contributor("Bo Ek", "B06")),
        prices=(Price("GBP", 1299),),
    )


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_found_out(mark, encoding):
    lines = [["EAN", "Title", "Publisher"]] + [[ISBN, "Größe, die zählt", "Éditions Ünder"]] * 20
    text = "\r\n".join(mark.join(f'"{cell}"' for cell in cells) for cells in lines)
    found = editions(text.encode(encoding))
    assert len(found) == 20
    assert {(each.title, each.publisher) for each in found} == {
        ("Größe, die zählt", "Éditions Ünder")
    }


def test_a_compressed_sheet_is_read():
    [found] = editions(gzip.compress(f"isbn,title\n{ISBN},Moss\n".encode()))
    assert found.title == "Moss"


def test_prices_may_stand_in_columns_by_currency():
    [found] = editions(
        f"isbn,title,price (gbp),Price EUR,rrp,currency\n{ISBN},Moss,9.99,11.50,1500,jpy\n"
    )
    assert found.prices == (Price("GBP", 999), Price("EUR", 1150), Price("JPY", 1500))


def test_a_price_replaces_that_of_its_currency_alone():
    [notice] = notices(f"isbn,price\n{ISBN},8.50\n")
    known = edition(ISBN, prices={"GBP": 999, "EUR": 1099})
    assert notice.apply(known).prices == (Price("EUR", 1099), Price("GBP", 850))


def test_a_stocktaking_changes_nothing_else():
    [notice] = notices(f"ISBN,On hand\n{ISBN},7\n")
    known = edition(ISBN, isbn=ISBN)
    assert notice.apply(known) == known
    assert notice.copies() == 7
    assert not notice.complete


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("format", "Hardback", "form", "BB"),
        ("format", "EPUB", "details", ("E101",)),
        ("binding", "bc", "form", "BC"),
        ("availability", "in stock", "availability", "21"),
        ("availability", "20", "availability", "20"),
        ("thema", "FBA; NHTB", "subjects", (Subject("93", "FBA"), Subject("93", "NHTB"))),
        ("subjects", "sea stories", "subjects", (Subject("20", heading="sea stories"),)),
        ("language", "German", "language", "ger"),
        ("date", "14.3.2026", "published", date(2026, 3, 14)),
        ("series", "Salt|2", "series", (Series("Salt", "2"),)),
        ("description", "One.\n\nTwo.", "description", "<p>One.</p><p>Two.</p>"),
        ("blurb", "<p onclick='x'>A<script>b</script></p>", "description", "<p>A</p>"),
    ],
)
def test_columns_are_read_as_people_fill_them(column, cell, field, value):
    [found] = editions(sheet(["isbn", "title", column], [ISBN, "Moss", cell]))
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("isbn", "9.78E+12", "scientific"),
        ("price", "free", "no amount"),
        ("price", "1,234.50", "thousands"),
        ("stock", "some", "no number"),
        ("format", "papyrus", "not known"),
        ("language", "Elvish", "not known"),
        ("availability", "maybe", "not known"),
        ("currency", "GBX", "not known"),
        ("published", "3/4/2026", "more than one"),
        ("prices", "12.99", "names no currency"),
        ("contributors", "A|B|C|D", "more than 3 parts"),
    ],
)
def test_a_row_is_refused_by_what_is_wrong_with_it(column, cell, why):
    cells = {"isbn": ISBN, "title": "Moss", column: cell}
    [notice] = notices(sheet(list(cells), list(cells.values())))
    with pytest.raises(Refusal, match=why):
        _all_of(notice)


def _all_of(notice):
    return notice.edition(), notice.copies()


def test_lines_are_counted_as_an_editor_shows_them():
    found = notices(f'isbn,title\n{ISBN},"Two\nlines"\n\n{ISBN},Moss\n')
    assert [notice.line for notice in found] == [2, 5]


def test_a_row_with_too_many_cells_is_refused():
    [notice] = notices(f"isbn,title\n{ISBN},Moss, and more\n")
    assert isinstance(notice, Refused)
    assert "3 cells" in notice.reason
    assert notices(f"isbn,title\n{ISBN},Moss,,\n")[0].edition().title == "Moss"


def test_a_row_needs_a_number():
    [notice] = notices("sku,title\n,Moss\n")
    with pytest.raises(Refusal, match="neither ISBN nor SKU"):
        notice.edition()


def test_the_reason_of_a_refused_row_is_not_read():
    [found] = editions(f"isbn,title,reason\n{ISBN},Moss,The price is wrong.\n")
    assert found == Edition(sku=ISBN, isbn=ISBN, title="Moss")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04rest", "workbook"),
        (b"name,colour\na,b\n", "isbn or sku"),
        (b"\n\n", "isbn or sku"),
        (b'isbn,title\n1,"Moss\n', "CSV"),
        (b"isbn,title\n" + b"1,ok\n" * 60_000 + b"1,\xff\n", "not in utf-8"),
        (gzip.compress(b"isbn,title\n" * 9999)[:-9], "cut off"),
    ],
)
def test_what_is_no_sheet_of_books_is_refused_whole(content, why):
    with pytest.raises(FeedError, match=why):
        notices(content)


def test_an_empty_file_has_no_rows():
    assert notices(b"") == []


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: f"isbn,stock,price\n{text}".encode("utf-8", "replace"))
)
def test_no_bytes_whatever_do_more_than_be_refused(content):
    try:
        for notice in notices(content):
            notice.sku()
            if not isinstance(notice, Refused):
                notice.copies()
                notice.edition()
    except (FeedError, Refusal):
        return
