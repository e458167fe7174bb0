"""The Atom feed of new books (RFC 4287): `/books/new.atom`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET  # writes, never reads  # nosec B405

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue import urls
from bookshop.catalogue.edition import AUTHOR, Edition
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.resources import Catalogue
from bookshop.catalogue.terms.decisions import decided
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.i18n import _
from bookshop.services import services
from bookshop.settings import ShopSettings

MAX_ENTRIES = 50
NAMESPACE = "http://www.w3.org/2005/Atom"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # `updated` of an empty feed
# Characters that XML does not allow; CSV files may have them. https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@view_config(context=Catalogue, name="new.atom", catalogue_page=())
def new_books(_context: Catalogue, request: Request) -> Response:
    """Return the feed of the listed books that the shop added last."""
    shop = services(request).settings.shop
    title = request.localizer.translate(_("New books at ${name}", mapping={"name": shop.name}))
    body = feed(shop, title, _newest(services(request).engine))
    return Response(body, content_type="application/atom+xml", charset="utf-8")


class NewBook(NamedTuple):
    """A book as the shop sells it, and when it was added and changed (UTC)."""

    edition: Edition
    added_at: datetime
    changed_at: datetime


def feed(shop: ShopSettings, title: str, rows: Sequence[NewBook]) -> bytes:
    """Return the feed of books."""
    url = urls.feed(shop.url)
    root = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": shop.locale.replace("_", "-")})
    _add(root, "id", url)
    _add(root, "title", title)
    _add(root, "updated", _rfc_3339(max((row.changed_at for row in rows), default=EPOCH)))
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=url)
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=urls.home(shop.url))
    _add_author(root, shop.name, uri=urls.home(shop.url), email=shop.email)
    for row in rows:
        _add_entry(root, shop, row.edition, (row.added_at, row.changed_at))
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _newest(engine: Engine) -> list[NewBook]:
    # Ids grow in the order in which books are added, and are indexed.
    statement = (
        select(
            BookRecord.edition,
            BookRecord.added_at,
            BookRecord.changed_at,
            DecisionsRecord.decisions,
        )
        .join(ListingRecord, ListingRecord.book_id == BookRecord.id)
        .outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)
        .order_by(ListingRecord.book_id.desc())
        .limit(MAX_ENTRIES)
    )
    with engine.connect() as connection:
        return [
            NewBook(decided(row.edition, row.decisions), row.added_at, row.changed_at)
            for row in connection.execute(statement)
        ]


def _add_entry(
    root: ET.Element, shop: ShopSettings, edition: Edition, times: tuple[datetime, datetime]
) -> None:
    added_at, changed_at = times
    url = urls.book(shop.url, edition.sku)
    entry = ET.SubElement(root, "entry")
    _add(entry, "id", url)
    _add(entry, "title", edition.title)
    ET.SubElement(entry, "link", rel="alternate", type="text/html", href=url)
    _add(entry, "published", _rfc_3339(added_at))
    _add(entry, "updated", _rfc_3339(changed_at))
    for person in edition.contributors:
        if person.role == AUTHOR:
            _add_author(entry, person.name)
    if edition.description:
        _add(entry, "content", edition.description, type="html")


def _add_author(parent: ET.Element, name: str, **more: str) -> None:
    author = ET.SubElement(parent, "author")
    for key, value in {"name": name, **more}.items():
        _add(author, key, value)


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _NOT_XML.sub("", text)


def _rfc_3339(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
