"""Spreadsheets as booksellers, tills and warehouses save them."""

import time
from datetime import date

import pytest

from bookshop.catalogue.edition import Contributor, Price, Subject
from bookshop.catalogue.importing.csv.cells import clean
from bookshop.catalogue.importing.csv.encoding import code_page, detect_encoding
from bookshop.catalogue.importing.csv.export import export_header, export_row
from bookshop.catalogue.importing.records import FileReport, RecordError
from bookshop.catalogue.isbn import plain_isbn
from bookshop.catalogue.terms.decisions import UNDECIDED
from tests.unit.catalogue.importing.csv.test_reader import ISBN, editions, records, sheet
from tests.unit.makers import edition

SPANISH = "isbn;title;author;price\n" + "".join(
    f"{ISBN};La montaña del niño {number};Núñez, A.;12,50\n" for number in range(40)
)
POUNDS = f"isbn;title;price\n{ISBN};Moss;£8.99\n"
POLISH = f"isbn;title\n{ISBN};Książka o łące i gęsi\n"
RUSSIAN = f"isbn;title\n{ISBN};Война и мир\n"
SWEDISH = f"isbn;title\n{ISBN};Ålund vid ån\n"


# --- encodings


@pytest.mark.parametrize(
    ("text", "encoding", "locale"),
    [
        (SPANISH, "cp1252", "en_GB"),
        (SPANISH, "cp1252", "es_ES"),
        (POUNDS, "cp1252", "en_GB"),
        (POLISH, "cp1250", "pl_PL"),
        (RUSSIAN, "cp1251", "ru_RU"),
        (POLISH, "utf-8", "en_GB"),
        (POLISH, "utf-16", "en_GB"),
        (POLISH, "utf-32", "en_GB"),
        (POLISH, "utf-8-sig", "en_GB"),
    ],
)
def test_a_sheet_in_the_code_page_of_the_shops_language_is_read_as_such(text, encoding, locale):
    report = FileReport("sheet.csv")
    found = records(text.encode(encoding), locale=locale, report=report)
    titles = {parsed.edition().title for parsed in found}
    assert titles == {line.split(";")[1] for line in text.splitlines()[1:]}
    assert report.encoding == encoding


@pytest.mark.parametrize(
    ("text", "encoding", "locale"),
    [
        (POLISH, "cp1250", "en_GB"),
        (RUSSIAN, "cp1251", "en_GB"),
        (SWEDISH, "mac_roman", "sv_SE"),
        (POUNDS.replace("\n", "\r"), "mac_roman", "en_GB"),  # only the old Macintosh ends lines so
        (POLISH, "utf-16-le", "en_GB"),
        (POLISH, "utf-16-be", "en_GB"),
    ],
)
def test_strong_evidence_wins_over_the_code_page_of_the_language(text, encoding, locale):
    assert detect_encoding(text.encode(encoding), locale) == encoding


@pytest.mark.parametrize(
    ("locale", "page"),
    [
        *(("en_US", "cp1252"), ("de_AT", "cp1252"), ("cs_CZ", "cp1250"), ("el_GR", "cp1253")),
        *(("tr_TR", "cp1254"), ("ja_JP", "cp932"), ("zh_CN", "gb18030"), ("zh_TW", "cp950")),
    ],
)
def test_code_pages_are_those_of_windows(locale, page):
    assert code_page(locale) == page


def test_the_callers_encoding_is_taken_unseen():
    report = FileReport("sheet.csv")
    [parsed] = records(POLISH.encode("cp1250"), encoding="cp1252", report=report)
    assert parsed.edition().title != "Książka o łące i gęsi"
    assert report.encoding == "cp1252"


# --- what is wrapped around files and cells


@pytest.mark.parametrize(
    "content",
    [
        f"sep=;\nisbn;title;price\n{ISBN};Moss, Grey;9,99\n",
        f'"sep=;"\r\nisbn;title;price\r\n{ISBN};Moss, Grey;9,99\r\n',
        f"\ufeffsep=;\nisbn;title;price\n{ISBN};Moss, Grey;9,99\n",
        f"isbn;title;price\r{ISBN};Moss, Grey;9,99\r",
        f"isbn;title;price\r\r\n{ISBN};Moss, Grey;9,99\r\r\n",
        f"\n;;\nisbn;title;price\r\n{ISBN};Moss, Grey;9,99\r\n\x1a",
        f"isbn;title;price\n{ISBN};Moss, Grey;9,99\x1a",
    ],
)
def test_a_files_separator_line_line_ends_and_end_mark_are_no_data(content):
    [found] = editions(content, "EUR")
    assert (found.isbn, found.title, found.prices[0].amount) == (ISBN, "Moss, Grey", 999)


