"""CSV files of books: exports, and files as booksellers write them."""

import csv
import gzip
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from bookshop.catalogue.edition import (
    BANS,
    Contributor,
    Edition,
    Feature,
    Price,
    Related,
    Restriction,
    Series,
    Subject,
    SupplierOffer,
)
from bookshop.catalogue.importing.csv.export import export_header, export_row
from bookshop.catalogue.importing.csv.reader import read
from bookshop.catalogue.importing.html import to_html
from bookshop.catalogue.importing.records import (
    FeedError,
    FileReport,
    InvalidRecord,
    ReadOptions,
    RecordError,
)
from bookshop.catalogue.terms.decisions import UNDECIDED, ShopDecisions, decided
from bookshop.catalogue.writer import StockCount
from tests.unit.makers import edition

ISBN = "9780306406157"


def records(content, currency="GBP", locale="en_GB", encoding=None, report=None):
    data = content if isinstance(content, bytes) else content.encode()
    options = ReadOptions(currency, locale, encoding)
    return list(read(io.BytesIO(data), options, report or FileReport("feed.csv")))


def editions(content, *options, **named):
    every = records(content, *options, **named)
    return [decided(parsed.edition(), parsed.decisions(UNDECIDED)) for parsed in every]


def sheet(*rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# --- export and import

line = st.text(
    # Tags are removed from names, so these have none.
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs"], exclude_characters="<&")
    | st.sampled_from(" ;|\\,\"'=+-@"),
    max_size=20,
).map(lambda text: " ".join(text.split()))
named = line.filter(bool)
days = st.none() | st.dates(date(1000, 1, 1))
isbns = st.sampled_from([ISBN, "9783161484100"])
countries = st.lists(st.sampled_from(["GB", "IE", "FR"]), unique=True).map(tuple)


def some(values):
    return st.lists(values, max_size=3).map(tuple)


restrictions = some(st.builds(Restriction, st.sampled_from(BANS), days, days, countries, countries))


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
    description=line.map(to_html),
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
    offers=some(
        st.builds(
            SupplierOffer,
            st.sampled_from(["20", "40"]),
            some(st.builds(Price, st.just("GBP"), st.integers(1, 99))),
            st.none() | named,
            days,
            days,
            countries,
            countries,
            restrictions,
        )
    ),
    restrictions=restrictions,
)
OWN = ["GBP", "JPY"]
TRADE = export_header([])[:-3]  # the columns of the trade's record
decisions = st.builds(
    ShopDecisions,
    prices=st.lists(st.builds(Price, st.sampled_from(OWN), st.integers(1, 10**8)), max_size=2).map(
        lambda prices: tuple({each.currency: each for each in sorted(prices, key=str)}.values())
    ),
    description=st.none() | named.map(to_html).filter(lambda html: html and html != "<p>reset</p>"),
    blocked=st.booleans(),
)


@settings(max_examples=300)
@given(whole, decisions)
def test_an_exported_book_is_read_without_changes(exported, own):
    [parsed] = records(sheet(export_header(OWN), export_row(exported, 3, own, OWN)))
    found = parsed.edition()
    assert parsed.decisions(UNDECIDED) == own
    # Rows that name no work get one from their title and author.
    assert structs.replace(found, work=exported.work) == exported
    assert exported.work in {None, found.work}


@given(whole, whole)
def test_an_exported_row_updates_a_known_book(exported, before):
    [parsed] = records(sheet(export_header(OWN), export_row(exported, None, UNDECIDED, OWN)))
    found = parsed.apply(before)
    for name in ("description" if each == "publisher_description" else each for each in TRADE):
        # An empty value leaves the field unchanged.
        is_empty = getattr(exported, name) in {None, "", ()}
        if name == "offers" and is_empty:
            # Prices and availability of the row are those of each supplier.
            assert {offer.availability for offer in found.offers} <= {exported.availability}
        else:
            assert getattr(found, name) == getattr(before if is_empty else exported, name)
    assert parsed.copies() is None


# --- files as booksellers write them


def test_a_minimal_row_adds_a_book():
    [found] = editions("isbn,title,author,price\n0-306-40615-2,Moss,Ada Example; Bo Ek|B06,12.99\n")
    assert found == Edition(
        sku=ISBN,
        isbn=ISBN,
        title="Moss",
        contributors=(Contributor("Ada Example"), Contributor("Bo Ek", "B06")),
        prices=(Price("GBP", 1299),),
        work="moss / ada example",
    )


def test_rows_of_one_title_and_author_are_formats_of_one_work():
    rows = editions(
        "sku,title,author,format,work\n"
        "1,Moss,Ada Example,hardback,\n"
        "2, MOSS,ada  example; Bo Ek|B06,paperback,\n"
        "3,Moss,Cy Else,paperback,\n"
        "4,Moss and Fern,Ada Example,paperback,\n"
        "5,Moss,,paperback,\n"
        "6,Moss,Ada Example,hardback,own\n"
    )
    hardback, paperback, *others, unknown_author, named = [row.work for row in rows]
    assert hardback == paperback
    assert len({hardback, *others}) == 3
    assert (unknown_author, named) == (None, "own")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_detected(mark, encoding):
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


