"""The ONIX elements that are read, in both tag sets, by their reference names.

ONIX for Books 3.0 and 3.1, https://www.editeur.org/93/Release-3.0-and-3.1-Downloads/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lxml.etree import _Element as Element

from bookshop.catalogue.importing.text import plain_text
from bookshop.catalogue.labels import language_tag

# Composites: their short tags are their reference names in lower case.
# fmt: off
_COMPOSITES = (
    "Header", "Sender", "SenderIdentifier", "Product", "ProductIdentifier", "DescriptiveDetail",
    "ProductFormFeature", "Collection", "CollectionSequence", "TitleDetail", "TitleElement",
    "Contributor", "Language", "Extent", "Subject", "CollateralDetail", "TextContent",
    "SupportingResource", "ResourceVersion", "ResourceVersionFeature", "PublishingDetail",
    "Imprint", "Publisher", "PublishingDate", "SalesRights", "SalesRestriction", "RelatedMaterial",
    "RelatedWork", "WorkIdentifier", "RelatedProduct", "ProductSupply", "Market", "Territory",
    "MarketPublishingDetail", "MarketDate", "SupplyDetail", "Supplier", "SupplyDate", "Price",
    "PriceCondition", "Tax", "PriceDate",
)
# fmt: on
_DATA_ELEMENTS = {
    "SenderName": "x298",
    "DefaultLanguageOfText": "m184",
    "DefaultPriceType": "x310",
    "DefaultCurrencyCode": "m186",
    "RecordReference": "a001",
    "NotificationType": "a002",
    "ProductIDType": "b221",
    "IDTypeName": "b233",
    "IDValue": "b244",
    "ProductComposition": "x314",
    "ProductForm": "b012",
    "ProductFormDetail": "b333",
    "ProductFormFeatureType": "b334",
    "ProductFormFeatureValue": "b335",
    "ProductFormFeatureDescription": "b336",
    "CollectionSequenceNumber": "x481",
    "TitleType": "b202",
    "TitleElementLevel": "x409",
    "PartNumber": "x410",
    "TitleText": "b203",
    "TitlePrefix": "b030",
    "TitleWithoutPrefix": "b031",
    "Subtitle": "b029",
    "SequenceNumber": "b034",
    "ContributorRole": "b035",
    "PersonName": "b036",
    "PersonNameInverted": "b037",
    "NamesBeforeKey": "b039",
    "PrefixToKey": "b247",
    "KeyNames": "b040",
    "NamesAfterKey": "b041",
    "SuffixToKey": "b248",
    "CorporateName": "b047",
    "CorporateNameInverted": "x443",
    "UnnamedPersons": "b249",
    "LanguageRole": "b253",
    "LanguageCode": "b252",
    "ExtentType": "b218",
    "ExtentValue": "b219",
    "ExtentUnit": "b220",
    "MainSubject": "x425",
    "SubjectSchemeIdentifier": "b067",
    "SubjectCode": "b069",
    "SubjectHeadingText": "b070",
    "TextType": "x426",
    "ContentAudience": "x427",
    "Text": "d104",
    "ResourceContentType": "x436",
    "ResourceForm": "x441",
    "ResourceVersionFeatureType": "x442",
    "FeatureValue": "x439",
    "ResourceLink": "x435",
    "ImprintName": "b079",
    "PublishingRole": "b291",
    "PublisherName": "b081",
    "PublishingStatus": "b394",
    "PublishingDateRole": "x448",
    "DateFormat": "j260",
    "Date": "b306",
    "SalesRightsType": "b089",
    "ROWSalesRightsType": "x456",
    "SalesRestrictionType": "b381",
    "StartDate": "b324",
    "EndDate": "b325",
    "WorkRelationCode": "x454",
    "WorkIDType": "b201",
    "ProductRelationCode": "x455",
    "CountriesIncluded": "x449",
    "RegionsIncluded": "x450",
    "CountriesExcluded": "x451",
    "RegionsExcluded": "x452",
    "MarketPublishingStatus": "j407",
    "MarketDateRole": "j408",
    "SupplierName": "j137",
    "ProductAvailability": "j396",
    "SupplyDateRole": "x461",
    "UnpricedItemType": "j192",
    "PriceType": "x462",
    "PriceQualifier": "j261",
    "PriceConditionType": "x463",
    "MinimumOrderQuantity": "j263",
    "PriceAmount": "j151",
    "TaxRateCode": "x471",
    "TaxRatePercent": "x472",
    "TaxableAmount": "x473",
    "TaxAmount": "x474",
    "CurrencyCode": "j152",
    "PriceDateRole": "x476",
}
SHORT = {name: name.lower() for name in _COMPOSITES} | _DATA_ELEMENTS
_REFERENCE = {short: name for name, short in SHORT.items()} | {name: name for name in SHORT}

#: The children of a composite by reference name.
Composite = dict[str, list[Element]]


def _reference_name(tag: object) -> str | None:
    """Return the reference name of a tag, with or without namespace; None if it is not read."""
    return _REFERENCE.get(tag.rpartition("}")[2]) if isinstance(tag, str) else None


reference_name: Callable[[Any], str | None] = lru_cache(maxsize=4096)(_reference_name)


def local_name(element: Element) -> str:
    """Return the name without namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def composite(element: Element) -> Composite:
    """Return an element's children by reference name."""
    children: Composite = {}
    for child in element:
        name = reference_name(child.tag)
        if name is not None:
            children.setdefault(name, []).append(child)
    return children


def text(element: Element) -> str:
    """Return an element's text on one line, without markup, also where that was escaped twice."""
    content = (element.text or "") if len(element) == 0 else "".join(element.itertext())
    if "&" in content or "<" in content or not content.isascii():
        return plain_text(content)
    return " ".join(content.split())


def first_text(parent: Composite, name: str) -> str:
    """Return the first text of this name that is not empty; "" if there is none."""
    for element in parent.get(name, ()):
        if content := text(element):
            return content
    return ""


def text_in(parent: Composite, name: str, language: str) -> str:
    """Return the text of this name in a language, or else one without a language, or else any.

    `language` is a BCP 47 tag. Return "" if there is none.
    """
    elements = parent.get(name, ())
    if len(elements) > 1:
        elements = sorted(elements, key=lambda element: language_rank(element, language))
    return next(filter(None, map(text, elements)), "")


def language_rank(element: Element, language: str) -> int:
    """Return 0 for a text in a language (a BCP 47 tag), 1 if it names none, 2 for another one."""
    code = element.get("language")
    return 1 if not code else 0 if language_tag(code.lower()) == language else 2


def texts(parent: Composite, name: str) -> list[str]:
    """Return all texts of this name that are not empty."""
    return [content for element in parent.get(name, ()) if (content := text(element))]


def composites(parent: Composite, name: str) -> list[Composite]:
    """Return all composites of this name."""
    return [composite(element) for element in parent.get(name, ())]