def test_lines_are_counted_with_the_separator_line():
    assert [each.line for each in records(f"sep=;\nisbn;title\n{ISBN};Moss\n")] == [3]


@pytest.mark.parametrize(
    "cell",
    [
        *(f"'{ISBN}", f"ISBN {ISBN}", f"{ISBN} (pbk.)", f"{ISBN} 51299", f"\ufeff{ISBN}"),
        *(f'="{ISBN}"', "978-0-306-40615-7", f"\u200e{ISBN}\u202c"),
    ],
)
def test_what_is_wrapped_around_an_isbn_comes_off(cell):
    [parsed] = records(sheet(["isbn", "title"], [cell, "Moss"]))
    assert parsed.sku() == parsed.edition().isbn == ISBN


def test_control_and_invisible_characters_reach_no_book():
    [found] = editions(
        sheet(["isbn", "title"], [ISBN, "\u200bM\x00o\x07s\x9bs\u202e\ufeff \x0bGrey"])
    )
    assert found.title == "Moss Grey"


def test_a_long_cell_takes_linear_time():
    begun = time.process_time()
    assert clean("a" + " " * 200_000 + "\u00e9")
    assert plain_isbn("1" + " " * 200_000 + "2") == "1"
    assert time.process_time() - begun < 20  # quadratic time is several minutes


def test_an_apostrophe_that_belongs_to_a_title_stays():
    [found] = editions(sheet(["isbn", "title", "pages"], [ISBN, "'Tis Moss", "'120"]))
    assert (found.title, found.pages) == ("'Tis Moss", 120)


def test_columns_that_are_not_read_are_named():
    report = FileReport("sheet.csv")
    row = "ISBN,Title,Colour,EAN,Reason, ,Price,Price (xyz)"
    records(f"{row}\n{ISBN},Moss,red,,,,9.99,1\n", report=report)
    assert report.unread_columns == ("Colour", "EAN", "Price (xyz)")


@pytest.mark.parametrize(
    "name", ["Price (£)", "price £", "RRP GBP", "Price in GBP", "retail price [gbp]"]
)
def test_a_price_column_may_name_the_shops_currency_by_its_sign(name):
    report = FileReport("sheet.csv")
    [parsed] = records(sheet(["isbn", "title", name], [ISBN, "Moss", "9.99"]), report=report)
    assert parsed.decisions(UNDECIDED).prices == (Price("GBP", 999),)
    assert report.unread_columns == ()


@pytest.mark.parametrize("name", ["Price ($)", "price ¥", "price band", "price list"])
def test_a_price_column_with_another_sign_is_not_read_and_named(name):
    report = FileReport("sheet.csv")
    [parsed] = records(sheet(["isbn", "title", name], [ISBN, "Moss", "9.99"]), report=report)
    assert parsed.decisions(UNDECIDED).prices == ()
    assert report.unread_columns == (name,)


def test_the_currency_column_may_have_the_sign_of_the_shops_currency():
    header = ["isbn", "title", "price", "currency"]
    [found] = editions(sheet(header, [ISBN, "Moss", "9.99", "£"]))
    assert found.prices == (Price("GBP", 999),)


# --- values


def test_all_faults_of_a_row_are_reported_at_once_with_its_isbn():
    header = ["isbn", "title", "format", "published", "price", "stock"]
    [parsed] = records(sheet(header, [ISBN, "Moss", "papyrus", "soon", "free", "many"]))
    for read in (parsed.copies, parsed.edition, lambda: parsed.decisions(UNDECIDED)):
        with pytest.raises(RecordError) as refused:
            read()
        assert refused.value.isbn == ISBN
        assert refused.value.code == "unknown_form"
        for value in ("papyrus", "soon", "free", "many"):
            assert value in refused.value.reason


def test_a_row_with_too_many_values_has_its_isbn():
    [parsed] = records(f"isbn,title\n{ISBN},Moss, and more\n")
    assert (parsed.code, parsed.isbn) == ("too_many_values", ISBN)


