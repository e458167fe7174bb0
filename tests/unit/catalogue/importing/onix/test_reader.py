"""Messages: tag sets, encodings, headers, invalid files, line numbers, memory."""

import gc
import gzip
import io
import tracemalloc
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import Restriction
from bookshop.catalogue.importing.onix import message_frame, read, record_parser, splitter
from bookshop.catalogue.importing.onix.reader import UNSUPPORTED_TYPES
from bookshop.catalogue.importing.records import (
    DeleteRecord,
    FeedError,
    InvalidRecord,
    RecordError,
    ReplaceRecord,
    UpdateRecord,
)
from tests.unit.catalogue.importing.onix_files import (
    HEADER,
    ISBN,
    ISBNS,
    REFERENCE_SPACE,
    SHORT_SPACE,
    Raw,
    descriptive,
    fragment,
    message,
    price,
    record,
    stream,
    supply,
)

SHORT_BY_HAND = f"""<?xml version="1.0" encoding="UTF-8"?>
<ONIXmessage release="3.0"><header><sender><x298>Moss</x298></sender></header>
<product><a001>moss.1</a001><a002>03</a002>
<productidentifier><b221>15</b221><b244>{ISBN}</b244></productidentifier>
<descriptivedetail><x314>30</x314><b012>ED</b012><b333>E101</b333>
<productformfeature><b334>09</b334><b335>10</b335><b336>All</b336></productformfeature>
<collection><collectionsequence><x481>2</x481></collectionsequence><titledetail><b202>01</b202>
<titleelement><x409>02</x409><b030>The</b030><b031>Stones</b031></titleelement></titledetail></collection>
<titledetail><b202>01</b202><titleelement><x409>01</x409><b203>Moss</b203><b029>Life</b029>
</titleelement></titledetail>
<contributor><b034>1</b034><b035>A01</b035><b036>Ada Fern</b036><b037>Fern, Ada</b037></contributor>
<contributor><b034>2</b034><b035>B06</b035><b039>Max</b039><b040>Late</b040></contributor>
<contributor><b034>3</b034><b035>A12</b035><b047>Moss Ltd</b047></contributor>
<contributor><b034>4</b034><b035>A24</b035><b249>02</b249></contributor>
<language><b253>01</b253><b252>eng</b252></language>
<extent><b218>00</b218><b219>245</b219><b220>03</b220></extent>
<subject><x425/><b067>93</b067><b069>FBA</b069><b070>Fiction</b070></subject></descriptivedetail>
<collateraldetail><textcontent><x426>03</x426><x427>00</x427><d104>Green.</d104></textcontent>
<supportingresource><x436>01</x436><resourceversion><x441>02</x441><resourceversionfeature>
<x442>03</x442><x439>800</x439></resourceversionfeature><x435>moss.jpg</x435></resourceversion>
</supportingresource></collateraldetail>
<publishingdetail><imprint><b079>Fern</b079></imprint><publisher><b291>01</b291><b081>Moss</b081>
</publisher><b394>04</b394><publishingdate><x448>01</x448><b306>20260807</b306></publishingdate>
<salesrights><b089>07</b089><territory><x450>WORLD</x450><x451>US</x451><x452>ES-CN</x452></territory>
<salesrestriction><b381>06</b381><b324>20260101</b324><b325>2026</b325></salesrestriction></salesrights>
<x456>03</x456></publishingdetail>
<relatedmaterial><relatedwork><x454>01</x454><workidentifier><b201>11</b201><b244>A1</b244>
</workidentifier></relatedwork><relatedproduct><x455>06</x455><productidentifier><b221>15</b221>
<b244>{ISBNS[1]}</b244></productidentifier></relatedproduct></relatedmaterial>
<productsupply><market><territory><x449>GB</x449></territory></market><marketpublishingdetail>
<j407>04</j407><marketdate><j408>02</j408><b306>20260901</b306></marketdate></marketpublishingdetail>
<supplydetail><supplier><j137>Depot</j137></supplier><j396>21</j396><supplydate><x461>08</x461><b306>20260801</b306></supplydate>
<price><x462>02</x462><j261>05</j261><j151>7.99</j151><tax><x471>Z</x471><x472>0</x472></tax>
<j152>GBP</j152><territory><x450>WORLD</x450><x451>US</x451></territory><pricedate><x476>15</x476>
<b306>20261231</b306></pricedate></price></supplydetail></productsupply></product></ONIXmessage>
"""


