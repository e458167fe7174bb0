"""What a record says of the product itself."""

from datetime import date

import pytest

from bookshop.catalogue.edition import Contributor, Feature, Related, Series, Subject
from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.importing.records import RecordError
from tests.unit.catalogue.importing.onix_files import (
    ISBN,
    ISBNS,
    Raw,
    With,
    descriptive,
    message,
    record,
    stream,
    supply,
    titled,
)


def edition_of(**blocks):
    [parsed] = read(stream(message(record(**blocks))))
    return parsed.edition()


def refusal_of(**blocks):
    with pytest.raises(RecordError) as refused:
        edition_of(**blocks)
    return refused.value


def described(**block):
    return edition_of(DescriptiveDetail=descriptive(**block))


def number(kind, value):
    return {"ProductIDType": kind, "IDValue": value}


@pytest.mark.parametrize(
    ("numbers", "sku", "isbn"),
    [
        ([number("15", ISBN)], ISBN, ISBN),
        ([number("15", "978-3-16-148410-0")], ISBN, ISBN),
        ([number("03", ISBN)], ISBN, ISBN),
        ([number("02", "3-16-148410-X")], ISBN, ISBN),
        ([number("02", "0306406152"), number("15", ISBN)], ISBN, ISBN),
        ([number("15", ISBN), number("15", ISBNS[1])], ISBN, ISBN),
        ([number("01", "M-1"), number("03", "4006381333931")], "M-1", None),
        ([number("03", "4006381333931")], "4006381333931", None),
        ([number("03", "9790060115615")], "9790060115615", None),
    ],
)
def test_the_sku_is_the_isbn_or_the_proprietary_number_or_the_gtin(numbers, sku, isbn):
    edition = edition_of(ProductIdentifier=numbers)
    assert (edition.sku, edition.isbn, edition.reference) == (sku, isbn, "moss.1")


@pytest.mark.parametrize(
    ("kind", "printed"),
    [
        ("15", "9783161484101"),
        ("03", "9783161484101"),
        ("15", "978316148410"),
        ("15", "4006381333931"),
        ("15", "97831614841OO"),
        ("02", "3161484101"),
    ],
)
def test_an_invalid_isbn_is_refused(kind, printed):
    refusal = refusal_of(ProductIdentifier=number(kind, printed))
    assert (refusal.code, refusal.isbn) == ("invalid_isbn", printed)


def test_a_record_without_identifier_is_refused():
    assert refusal_of(isbn=None).code == "missing_identifier"


@pytest.mark.parametrize(
    ("detail", "title"),
    [
        (titled(TitleText="Moss"), "Moss"),
        (titled(TitleText="  Moss\n  and stone "), "Moss and stone"),
        (titled(TitlePrefix="The", TitleWithoutPrefix="Bees"), "The Bees"),
        (titled(TitlePrefix="L'", TitleWithoutPrefix="Été"), "L'Été"),
        (titled(TitlePrefix="L\u2019", TitleWithoutPrefix="Été"), "L\u2019Été"),
        (titled(NoPrefix="", TitleWithoutPrefix="Bees"), "Bees"),
        (titled(TitleText=Raw("On <i>Moss</i>, again")), "On Moss, again"),
        ([titled(kind="10", TitleText="MOSS"), titled(TitleText="Moss")], "Moss"),
        (titled(kind="10", TitleText="MOSS"), "MOSS"),
    ],
)
def test_the_distinctive_title_is_preferred(detail, title):
    assert described(TitleDetail=detail).title == title


def test_a_volume_without_title_is_named_after_its_collection():
    elements = [
        {"TitleElementLevel": "02", "TitleText": "Mosses of the World"},
        {"TitleElementLevel": "01", "PartNumber": "3"},
    ]
    edition = described(TitleDetail={"TitleType": "01", "TitleElement": elements})
    assert edition.title == "Mosses of the World, 3"
    assert edition.series == (Series("Mosses of the World", "3"),)


