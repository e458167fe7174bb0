"""The elements that are read, by their reference names, in whichever of ONIX's two tag sets.

ONIX for Books 3.0 and 3.1, https://www.editeur.org/93/Release-3.0-and-3.1-Downloads/.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lxml.etree import _Element as Element

# Elements that hold elements: their short names are their reference names in lower case.
# fmt: off
_GROUPS = (
    "Header", "Sender", "SenderIdentifier", "Product", "ProductIdentifier", "DescriptiveDetail",
    "ProductFormFeature", "Collection", "CollectionSequence", "TitleDetail", "TitleElement",
    "Contributor", "Language", "Extent", "Subject", "CollateralDetail", "TextContent",
    "SupportingResource", "ResourceVersion", "ResourceVersionFeature", "PublishingDetail",
    "Imprint", "Publisher", "PublishingDate", "RelatedMaterial", "RelatedWork", "WorkIdentifier",
    "RelatedProduct", "ProductSupply", "Market", "Territory", "MarketPublishingDetail",
    "MarketDate", "SupplyDetail", "SupplyDate", "Price", "PriceCondition", "Tax", "PriceDate",
)
# fmt: on
_FIELDS = {
    "SenderName": "x298",
    "DefaultLanguageOfText": "m184",
    "DefaultPriceType": "x310",
    "DefaultCurrencyCode": "m186",
    "RecordReference": "a001",
    "NotificationType": "a002",
    "ProductIDType": "b221",
    "IDTypeName": "b233",
    "IDValue": "b244",
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
    "WorkRelationCode": "x454",
    "WorkIDType": "b201",
    "ProductRelationCode": "x455",
    "CountriesIncluded": "x449",
    "RegionsIncluded": "x450",
    "CountriesExcluded": "x451",
    "MarketPublishingStatus": "j407",
    "MarketDateRole": "j408",
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
    "CurrencyCode": "j152",
    "PriceDateRole": "x476",
}
SHORT = {name: name.lower() for name in _GROUPS} | _FIELDS
_REFERENCE = {short: name for name, short in SHORT.items()} | {name: name for name in SHORT}

Parts = dict[str, list[Element]]


def _reference_name(tag: object) -> str | None:
    """The reference name of a tag with or without namespace; None for what is not read."""
    return _REFERENCE.get(tag.rpartition("}")[2]) if isinstance(tag, str) else None


reference_name: Callable[[Any], str | None] = lru_cache(maxsize=4096)(_reference_name)


def parts(element: Element) -> Parts:
    """What an element holds, by reference name."""
    found: Parts = {}
    for child in element:
        name = reference_name(child.tag)
        if name is not None:
            found.setdefault(name, []).append(child)
    return found


def text(element: Element) -> str:
    """An element's text in one line, without the markup that may be in it."""
    whole = (element.text or "") if len(element) == 0 else "".join(element.itertext())
    return " ".join(whole.split())


def first(found: Parts, name: str) -> str:
    """The text of the first part of a name that has any; empty where there is none."""
    for element in found.get(name, ()):
        if written := text(element):
            return written
    return ""


def every(found: Parts, name: str) -> list[str]:
    """The texts of all parts of a name."""
    return [written for element in found.get(name, ()) if (written := text(element))]


def within(found: Parts, name: str) -> list[Parts]:
    """What each part of a name holds."""
    return [parts(element) for element in found.get(name, ())]