def records_of(content):
    return list(read(stream(content)))


def error_of(content):
    with pytest.raises(FeedError) as failed:
        records_of(content)
    return failed.value.code


def test_every_field_in_short_tags():
    [parsed] = records_of(SHORT_BY_HAND.encode())
    edition = parsed.edition()
    empty = [name for name in edition.__struct_fields__ if not getattr(edition, name)]
    # The only offer is for one country, so the edition has no terms of its own.
    assert empty == ["sort_title", "on_sale", "expected", "minutes", "prices"]
    assert (edition.language, edition.pages, edition.cover) == ("eng", 245, "moss.jpg")
    assert [person.name for person in edition.contributors] == [
        "Ada Fern",
        "Max Late",
        "Moss Ltd",
        "Anonymous",
    ]
    [offer] = edition.offers
    assert (offer.countries, offer.prices[0].excluded) == (("GB",), ("US",))
    assert (offer.supplier, offer.on_sale) == ("Depot", date(2026, 9, 1))
    assert edition.restrictions == (
        Restriction("trade_only"),
        Restriction("no_rights", countries=("US",)),
        Restriction("restricted", date(2026, 1, 1), date(2026, 12, 31), excluded=("US",)),
    )


@pytest.mark.parametrize(
    ("short", "space"),
    [
        (False, None),
        (True, None),
        (False, REFERENCE_SPACE),
        (True, SHORT_SPACE),
        (False, "http://ns.editeur.org/onix/3.1/reference"),
        (False, "http://www.editeur.org/onix/3.0/reference"),
        (False, "urn:of-their-own"),
    ],
)
def test_tag_sets_and_namespaces_yield_the_same_edition(short, space):
    product = record(RelatedMaterial={}, CollateralDetail={})
    [plain] = records_of(message(product))
    [parsed] = records_of(message(product, short=short, space=space))
    assert parsed.edition() == plain.edition()
    assert parsed.reference == "moss.1"


def test_the_digest_ignores_namespace_and_position():
    [plain] = records_of(message(record()).replace(b"</Product>", b"</Product> <!-- x -->"))
    [spaced] = records_of(message(record(), space=REFERENCE_SPACE))
    [other] = records_of(message(record(DescriptiveDetail=descriptive("Stone"))))
    first, last = records_of(message(record(), record()))
    assert plain.digest == spaced.digest == first.digest == last.digest
    assert plain.digest != other.digest


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=40),
    st.sampled_from(["3.0", "3.1", "", "3.0.8"]),
)
def test_any_text_is_the_same_in_both_tag_sets(text, release):
    product = record(DescriptiveDetail=descriptive(f"Moss {text}"))
    reference, short = (
        records_of(message(product, short=short, release=release)) for short in (False, True)
    )
    assert reference[0].edition() == short[0].edition()
    assert reference[0].edition().title == " ".join(f"Moss {text}".split())


@pytest.mark.parametrize(
    "encoding", ["UTF-8", "ISO-8859-1", "windows-1252", "ISO-8859-15", "UTF-16", "utf-8-sig"]
)
def test_the_declared_encoding_is_read(encoding):
    product = record(DescriptiveDetail=descriptive("Été à Málaga"))
    content = message(product, encoding=encoding).replace(b'"utf-8-sig"', b'"UTF-8"')
    [parsed] = records_of(content)
    assert parsed.edition().title == "Été à Málaga"
    assert "Été".encode() in parsed.raw


def test_an_unknown_encoding_raises_an_error():
    assert error_of(message(record()).replace(b"UTF-8", b"KLINGON-9")) == "invalid_xml"