def test_a_record_without_title_is_refused():
    refusal = refusal_of(DescriptiveDetail={"ProductForm": "BC"})
    assert (refusal.code, refusal.isbn) == ("missing_title", ISBN)
    assert refusal_of(DescriptiveDetail=None).code == "missing_title"


def test_a_subtitle():
    assert described(TitleDetail=titled(TitleText="Moss", Subtitle="A Life")).subtitle == "A Life"


@pytest.mark.parametrize(
    ("collection", "series"),
    [
        ({"TitleDetail": titled(level="02", TitleText="Stones")}, Series("Stones")),
        (
            {"TitleDetail": titled(level="02", TitleText="Stones", PartNumber="4")},
            Series("Stones", "4"),
        ),
        (
            {
                "CollectionSequence": {"CollectionSequenceNumber": "2"},
                "TitleDetail": titled(level="02", TitlePrefix="The", TitleWithoutPrefix="Stones"),
            },
            Series("The Stones", "2"),
        ),
        (
            {
                "TitleDetail": {
                    "TitleType": "01",
                    "TitleElement": [
                        {"TitleElementLevel": "02", "TitleText": "Stones"},
                        {"TitleElementLevel": "01", "PartNumber": "1"},
                    ],
                }
            },
            Series("Stones", "1"),
        ),
    ],
)
def test_a_series_has_a_title_and_an_optional_number(collection, series):
    assert described(Collection=collection).series == (series,)


def test_contributors_are_in_sequence_once_for_each_role():
    people = [
        {"SequenceNumber": "2", "ContributorRole": "B06", "PersonName": "Lois Roth"},
        {"SequenceNumber": "1", "ContributorRole": ["A01", "A12"], "PersonName": "Ada Moss"},
        {"ContributorRole": "A24", "PersonName": "Max Late"},
    ]
    assert described(Contributor=people).contributors == (
        Contributor("Ada Moss", "A01"),
        Contributor("Ada Moss", "A12"),
        Contributor("Lois Roth", "B06"),
        Contributor("Max Late", "A24"),
    )


@pytest.mark.parametrize(
    ("names", "name", "inverted"),
    [
        ({"PersonNameInverted": "Murakami, Haruki"}, "Haruki Murakami", "Murakami, Haruki"),
        (
            {"PersonNameInverted": "King, Martin Luther, Jr"},
            "Martin Luther King, Jr",
            "King, Martin Luther, Jr",
        ),
        ({"NamesBeforeKey": "Maj", "KeyNames": "Sjöwall"}, "Maj Sjöwall", "Sjöwall, Maj"),
        (
            {"NamesBeforeKey": "Ludwig", "PrefixToKey": "van", "KeyNames": "Beethoven"},
            "Ludwig van Beethoven",
            "van Beethoven, Ludwig",
        ),
        ({"KeyNames": "Plato"}, "Plato", "Plato"),
        ({"CorporateName": "Moss & Sons"}, "Moss & Sons", None),
        ({"CorporateNameInverted": "Moss Society, The"}, "The Moss Society", "Moss Society, The"),
        ({"UnnamedPersons": "02"}, "Anonymous", None),
        ({"UnnamedPersons": "04"}, "Various", None),
    ],
)
def test_names_are_composed_of_their_parts(names, name, inverted):
    person = {"SequenceNumber": "1", "ContributorRole": "A01"} | names
    assert described(Contributor=person).contributors == (Contributor(name, "A01", inverted),)


def test_a_contributor_without_name_is_ignored():
    person = {"SequenceNumber": "1", "ContributorRole": "A01"}
    assert described(Contributor=person).contributors == ()


def test_form_and_details():
    edition = described(ProductForm="ED", ProductFormDetail=["E101", "E200"])
    assert (edition.form, edition.details) == ("ED", ("E101", "E200"))
    assert described(ProductForm="paper").form == "00"