@pytest.mark.parametrize("title", ["Moby Duck", "1984 and After", "Il nome"])
def test_a_title_in_the_isbn_column_is_named_as_such(title):
    [parsed] = records(sheet(["isbn", "title"], [title, ISBN]))
    with pytest.raises(RecordError) as refused:
        parsed.edition()
    assert refused.value.code == "text_in_isbn_column"


@pytest.mark.parametrize(
    ("cell", "form", "details"),
    [
        *(("Board book", "BH", ()), ("Taschenbuch", "BC", ()), ("Calendar", "PC", ())),
        *(("gebundene Ausgabe", "BB", ()), ("HB", "BB", ()), ("pbk.", "BC", ())),
        *(("Spiral-bound", "BE", ()), ("broché", "BC", ()), ("Boxed set", "SB", ())),
        *(("Mass-Market Paperback", "BC", ("B101",)), ("E-Book (EPUB)", "ED", ("E101",))),
        *(("Audio CD", "AC", ()), ("BH", "BH", ()), ("Jigsaw", "ZJ", ())),
    ],
)
def test_forms_are_read_in_words(cell, form, details):
    [found] = editions(sheet(["isbn", "title", "format"], [ISBN, "Moss", cell]))
    assert (found.form, found.details) == (form, details)


@pytest.mark.parametrize("form", ["PB", "SC", "CD", "BC"])
def test_forms_whose_codes_are_also_abbreviations_survive_an_export(form):
    row = export_row(edition(ISBN, isbn=ISBN, form=form), None, UNDECIDED, [])
    [found] = editions(sheet(export_header([]), row))
    assert found.form == form


def keyword(text):
    return Subject("20", heading=text)


@pytest.mark.parametrize(
    ("header", "cell", "subjects"),
    [
        ("subjects", "Poetry; tide pools", (Subject("93", "DC"), keyword("tide pools"))),
        ("keywords", "crime, harbours", (Subject("93", "FF"), keyword("harbours"))),
        ("category", "Krimi", (Subject("93", "FF"), keyword("Krimi"))),
        ("subjects", "TRAVEL", (Subject("93", "WT"),)),
        ("subjects", "FJN; 1DDU-GB-E", (Subject("93", "FJN"), Subject("93", "1DDU-GB-E"))),
        ("subjects", "HERONS", (keyword("HERONS"),)),
        ("subjects", "FIC000000", (Subject("10", "FIC000000"),)),
    ],
)
def test_common_keywords_are_thema_and_the_others_stay_keywords(header, cell, subjects):
    [found] = editions(sheet(["isbn", "title", header], [ISBN, "Moss", cell]))
    assert found.subjects == subjects


def test_keywords_are_added_to_the_subjects_of_another_column():
    [found] = editions(
        sheet(["isbn", "title", "thema", "tags"], [ISBN, "M", "FBA", "Fiction, tar"])
    )
    assert found.subjects == (Subject("93", "FBA"), Subject("93", "F"), keyword("tar"))


@pytest.mark.parametrize(
    ("cell", "person"),
    [
        ("Calloway, J. P.", Contributor("J. P. Calloway", inverted="Calloway, J. P.")),
        ("Ek, Bo|B06", Contributor("Bo Ek", "B06", "Ek, Bo")),
        ("Le Guin, U. K.", Contributor("U. K. Le Guin", inverted="Le Guin, U. K.")),
        ("King, Ada, Jr", Contributor("Ada King, Jr", inverted="King, Ada, Jr")),
        ("Ada King, Jr.", Contributor("Ada King, Jr.")),
        ("Moss, Tar and Sons", Contributor("Moss, Tar and Sons")),
        ("Moss Books, Ltd", Contributor("Moss Books, Ltd")),
        ("Ada Example", Contributor("Ada Example")),
    ],
)
def test_an_inverted_name_is_shown_upright_and_sorts_by_surname(cell, person):
    [found] = editions(sheet(["isbn", "title", "author"], [ISBN, "Moss", cell]))
    assert found.contributors == (person,)


def test_isbns_of_related_books_are_read_in_any_form():
    [found] = editions(sheet(["isbn", "title", "related"], [ISBN, "M", "06|3-16-148410-X"]))
    assert [each.isbn for each in found.related] == ["9783161484100"]


def test_dates_are_read_in_the_order_of_the_shops_locale():
    content = sheet(["isbn", "title", "published"], [ISBN, "Moss", "3/4/2026"])
    days = [editions(content, locale=locale)[0].published for locale in ("en_GB", "en_US")]
    assert days == [date(2026, 4, 3), date(2026, 3, 4)]
