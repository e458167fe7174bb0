"""Where a record has several texts or taxes, all are regarded and the right one is chosen."""

import pytest

from bookshop.catalogue.edition import Contributor, Feature, Price, Series, Subject
from bookshop.catalogue.importing.onix import read
from tests.unit.catalogue.importing.onix_files import (
    Raw,
    With,
    descriptive,
    message,
    price,
    record,
    stream,
    supply,
    titled,
)


def parsed(locale="en_GB", **blocks):
    [found] = read(stream(message(record(**blocks))), locale)
    return found


def edition_of(locale="en_GB", **blocks):
    return parsed(locale, **blocks).edition()


def description_of(locale, *contents):
    return edition_of(locale, CollateralDetail={"TextContent": list(contents)}).description


def content(kind, *texts, audience="00"):
    return {"TextType": kind, "ContentAudience": audience, "Text": list(texts)}


FRENCH, ENGLISH = With("Phares.", language="fre"), With("Lights.", language="eng")
PLAIN, GERMAN = "Plain.", With("Feuer.", language="ger")


@pytest.mark.parametrize(
    ("locale", "contents", "text"),
    [
        ("en_GB", [content("03", FRENCH, ENGLISH)], "Lights."),
        ("fr_FR", [content("03", ENGLISH, FRENCH)], "Phares."),
        ("fr_CA", [content("03", ENGLISH), content("03", FRENCH)], "Phares."),
        ("en_GB", [content("03", FRENCH), content("02", ENGLISH)], "Lights."),
        ("en_GB", [content("02", ENGLISH), content("03", PLAIN)], "Lights."),
        ("de_DE", [content("03", FRENCH, PLAIN)], "Plain."),
        ("de_DE", [content("03", FRENCH, ENGLISH)], "Phares."),
        ("en_GB", [content("03", ENGLISH, audience="02"), content("03", FRENCH)], "Phares."),
        ("en_GB", [content("03", With("", language="eng"), FRENCH)], "Phares."),
        ("de_DE", [content("03", ENGLISH, With("Feuer.", language="GER"))], "Feuer."),
    ],
)
def test_the_description_is_in_the_shops_language(locale, contents, text):
    assert description_of(locale, *contents) == f"<p>{text}</p>"


@pytest.mark.parametrize(("locale", "heading"), [("en_GB", "Lamps"), ("fr_FR", "Lampes")])
def test_headings_and_notes_are_in_the_shops_language(locale, heading):
    headings = [With("Lampes", language="fre"), With("Lamps", language="eng")]
    block = descriptive(
        Subject={
            "SubjectSchemeIdentifier": "93",
            "SubjectCode": "WFB",
            "SubjectHeadingText": headings,
        },
        ProductFormFeature={
            "ProductFormFeatureType": "09",
            "ProductFormFeatureValue": "94",
            "ProductFormFeatureDescription": headings,
        },
    )
    edition = edition_of(locale, DescriptiveDetail=block)
    assert edition.subjects == (Subject("93", "WFB", heading),)
    assert edition.accessibility == (Feature("94", heading),)


def test_the_digest_depends_on_the_language_where_there_is_a_choice():
    several = {"CollateralDetail": {"TextContent": content("03", FRENCH, ENGLISH)}}
    assert parsed("en_GB", **several).digest == parsed("en_US", **several).digest
    assert parsed("en_GB", **several).digest != parsed("fr_FR", **several).digest
    assert parsed("en_GB").digest == parsed("fr_FR").digest


def test_texts_that_were_escaped_twice_are_read_in_every_field():
    twice = Raw("Salt &amp;amp; &lt;i&gt;Tar&lt;/i&gt;")
    text = "Salt & Tar"
    block = descriptive(
        TitleDetail=titled(TitleText=twice, Subtitle=twice),
        Collection={"TitleDetail": titled(level="02", TitleText=twice, PartNumber=twice)},
        Contributor={"ContributorRole": "A01", "PersonName": twice, "PersonNameInverted": twice},
        Subject=[
            {"SubjectSchemeIdentifier": "93", "SubjectCode": "FB", "SubjectHeadingText": twice},
            {"SubjectSchemeIdentifier": "20", "SubjectHeadingText": Raw("Salt &amp;amp; Tar;Sea")},
        ],
    )
    publishing = {
        "Imprint": {"ImprintName": twice},
        "Publisher": {"PublishingRole": "01", "PublisherName": twice},
    }
    edition = edition_of(DescriptiveDetail=block, PublishingDetail=publishing)
    assert (edition.title, edition.subtitle) == (text, text)
    assert edition.series == (Series(text, text),)
    assert edition.contributors == (Contributor(text, "A01", text),)
    assert (edition.publisher, edition.imprint) == (text, text)
    assert [subject.heading for subject in edition.subjects] == [text, text, "Sea"]