def test_the_language_is_that_of_the_text():
    languages = [
        {"LanguageRole": "02", "LanguageCode": "swe"},
        {"LanguageRole": "01", "LanguageCode": "eng"},
    ]
    assert described(Language=languages).language == "eng"
    assert described(Language=languages[0]).language == "und"
    assert described(Language={"LanguageRole": "01", "LanguageCode": "English"}).language == "und"


def extent(kind, value, unit):
    return {"ExtentType": kind, "ExtentValue": value, "ExtentUnit": unit}


@pytest.mark.parametrize(
    ("extents", "pages", "minutes"),
    [
        ([extent("00", "245", "03")], 245, None),
        ([extent("08", "300", "03"), extent("00", "245", "03")], 245, None),
        ([extent("07", "260", "03"), extent("22", "795098", "17")], 260, None),
        ([extent("10", "1234", "04")], None, None),
        ([extent("00", "many", "03")], None, None),
        ([extent("09", "90", "05")], None, 90),
        ([extent("09", "1.5", "04")], None, 90),
        ([extent("09", "5400", "06")], None, 90),
        ([extent("09", "012", "14")], None, 720),
        ([extent("09", "00130", "15")], None, 90),
        ([extent("09", "0013030", "16")], None, 91),
        ([extent("09", "117", "11")], None, None),
        ([extent("09", "NaN", "05")], None, None),
    ],
)
def test_pages_and_minutes(extents, pages, minutes):
    edition = described(Extent=extents)
    assert (edition.pages, edition.minutes) == (pages, minutes)


def test_subjects_have_code_heading_and_main_flag():
    subjects = [
        {"MainSubject": "", "SubjectSchemeIdentifier": "93", "SubjectCode": "FBA"},
        {
            "SubjectSchemeIdentifier": "10",
            "SubjectCode": "FIC022000",
            "SubjectHeadingText": "FICTION / Mystery",
        },
        {"SubjectSchemeIdentifier": "20", "SubjectHeadingText": "bees; maps ;"},
        {"SubjectSchemeIdentifier": "24", "SubjectCode": "our-7"},
        {"SubjectSchemeIdentifier": "29", "SubjectCode": "3751"},
    ]
    assert described(Subject=subjects).subjects == (
        Subject("93", "FBA", main=True),
        Subject("10", "FIC022000", "FICTION / Mystery"),
        Subject("20", heading="bees"),
        Subject("20", heading="maps"),
        Subject("29", "3751"),
    )


def test_accessibility_features_are_mapped():
    features = [
        {"ProductFormFeatureType": "09", "ProductFormFeatureValue": "10"},
        {
            "ProductFormFeatureType": "09",
            "ProductFormFeatureValue": "00",
            "ProductFormFeatureDescription": "Read aloud, all of it.",
        },
        {"ProductFormFeatureType": "06", "ProductFormFeatureValue": "10"},
    ]
    assert described(ProductFormFeature=features).accessibility == (
        Feature("10"),
        Feature("00", "Read aloud, all of it."),
    )


def description_of(*contents):
    return edition_of(CollateralDetail={"TextContent": list(contents)}).description


def content(kind, text, audience="00"):
    return {"TextType": kind, "ContentAudience": audience, "Text": text}


def test_the_long_description_is_preferred():
    assert description_of(content("02", "Short."), content("03", "Long.")) == "<p>Long.</p>"
    assert description_of(content("12", "Life."), content("02", "Short.")) == "<p>Short.</p>"
    assert description_of(content("12", "Life.")) == ""


def test_texts_for_the_trade_are_ignored():
    assert (
        description_of(content("03", "Order now!", "02"), content("02", "Short."))
        == "<p>Short.</p>"
    )
    assert description_of(content("03", "Moss.", "03")) == "<p>Moss.</p>"