def test_a_message_is_read_from_a_pipe():
    class Pipe(io.RawIOBase):
        def __init__(self, content):
            self.rest = content

        def readable(self):
            return True

        def read(self, size=-1):
            found, self.rest = self.rest[:1], self.rest[1:]
            return found

    assert len(list(read(Pipe(gzip.compress(message(record())))))) == 1
    assert len(list(read(Pipe(message(record()))))) == 1


def test_a_record_has_its_line_number():
    content = message(record("moss.1"), record("moss.2", isbn=ISBNS[1]))
    first, second = (
        number for number, line in enumerate(content.splitlines(), 1) if line == b"<Product>"
    )
    assert [parsed.line for parsed in records_of(content)] == [first, second]


@pytest.mark.parametrize(
    ("product", "lines"),
    [
        ("<Product>\n  <RecordReference>m</RecordReference>\n\n</Product>\n", 4),
        ("<Product><RecordReference>m</RecordReference></Product>\n", 1),
        ("<Product><RecordReference>m\n\n</RecordReference></Product>\n", 3),
    ],
)
def test_lines_are_counted_beyond_65535(product, lines):
    count = 70_000 // lines
    content = "<ONIXMessage>\n" + product * count + "</ONIXMessage>"
    *_, last = read(stream(content.encode()))
    assert last.line == 2 + lines * (count - 1) > 65_535


@pytest.mark.parametrize(
    ("notification", "kind"),
    [
        ("01", ReplaceRecord),
        ("02", ReplaceRecord),
        ("03", ReplaceRecord),
        ("04", UpdateRecord),
        ("05", DeleteRecord),
    ],
)
def test_the_notification_type_selects_the_kind_of_record(notification, kind):
    [parsed] = records_of(message(record(notification=notification)))
    assert isinstance(parsed, kind)
    assert parsed.sku() == ISBN


@pytest.mark.parametrize(
    ("notification", "code"),
    [
        *((each, "unsupported_notification") for each in UNSUPPORTED_TYPES),
        ("77", "unknown_notification"),
        (None, "missing_notification"),
    ],
)
def test_other_notifications_are_refused(notification, code):
    odd = record("moss.odd", notification)
    refused, good = records_of(message(odd, record(isbn=ISBNS[1])))
    assert isinstance(refused, InvalidRecord)
    assert refused.code == code
    assert (refused.isbn, refused.reference) == (ISBN, "moss.odd")
    assert refused.line > 0
    assert good.edition().isbn == ISBNS[1]


def test_a_record_without_reference_is_refused():
    [refused] = records_of(message(record(None)))
    assert isinstance(refused, InvalidRecord)
    assert refused.code == "missing_reference"
    assert (refused.isbn, refused.reference) == (ISBN, None)


def test_header_and_message_are_optional():
    assert records_of(message(record(), header=None))[0].edition().isbn == ISBN
    for short in (False, True):
        [parsed] = records_of(fragment(record(), short=short))
        assert (parsed.line, parsed.edition().isbn) == (1, ISBN)


@pytest.mark.parametrize(
    "header",
    [
        {"SentDateTime": "20260601"},
        {"Sender": {}},
        {"Sender": {"EmailAddress": "a@b.example"}},
        {"Sender": [{"SenderName": "Moss"}, {}]},
        [HEADER, HEADER],
    ],
)
@pytest.mark.parametrize("short", [False, True])
def test_an_invalid_header_raises_an_error(header, short):
    assert error_of(message(record(), header=header, short=short)) == "invalid_header"


def test_a_sender_may_have_only_an_identifier():
    sender = {"SenderIdentifier": {"SenderIDType": "06", "IDValue": "1"}}
    assert len(records_of(message(record(), header={"Sender": sender}))) == 1


