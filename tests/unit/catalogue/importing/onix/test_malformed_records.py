"""Records that are not well-formed: each is refused alone, with its line and the true reason."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.onix import message_frame, read, record_parser
from bookshop.catalogue.importing.records import FeedError, InvalidRecord
from tests.unit.catalogue.importing.onix_files import (
    ISBNS,
    REFERENCE_SPACE,
    Raw,
    descriptive,
    fragment,
    message,
    record,
    stream,
)


def three(content, **options):
    """A message of three records, with `content` as the title of the second."""
    first, third = record("moss.1", isbn=ISBNS[0]), record("moss.3", isbn=ISBNS[2])
    second = record("moss.2", isbn=ISBNS[1], DescriptiveDetail=descriptive(Raw(content)))
    return message(first, second, third, **options)


def line_of(content, part):
    return content[: content.index(part)].count(b"\n") + 1


def references(content):
    return [parsed.reference for parsed in read(stream(content))]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Sec\x10ond", "U+0010"),
        ("Sec&#0;ond", "U+0000"),
        ("Sec&#x1;ond", "U+0001"),
        ("Salt & Tar", "&amp;"),
        ("Salt &Tar", "&amp;"),
        ("Salt &klingon; Tar", "&klingon;"),
        ("<i>Second", "tag"),
        ("Second</i>", "tag"),
        ("Sec <!-- on", "comment"),
        ("Sec <![CDATA[ on", "CDATA"),
        ("<p:i>Second</p:i>", "prefix"),
        ("<i a=1>Second</i>", "error"),
        ("<i>" * 300 + "</i>" * 300, "depth"),
    ],
)
@pytest.mark.parametrize("space", [None, REFERENCE_SPACE])
def test_a_malformed_record_is_refused_and_the_next_one_is_read(title, words, space):
    content = three(title, space=space)
    first, refused, third = read(stream(content))
    assert (first.edition().isbn, third.edition().isbn) == (ISBNS[0], ISBNS[2])
    assert isinstance(refused, InvalidRecord)
    assert (refused.code, refused.reference, refused.isbn) == ("invalid_xml", "moss.2", ISBNS[1])
    assert words in refused.reason
    assert refused.line == line_of(content, b"<RecordReference>moss.2") - 1
    assert third.line == line_of(content, b"<RecordReference>moss.3") - 1


def test_the_reason_names_the_line_of_the_fault():
    content = three("Sec\x10ond")
    _first, refused, _third = read(stream(content))
    assert f"line {line_of(content, bytes([16]))} " in refused.reason


@pytest.mark.parametrize("end", [b"", b"</Produkt>", b"</product>"])
def test_a_record_without_its_end_tag_ends_where_the_next_one_begins(end):
    content = three("Second")
    place = content.index(b"</Product>", content.index(b"moss.2"))
    broken = content[:place] + end + content[place + len(b"</Product>") :]
    first, refused, third = read(stream(broken))
    assert (refused.code, refused.reference) == ("invalid_xml", "moss.2")
    assert (first.reference, third.reference) == ("moss.1", "moss.3")
    assert b"moss.3" not in refused.raw


def test_the_last_record_without_its_end_tag_ends_with_the_message():
    content = message(record("moss.1"), record("moss.2", isbn=ISBNS[1]))
    place = content.rindex(b"</Product>")
    first, refused = read(stream(content[:place] + content[place + len(b"</Product>") :]))
    assert (first.reference, refused.reference, refused.code) == (
        "moss.1",
        "moss.2",
        "invalid_xml",
    )


def test_a_record_with_a_misspelt_start_tag_is_refused():
    content = three("Second")
    place = content.index(b"<Product>", content.index(b"moss.1"))
    broken = content[:place] + b"<Produkt>" + content[place + len(b"<Product>") :]
    first, refused, third = read(stream(broken))
    assert (first.reference, third.reference) == ("moss.1", "moss.3")
    assert (refused.code, refused.sku()) == ("invalid_xml", None)


@pytest.mark.parametrize("where", [b"<ProductSupply>", b"</ONIXMessage>"])
def test_a_truncated_file_is_not_read_to_its_end(where):
    content = three("Second")
    records = read(stream(content[: content.rindex(where)]))
    read_before = [next(records).reference, next(records).reference]
    assert read_before == ["moss.1", "moss.2"]
    with pytest.raises(FeedError) as failed:
        list(records)
    assert failed.value.code == "invalid_xml"


@pytest.mark.parametrize(
    "title",
    [
        "<!-- </Product> -->Second",
        "<![CDATA[</Product>]]>",
        "<?note </Product> ?>Second",
        "<![CDATA[<Product>]]>Second",
        "<!-- <![CDATA[ -->Second",
        "<![CDATA[<!-- ]]>Second",
    ],
)
def test_tags_in_comments_and_cdata_sections_do_not_end_a_record(title):
    parsed = list(read(stream(three(title))))
    assert [each.reference for each in parsed] == ["moss.1", "moss.2", "moss.3"]
    assert parsed[1].edition().isbn == ISBNS[1]


def test_an_open_comment_does_not_end_in_a_later_record():
    content = three("Sec <!-- on").replace(b"moss.3", b"moss.3<!-- x -->")
    assert references(content) == ["moss.1", "moss.2", "moss.3"]


def test_a_text_cannot_contain_another_record():
    inner = message(record("moss.evil", "05", isbn=ISBNS[3]), header=None).decode()
    hidden = inner[inner.index("<Product>") : inner.index("</ONIXMessage>")]
    first, refused, third = read(stream(three(f"<![CDATA[</Product>{hidden}]]>")))
    assert (first.reference, third.reference) == ("moss.1", "moss.3")
    assert isinstance(refused, InvalidRecord)


def test_records_in_a_comment_are_not_read():
    content = message(record("moss.1"), record("moss.2"), record("moss.3"))
    start = content.index(b"<Product>", content.index(b"moss.1"))
    end = content.index(b"</Product>", start) + len(b"</Product>")
    hidden = content[:start] + b"<!-- " + content[start:end] + b" -->" + content[end:]
    assert references(hidden) == ["moss.1", "moss.3"]


@pytest.mark.parametrize(
    "title",
    ["Caf&eacute;", "Caf&#233;", "Caf&#xE9;", "<![CDATA[Café]]>", "Caf&eacute;<!-- &eacute; -->"],
)
def test_named_characters_of_html_are_read_without_a_dtd(title):
    _first, second, _third = read(stream(three(title)))
    assert second.edition().title == "Café"


def test_named_characters_do_not_become_markup():
    _first, second, _third = read(stream(three("5 &LT; 6 &AMP; 7 &QUOT;8&QUOT;")))
    assert second.edition().title == '5 < 6 & 7 "8"'


@pytest.mark.parametrize("blank", [b"\n", b"\r\n\r\n", b"  \n\t\n", b"\xef\xbb\xbf\n"])
def test_blank_lines_before_the_declaration_are_skipped(blank):
    content = blank + three("Second")
    parsed = list(read(stream(content)))
    assert [each.reference for each in parsed] == ["moss.1", "moss.2", "moss.3"]
    assert parsed[1].line == line_of(content, b"<RecordReference>moss.2") - 1


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ("UTF-8", "cp1252"),
        ("ISO-8859-1", "cp1252"),
        ("us-ascii", "cp1252"),
        ("ISO-8859-1", "utf-8"),
        ("windows-1252", "utf-8"),
        ("windows-1250", "utf-8"),
        ("GBK", "utf-8"),
        ("UTF-16", "utf-8"),
        ("UTF-16", "cp1252"),
        ("UTF-8", "utf-16"),
        ("ISO-8859-1", "utf-16-be"),
        ("UTF-8", "utf-32"),
    ],
)
def test_an_encoding_that_is_declared_wrongly_is_recognised(declared, actual):
    title = "Café \N{EN DASH} „Été” für €5"
    content = three("SECOND").decode().replace("UTF-8", declared).replace("SECOND", title)
    _first, second, _third = read(stream(content.encode(actual)))
    assert second.edition().title == title
    assert title.encode() in second.raw


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("windows-1250", "Zażółć gęślą jaźń"),
        ("ISO-8859-2", "Žluťoučký kůň"),
        ("windows-1251", "Тихий Дон"),
        ("KOI8-R", "Тихий Дон"),
        ("Shift_JIS", "羅生門"),
        ("Big5", "紅樓夢"),
        ("GB18030", "联通"),
        ("EUC-KR", "춘향전"),
        ("macintosh", "Été"),
        ("windows-1252", "LIBERTÉ»"),
    ],
)
def test_a_true_declaration_is_believed(encoding, title):
    content = three("SECOND").decode().replace("UTF-8", encoding).replace("SECOND", title)
    _first, second, _third = read(stream(content.encode(encoding)))
    assert second.edition().title == title


def test_latin_1_is_read_as_windows_1252():
    content = three("SECOND").decode().replace("UTF-8", "ISO-8859-1")
    raw = content.encode().replace(b"SECOND", b"The Keeper\x92s \x93Year\x94 \x96 \x805")
    _first, second, _third = read(stream(raw))
    assert second.edition().title == "The Keeper’s “Year” \N{EN DASH} €5"


@pytest.mark.parametrize("title", [b"Caf\xe9 and \xc3\xa9t\xc3\xa9", b"\x81", b"\xed\xa0\x80"])
def test_a_record_in_no_encoding_is_refused_alone(title):
    content = three("SECOND").replace(b"SECOND", title)
    first, refused, third = read(stream(content))
    assert (first.reference, third.reference) == ("moss.1", "moss.3")
    assert (refused.code, refused.reference) == ("invalid_encoding", "moss.2")
    assert f"line {line_of(content, title)} " in refused.reason


@pytest.mark.parametrize("declared", ["utf-7", "unicode_escape", "zip", "cp037", "idna"])
def test_encodings_that_are_not_those_of_text_are_refused(declared):
    content = three("Second").replace(b"UTF-8", declared.encode())
    with pytest.raises(FeedError):
        list(read(stream(content)))


@pytest.mark.parametrize("more", [message(record()), fragment(record()), b"<x/>"])
def test_a_second_message_is_not_ignored(more):
    records = read(stream(message(record("moss.1")) + more))
    assert next(records).reference == "moss.1"
    if more != b"<x/>":
        with pytest.raises(FeedError):
            list(records)


@pytest.mark.parametrize("short", [False, True])
def test_a_refused_record_is_read_again_once_it_is_corrected(short):
    content = three("Salt & Tar", short=short, space=REFERENCE_SPACE)
    _first, refused, _third = read(stream(content))
    begin, end = message_frame(refused.raw)
    [again] = read(stream(begin + refused.raw + end))
    assert (again.code, again.reference) == ("invalid_xml", "moss.2")
    [corrected] = read(stream(begin + refused.raw.replace(b" & ", b" &amp; ") + end))
    assert corrected.edition().title == "Salt & Tar"


@pytest.mark.parametrize(
    "text",
    [
        b"<a/>" * 500_000,
        b"<Price/>" * 250_000,
        b"<i " + b" ".join(b"a%d=''" % number for number in range(200_000)) + b"/>",
        b"x" * 5_000_000,
    ],
)
def test_a_record_with_more_than_any_book_needs_is_refused_unread(text):
    _first, refused, third = read(stream(three("SECOND").replace(b"SECOND", text)))
    assert (refused.code, third.reference) == ("record_too_large", "moss.3")


@pytest.mark.detail
@pytest.mark.parametrize(
    ("opener", "size"),
    [
        *((opener, 2_000_000) for opener in (b"<!--", b"<![CDATA[", b"<?x ", b"<!--x-->", b"&x;")),
        *((opener, 300_000) for opener in (b"<Product>", b"<Product><![CDATA[")),
    ],
)
def test_many_openers_without_ends_take_linear_time(opener, size):
    content = b"<ONIXMessage>" + opener * (size // len(opener)) + b"</ONIXMessage>"
    begin = time.process_time()
    try:
        for _refused in read(stream(content)):
            pass
    except FeedError:
        pass
    assert time.process_time() - begin < 30


@given(st.integers(0, 10_000), st.binary(max_size=4), st.integers(0, 12))
def test_damage_in_one_record_never_costs_another(place, noise, cut):
    content = three("Second")
    start = content.index(b"<RecordReference>moss.2")
    end = content.index(b"</Product>", start)
    at = start + place % (end - start)
    broken = content[:at] + noise.replace(b"<", b"") + content[min(at + cut, end) :]
    found = references(broken)
    assert (found[0], found[-1]) == ("moss.1", "moss.3")
    assert len(found) <= 4  # damage can make an end tag: </ProductForm> becomes </Product>


def test_the_limit_of_tags_is_beyond_every_book():
    assert record_parser.MAX_TAGS >= 100_000