@pytest.mark.parametrize(
    "text",
    [
        With(Raw("<p>Moss &amp; <em>stone</em></p>"), textformat="05"),
        With("<p>Moss &amp; <em>stone</em></p>", textformat="02"),
        With("<p>Moss &amp; <em>stone</em></p>", textformat="05"),
        With("<p>Moss &amp; <em>stone</em></p>", textformat="06"),
        With("&lt;p&gt;Moss &amp;amp; &lt;em&gt;stone&lt;/em&gt;&lt;/p&gt;", textformat="02"),
        With(Raw("<![CDATA[<p>Moss &amp; <em>stone</em></p>]]>"), textformat="02"),
        Raw("<p>Moss &amp; <em onclick='x()'>stone</em></p><script>x()</script>"),
    ],
)
def test_markup_is_read_with_any_textformat(text):
    assert description_of(content("03", text)) == "<p>Moss &amp; <em>stone</em></p>"


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(
    "markup",
    [
        'Moss, <em xmlns="http://www.w3.org/1999/xhtml">green</em> &lt;3',
        'Moss, <x:em xmlns:x="http://www.w3.org/1999/xhtml">green</x:em> &lt;3',
    ],
)
def test_markup_with_a_namespace_is_read(short, markup):
    product = record(CollateralDetail={"TextContent": content("03", Raw(markup))})
    [parsed] = read(stream(message(product, short=short)))
    assert parsed.edition().description == "<p>Moss, <em>green</em> &lt;3</p>"


def picture(link, form="02", width=None, **more):
    features = {"ResourceVersionFeatureType": "03", "FeatureValue": width} if width else []
    version = {"ResourceForm": form, "ResourceVersionFeature": features, "ResourceLink": link}
    return {"ResourceContentType": "01", "ContentAudience": "00", "ResourceVersion": version} | more


@pytest.mark.parametrize(
    ("pictures", "cover"),
    [
        ([picture("moss.jpg")], "moss.jpg"),
        ([picture("https://a.example/\n   moss.jpg")], "https://a.example/moss.jpg"),
        ([picture("back.jpg", ResourceContentType="02")], None),
        ([picture("small.jpg", width="80"), picture("big.jpg", width="800")], "big.jpg"),
        ([picture("page", form="01", width="900"), picture("file.jpg")], "file.jpg"),
        ([picture("trade.jpg", ContentAudience="02")], None),
        ([picture("")], None),
    ],
)
def test_the_widest_downloadable_front_cover_is_preferred(pictures, cover):
    assert edition_of(CollateralDetail={"SupportingResource": pictures}).cover == cover


def test_publisher_imprint_and_day():
    edition = edition_of(
        PublishingDetail={
            "Imprint": {"ImprintName": "Fern"},
            "Publisher": [
                {"PublishingRole": "02", "PublisherName": "Partner"},
                {"PublishingRole": "01", "PublisherName": "Moss"},
            ],
            "PublishingDate": [
                {"PublishingDateRole": "11", "Date": "19680101"},
                {"PublishingDateRole": "01", "Date": With("20260807", dateformat="00")},
            ],
        }
    )
    assert (edition.publisher, edition.imprint) == ("Moss", "Fern")
    assert edition.published == date(2026, 8, 7)


@pytest.mark.parametrize(
    ("composite", "day"),
    [
        ({"Date": "20260807"}, date(2026, 8, 7)),
        ({"Date": "2026-08-07"}, date(2026, 8, 7)),
        ({"DateFormat": "00", "Date": "20260807"}, date(2026, 8, 7)),
        ({"DateFormat": "14", "Date": "20260807T000000+0200"}, date(2026, 8, 7)),
        ({"Date": With("202608", dateformat="01")}, date(2026, 8, 1)),
        ({"Date": With("2026", dateformat="05")}, date(2026, 1, 1)),
        ({"Date": With("202612", dateformat="02")}, None),
        ({"Date": "20261307"}, None),
        ({"Date": "00000000"}, None),
        ({"Date": "soon"}, None),
    ],
)
def test_an_unreadable_publication_date_is_ignored(composite, day):
    detail = {"PublishingDate": {"PublishingDateRole": "01"} | composite}
    assert edition_of(PublishingDetail=detail).published == day