@pytest.mark.parametrize("short", [False, True])
def test_defaults_of_the_header_apply_to_each_record(short):
    header = HEADER | {
        "DefaultLanguageOfText": "fre",
        "DefaultPriceType": "04",
        "DefaultCurrencyCode": "EUR",
    }
    product = record(
        DescriptiveDetail=descriptive(Language={"LanguageRole": "02", "LanguageCode": "swe"}),
        ProductSupply=supply({"PriceAmount": "5"}, price()),
    )
    space = SHORT_SPACE if short else REFERENCE_SPACE
    [parsed] = records_of(message(product, header=header, short=short, space=space))
    edition = parsed.edition()
    assert edition.language == "fre"
    assert [(each.type, each.currency) for each in edition.prices] == [("04", "EUR"), ("02", "GBP")]
    before, after = message_frame(parsed.raw)
    assert records_of(before + parsed.raw + after)[0].edition() == edition


@pytest.mark.parametrize("short", [False, True])
def test_a_framed_record_is_a_message(short):
    [parsed] = records_of(message(record(), short=short, space=REFERENCE_SPACE))
    before, after = message_frame(parsed.raw)
    [again] = records_of(before + b"<!-- line 3 -->" + parsed.raw + after)
    assert (again.digest, again.edition()) == (parsed.digest, parsed.edition())


@pytest.mark.parametrize(
    "content",
    [
        message(record(), release="2.1"),
        message(record(), release="2.1", short=True),
        message(record(), space="http://www.editeur.org/onix/2.1/reference", release=None),
        message(record(), header={"FromCompany": "Moss", "SentDate": "20260601"}, release=None),
        message({"RecordReference": "m", "ProductForm": "BC"}, header=None, release=None),
        fragment({"RecordReference": "m", "Title": {"TitleText": "Moss"}}),
        b'<!DOCTYPE ONIXMessage SYSTEM "onix/2.1/onix.dtd"><ONIXMessage><Product/></ONIXMessage>',
    ],
)
def test_onix_2_1_is_refused(content):
    assert error_of(content) == "onix_2"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_xml"),
        (b"isbn,title\n", "invalid_xml"),
        (b"<rss><Product/></rss>", "not_onix"),
        (b"<rss/>", "not_onix"),
        (b'<ONIXMessage release="4.0"/>', "unsupported_release"),
        (gzip.compress(message(record()))[:-20], "damaged_compression"),
    ],
)
def test_a_file_that_is_no_message_raises_an_error(content, code):
    assert error_of(content) == code


def test_an_empty_message_has_no_records():
    assert records_of(message()) == []


def test_records_before_a_syntax_error_are_yielded():
    content = message(record("moss.1"), record("moss.2", isbn=ISBNS[1]))
    cut = content[: content.rindex(b"<ProductSupply>")]
    records = read(stream(cut))
    assert next(records).edition().isbn == ISBN
    with pytest.raises(FeedError) as failed:
        next(records)
    assert failed.value.code == "invalid_xml"


BOMB = (
    b'<!DOCTYPE ONIXMessage [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (ord("a") + n, b"&%c;" % (ord("a") + n - 1) * 10)
        for n in range(1, 9)
    )
    + b"]>"
)
OUTSIDE = b'<!DOCTYPE ONIXMessage [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
PARAMETER = b'<!DOCTYPE ONIXMessage [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>'


@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE, PARAMETER])
@pytest.mark.parametrize("name", ["a", "i"])
def test_a_file_that_declares_entities_is_refused(doctype, name):
    content = f"<ONIXMessage><Product><RecordReference>&{name};</RecordReference></Product>"
    assert error_of(doctype + content.encode() + b"</ONIXMessage>")


def test_html_entities_are_expanded():
    product = record(
        DescriptiveDetail=descriptive(Raw("&Eacute;t&eacute; &amp; <i>fl&ucirc;te</i>"))
    )
    plain = message(product)
    doctype = b'<!DOCTYPE ONIXMessage SYSTEM "ONIX_BookProduct_3.0_reference.dtd"><ONIXMessage'
    [parsed] = records_of(plain.replace(b"<ONIXMessage", doctype))
    assert parsed.edition().title == "Été & flûte"


def test_a_file_without_records_is_limited(monkeypatch):
    monkeypatch.setattr(splitter, "MAX_UNREAD_BYTES", 1024 * 1024)
    flood = b"<ONIXMessage>" + b"<x>y</x>" * 300_000
    assert error_of(flood) == "record_too_large"
    assert error_of(gzip.compress(flood)) == "record_too_large"