@pytest.mark.parametrize(
    ("element", "title", "sort_title"),
    [
        ({"TitlePrefix": "The", "TitleWithoutPrefix": "Hour"}, "The Hour", "Hour"),
        ({"TitlePrefix": "L’", "TitleWithoutPrefix": "Été"}, "L’Été", "Été"),
        (
            {"TitleText": "The Hour", "TitlePrefix": "The", "TitleWithoutPrefix": "Hour"},
            "The Hour",
            "Hour",
        ),
        ({"NoPrefix": "", "TitleWithoutPrefix": "Hour"}, "Hour", None),
        ({"TitleText": "The Hour"}, "The Hour", None),
        (
            {"TitleText": With("1984", collationkey="Nineteen Eighty-Four")},
            "1984",
            "Nineteen Eighty-Four",
        ),
    ],
)
def test_a_title_sorts_without_its_prefix(element, title, sort_title):
    edition = edition_of(DescriptiveDetail=descriptive(TitleDetail=titled(**element)))
    assert (edition.title, edition.sort_title) == (title, sort_title)


def tax(**fields):
    return {"TaxType": "01"} | fields


def part(taxable, percent=None, **fields):
    rate = {} if percent is None else {"TaxRatePercent": percent}
    return tax(TaxableAmount=taxable, **rate, **fields)


@pytest.mark.parametrize(
    ("kind", "taxes", "expected"),
    [
        # Two taxes on the whole price.
        (
            "01",
            [tax(TaxRatePercent="5"), tax(TaxRatePercent="9.975")],
            Price("GBP", 1000, "01", tax_percent="14.975"),
        ),
        # A book with a disc: parts of the price at two rates.
        ("01", [part("6.00", "0"), part("4.00", "20")], Price("GBP", 1080, "02")),
        ("03", [part("6.00", "5.5"), part("4.00", "20")], Price("GBP", 1113, "04")),
        ("01", [part("6.00", TaxRateCode="Z"), part("4.00", "20")], Price("GBP", 1080, "02")),
        (
            "01",
            [part("6.00", TaxAmount="0.33"), part("4.00", TaxAmount="0.80")],
            Price("GBP", 1113, "02"),
        ),
        ("01", [tax(TaxRateCode="S", TaxAmount="2.00")], Price("GBP", 1200, "02", tax="S")),
        # What cannot be worked out has no percentage, so that it is not sold.
        ("01", [part("6.00", "0"), part("3.00", "20")], Price("GBP", 1000, "01")),
        ("01", [part("6.00", "0"), part("4.00")], Price("GBP", 1000, "01")),
        ("01", [tax(TaxRateCode="S")], Price("GBP", 1000, "01", tax="S")),
        ("01", [tax(TaxRatePercent="twenty")], Price("GBP", 1000, "01")),
        # Rates without a percentage that are known to be zero.
        ("01", [tax(TaxRateCode="Z")], Price("GBP", 1000, "01", tax="Z", tax_percent="0")),
        # A price with tax is what the customer pays.
        (
            "02",
            [tax(TaxRatePercent="20", TaxableAmount="8.33")],
            Price("GBP", 1000, "02", tax_percent="20"),
        ),
        ("02", [part("5.00", "0"), part("4.17", "20")], Price("GBP", 1000, "02")),
    ],
)
def test_all_taxes_of_a_price_are_regarded(kind, taxes, expected):
    [found] = edition_of(ProductSupply=supply(price("10.00", kind=kind, Tax=taxes))).prices
    assert found == expected