def test_prices_may_have_a_column_for_each_currency():
    [found] = editions(
        f"isbn,title,price (gbp),Price EUR,rrp,currency\n{ISBN},Moss,9.99,11.50,1500,jpy\n"
    )
    assert found.prices == (Price("EUR", 1150), Price("GBP", 999), Price("JPY", 1500))


def test_a_price_replaces_only_that_of_its_currency():
    [parsed] = records(f"isbn,price\n{ISBN},8.50\n")
    known = edition(ISBN, prices={"GBP": 999, "EUR": 1099})
    assert parsed.apply(known).prices == known.prices
    own = parsed.decisions(ShopDecisions((Price("EUR", 1099), Price("GBP", 999))))
    assert own.prices == (Price("EUR", 1099), Price("GBP", 850))


def test_a_stock_file_changes_only_the_stock():
    [parsed] = records(f"ISBN,On hand\n{ISBN},7\n")
    known = edition(ISBN, isbn=ISBN)
    assert parsed.apply(known) == known
    assert parsed.copies() == StockCount(7)
    assert not parsed.complete


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("format", "Hardback", "form", "BB"),
        ("format", "EPUB", "details", ("E101",)),
        ("binding", "bc", "form", "BC"),
        ("availability", "in stock", "availability", "21"),
        ("availability", "20", "availability", "20"),
        ("thema", "FBA; NHTB", "subjects", (Subject("93", "FBA"), Subject("93", "NHTB"))),
        ("subjects", "salt and tar", "subjects", (Subject("20", heading="salt and tar"),)),
        ("language", "German", "language", "ger"),
        ("date", "14.3.2026", "published", date(2026, 3, 14)),
        ("series", "Salt|2", "series", (Series("Salt", "2"),)),
        ("description", "One.\n\nTwo.", "description", "<p>One.</p><p>Two.</p>"),
        ("blurb", "<p onclick='x'>A<script>b</script></p>", "description", "<p>A</p>"),
    ],
)
def test_common_values_are_parsed(column, cell, field, value):
    [found] = editions(sheet(["isbn", "title", column], [ISBN, "Moss", cell]))
    assert getattr(found, field) == value


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("isbn", "9.78E+12", "isbn_digits_lost"),
        ("price", "free", "invalid_price"),
        ("price", "1,234.50", "thousands_separator"),
        ("stock", "some", "invalid_number"),
        ("blocked", "perhaps", "invalid_yes_no"),
        ("format", "papyrus", "unknown_form"),
        ("language", "Elvish", "unknown_language"),
        ("availability", "maybe", "unknown_availability"),
        ("currency", "GBX", "unknown_currency"),
        ("published", "3/14/2026", "nonexistent_date"),
        ("published", "soon", "invalid_date"),
        ("on_sale", "2026", "incomplete_date"),
        ("prices", "12.99", "unknown_currency"),
        ("contributors", "A|B|C|D", "too_many_parts"),
    ],
)
def test_an_invalid_value_is_refused(column, value, code):
    values = {"isbn": ISBN, "title": "Moss", column: value}
    [parsed] = records(sheet(list(values), list(values.values())))
    with pytest.raises(RecordError) as refused:
        read_all(parsed)
    assert refused.value.code == code


def read_all(parsed):
    return parsed.edition(), parsed.copies(), parsed.decisions(UNDECIDED)


def test_line_numbers_match_an_editor():
    found = records(f'isbn,title\n{ISBN},"Two\nlines"\n\n{ISBN},Moss\n')
    assert [parsed.line for parsed in found] == [2, 5]


def test_a_row_with_too_many_values_is_refused():
    [parsed] = records(f"isbn,title\n{ISBN},Moss, and more\n")
    assert isinstance(parsed, InvalidRecord)
    assert parsed.code == "too_many_values"
    assert records(f"isbn,title\n{ISBN},Moss,,\n")[0].edition().title == "Moss"


def test_a_row_needs_an_isbn_or_sku():
    [parsed] = records("sku,title\n,Moss\n")
    with pytest.raises(RecordError) as refused:
        parsed.edition()
    assert refused.value.code == "missing_identifier"


def test_the_reason_column_is_ignored():
    [found] = editions(f"isbn,title,reason\n{ISBN},Moss,The price is wrong.\n")
    assert found == Edition(sku=ISBN, isbn=ISBN, title="Moss")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"name,colour\na,b\n", "missing_header"),
        (b"\n\n", "missing_header"),
        (b'isbn,"ti"tle\n1,Moss\n', "invalid_csv"),
        (b"isbn,title\n" + b"1," + b"x" * 34_000_000, "line_too_long"),
        (gzip.compress(b"isbn,title\n" * 9999)[:-9], "damaged_compression"),
    ],
)
def test_an_unreadable_file_raises_an_error(content, code):
    with pytest.raises(FeedError) as failed:
        records(content)
    assert failed.value.code == code


def test_an_empty_file_has_no_rows():
    assert records(b"") == []


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: f"isbn,stock,price\n{text}".encode("utf-8", "replace"))
)
def test_arbitrary_bytes_raise_only_documented_errors(content):
    try:
        for parsed in records(content):
            parsed.sku()
            if not isinstance(parsed, InvalidRecord):
                read_all(parsed)
    except (FeedError, RecordError):
        return