def test_the_limit_applies_to_each_record(monkeypatch):
    monkeypatch.setattr(splitter, "MAX_UNREAD_BYTES", 100_000)
    monkeypatch.setattr(record_parser, "MAX_RECORD_BYTES", 100_000)
    assert len(records_of(message(*[record()] * 500))) == 500


def test_memory_does_not_grow_with_the_file():
    class Endless(io.RawIOBase):
        """A message of many records, made while it is read."""

        def __init__(self, count):
            body = message(record(CollateralDetail={"TextContent": {"Text": "Moss. " * 500}}))
            start, end = body.index(b"<Product>"), body.index(b"</ONIXMessage>")
            self.parts = iter([body[:start], *[body[start:end]] * count, body[end:]])

        def readable(self):
            return True

        def read(self, size=-1):
            return next(self.parts, b"")

    def peak(count):
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in read(Endless(count))) == count
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    # Records have 3 kB each; the tolerance is for other allocations of this process.
    assert peak(1000) < peak(100) + 1_000_000


def test_records_remain_usable_after_later_ones_are_read():
    titles = [f"Moss {number}" for number in range(300)]
    content = message(*(record(DescriptiveDetail=descriptive(title)) for title in titles))
    assert [parsed.edition().title for parsed in records_of(content)] == titles


@pytest.mark.parametrize("noise", ["<!-- draft -->", "<?editor note?>"])
def test_comments_are_part_of_the_raw_record_and_not_of_the_edition(noise):
    product = record(
        DescriptiveDetail=descriptive(Raw(f"Mo{noise}ss")),
        CollateralDetail={"TextContent": {"TextType": "03", "Text": Raw(f"Gr{noise}een\n\nx")}},
    )
    [parsed] = records_of(message(product))
    edition = parsed.edition()
    assert (edition.title, edition.description) == ("Moss", "<p>Green</p><p>x</p>")
    assert noise.encode() in parsed.raw


XML = st.lists(
    st.sampled_from(
        [
            b"<ONIXMessage>",
            b"</ONIXMessage>",
            b'<ONIXmessage release="3.0" xmlns="urn:x">',
            b"<Header>",
            b"</Header>",
            b"<Sender><SenderName>m</SenderName></Sender>",
            b"<Product>",
            b"</Product>",
            b"<product/>",
            b"<RecordReference>m</RecordReference>",
            b"<NotificationType>03</NotificationType>",
            b"<DescriptiveDetail>",
            b"</DescriptiveDetail>",
            b"<ProductSupply>",
            b"</ProductSupply>",
            b"<TitleDetail><TitleElement><TitleText>T</TitleText></TitleElement></TitleDetail>",
            b"<!-- x -->",
            b"<?x y?>",
            b"<![CDATA[x]]>",
            b"&amp;",
            b"&x;",
            b"<!DOCTYPE ONIXMessage>",
            b'<?xml version="1.0" encoding="UTF-16"?>',
            b"\x1f\x8b",
            b"\xff\xfe",
            b"\x00",
        ]
    )
    | st.binary(max_size=6),
    max_size=14,
).map(b"".join)


@given(XML | st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_documented_errors(content):
    try:
        for parsed in read(stream(content)):
            parsed.sku()
            if isinstance(parsed, ReplaceRecord):
                parsed.edition()
    except (FeedError, RecordError):
        pass


@given(st.data())
def test_arbitrary_values_are_mapped_or_refused(data):
    content = bytearray(SHORT_BY_HAND.encode())
    marks = [place for place, byte in enumerate(content) if byte == ord(">")]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(marks)) + 1
        end = content.find(b"<", place)
        odd = data.draw(st.text("0123456789.,-TWORLD NaNé;&", max_size=9)).replace("&", "&amp;")
        content[place:end] = odd.encode()
        marks = [place for place, byte in enumerate(content) if byte == ord(">")][:-1]
    try:
        for parsed in read(stream(bytes(content))):
            if isinstance(parsed, ReplaceRecord):
                parsed.edition()
    except (FeedError, RecordError):
        pass