def test_an_invalid_date_of_an_image_is_ignored():
    resource = picture("moss.jpg")
    resource["ResourceVersion"]["ContentDate"] = {"ContentDateRole": "17", "Date": "20263112"}
    assert edition_of(CollateralDetail={"SupportingResource": resource}).cover == "moss.jpg"


def relation(code, *numbers):
    return {"ProductRelationCode": code, "ProductIdentifier": list(numbers)}


def test_related_products_need_an_isbn():
    edition = edition_of(
        RelatedMaterial={
            "RelatedProduct": [
                relation(["06", "27"], number("03", ISBNS[1]), number("15", ISBNS[1])),
                relation("23", number("02", "0306406152")),
                relation("06", number("15", "9783161484101")),
                relation("06", number("01", "M-2")),
                relation("06", number("15", ISBN)),
            ]
        }
    )
    assert edition.related == (
        Related("06", ISBNS[1]),
        Related("27", ISBNS[1]),
        Related("23", ISBNS[1]),
    )


@pytest.mark.parametrize(
    ("material", "work"),
    [
        (
            {
                "RelatedWork": {
                    "WorkRelationCode": "01",
                    "WorkIdentifier": {"WorkIDType": "11", "IDValue": "A022009"},
                }
            },
            "11:A022009",
        ),
        (
            {
                "RelatedWork": {
                    "WorkRelationCode": "01",
                    "WorkIdentifier": {
                        "WorkIDType": "01",
                        "IDTypeName": "Moss",
                        "IDValue": "7",
                    },
                }
            },
            "01:Moss:7",
        ),
        (
            {
                "RelatedWork": {
                    "WorkRelationCode": "01",
                    "WorkIdentifier": {"WorkIDType": "15", "IDValue": "978-0-306-40615-7"},
                }
            },
            ISBNS[1],
        ),
        (
            {
                "RelatedWork": {
                    "WorkRelationCode": "29",
                    "WorkIdentifier": {"WorkIDType": "11", "IDValue": "A022009"},
                }
            },
            None,
        ),
        ({"RelatedProduct": relation("06", number("15", ISBNS[1]))}, ISBNS[1]),
        ({"RelatedProduct": relation("13", number("15", ISBNS[2]))}, ISBN),
        ({"RelatedProduct": relation("23", number("15", ISBNS[1]))}, None),
        ({}, None),
    ],
)
def test_a_work_without_identifier_has_the_smallest_isbn(material, work):
    assert edition_of(RelatedMaterial=material).work == work


def test_all_formats_have_the_same_work():
    first, second = ISBNS[:2]
    names = {
        edition_of(
            isbn=own, RelatedMaterial={"RelatedProduct": relation("06", number("15", other))}
        ).work
        for own, other in ((first, second), (second, first))
    }
    assert names == {min(first, second)}


@pytest.mark.parametrize(
    ("publishing", "selling", "availability"),
    [
        ({}, supply(availability="21"), "21"),
        ({"PublishingStatus": "07"}, supply(availability="21"), "21"),
        ({"PublishingStatus": "07"}, supply(availability=""), "51"),
        ({"PublishingStatus": "01"}, supply(availability="20"), "01"),
        ({"PublishingStatus": "02"}, None, "10"),
        ({}, None, "20"),
    ],
)
def test_a_cancellation_overrides_the_suppliers_availability(publishing, selling, availability):
    edition = edition_of(PublishingDetail=publishing, ProductSupply=selling)
    assert edition.availability == availability


def test_the_availability_of_each_supplier_is_kept():
    details = [{"ProductAvailability": code} for code in ("40", "31", "21", "10")]
    edition = edition_of(ProductSupply={"SupplyDetail": details})
    assert [offer.availability for offer in edition.offers] == ["40", "31", "21", "10"]
