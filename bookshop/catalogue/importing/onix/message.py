"""Checks that a file is an ONIX message of a supported release."""

from __future__ import annotations

import re

from lxml.etree import _Element as Element

from bookshop.catalogue.importing.onix.tags import local_name, reference_name
from bookshop.catalogue.importing.records import FeedError

MESSAGE_NAMES = frozenset({"ONIXMessage", "ONIXmessage"})
# Children of Product in ONIX 2.1, in reference and in short tags; ONIX 3 has blocks instead.
_ONIX_2_FIELDS = frozenset(
    {"ProductForm", "Title", "DistinctiveTitle", "Contributor", "SupplyDetail", "OtherText", "ISBN"}
    | {"b012", "title", "b028", "contributor", "supplydetail", "othertext", "b004"}
)
# Children of Header in ONIX 2.1.
_ONIX_2_SENDERS = frozenset(
    {"FromCompany", "FromPerson", "FromEANNumber", "FromSAN", "m174", "m175", "m172", "m173"}
)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*")
_ONIX_2_NAME = re.compile(r"onix/?(?:for-books)?/?2\.|/2\.1/", re.IGNORECASE)


def check_root(root: Element) -> None:
    """Raise FeedError unless the root element is that of an ONIX 3 message, or a Product."""
    name = local_name(root)
    if name not in MESSAGE_NAMES and reference_name(root.tag) != "Product":
        raise FeedError(
            "not_onix",
            f"The file is not an ONIX message: its root element is {name[:60]}, not ONIXMessage.",
        )
    release = root.get("release", "")
    if release.startswith("2") or _ONIX_2_NAME.search(str(root.tag)):
        raise _onix_2()
    if release and not release.startswith("3"):
        raise FeedError(
            "unsupported_release",
            f"The message is ONIX {release[:20]}: send ONIX 3.0 or 3.1.",
        )


def check_doctype(prolog: bytes) -> None:
    """Raise FeedError for the DOCTYPE of ONIX 2.1, and for entity declarations.

    ONIX does not need entities, and attacks use them. `prolog` is what precedes the first record.
    """
    doctype = _DOCTYPE.search(prolog)
    if doctype is not None and _ONIX_2_NAME.search(doctype[0].decode("ascii", "replace")):
        raise _onix_2()
    if b"<!ENTITY" in prolog:
        raise FeedError(
            "entities_declared", "The file declares XML entities: request a copy without them."
        )


def check_first_record(product: Element) -> None:
    """Raise FeedError if a record has the structure of ONIX 2.1."""
    if any(local_name(child) in _ONIX_2_FIELDS for child in product):
        raise _onix_2()


def check_sender(header: Element) -> None:
    """Raise FeedError if a header has the structure of ONIX 2.1."""
    if any(local_name(child) in _ONIX_2_SENDERS for child in header):
        raise _onix_2()


def _onix_2() -> FeedError:
    return FeedError(
        "onix_2",
        "The message is ONIX 2.1, which has not been supported since 2014: ask the supplier for"
        " ONIX 3.0 or 3.1.",
    )
