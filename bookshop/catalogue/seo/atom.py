"""`/books/new.atom`: the books that came last, as an Atom feed (RFC 4287)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET  # writes, never reads  # nosec B405

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.edition import AUTHOR, Edition
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pages import urls
from bookshop.catalogue.pages.resources import Catalogue
from bookshop.i18n import _
from bookshop.services import services
from bookshop.settings import ShopSettings

NEWEST = 50
ATOM = "http://www.w3.org/2005/Atom"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed of nothing was updated
# What no XML document can hold; CSV files can. https://www.w3.org/TR/xml/#charsets
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@view_config(context=Catalogue, name="new.atom", catalogue_page=())
def new_books(_context: Catalogue, request: Request) -> Response:
    """The newest books that are shown, by the day on which the shop got to know them."""
    shop: ShopSettings = services(request).settings.shop
    title = request.localizer.translate(_("New books at ${name}", mapping={"name": shop.name}))
    body = feed(shop, title, _newest(services(request).engine))
    return Response(body, content_type="application/atom+xml", charset="utf-8")


def _newest(engine: Engine) -> Sequence[Any]:
    # Ids are given out in the order in which books come, and have an index.
    wanted = (
        select(BookRecord.edition, BookRecord.added_at, BookRecord.changed_at)
        .join(ListingRecord, ListingRecord.book_id == BookRecord.id)
        .order_by(ListingRecord.book_id.desc())
        .limit(NEWEST)
    )
    with engine.connect() as connection:
        return connection.execute(wanted).all()


def feed(shop: ShopSettings, title: str, rows: Sequence[Any]) -> bytes:
    """The feed of books that are told as rows of edition, added_at and changed_at."""
    address = urls.feed(shop.url)
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": shop.locale.replace("_", "-")})
    _add(root, "id", address)
    _add(root, "title", title)
    _add(root, "updated", _time(max((row.changed_at for row in rows), default=LONG_AGO)))
    ET.SubElement(root, "link", rel="self", type="application/atom+xml", href=address)
    ET.SubElement(root, "link", rel="alternate", type="text/html", href=urls.home(shop.url))
    _person(root, shop.name, uri=urls.home(shop.url), email=shop.email)
    for row in rows:
        _entry(root, shop, row.edition, (row.added_at, row.changed_at))
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _entry(
    root: ET.Element, shop: ShopSettings, edition: Edition, times: tuple[datetime, datetime]
) -> None:
    added_at, changed_at = times
    address = urls.book(shop.url, edition.sku)
    entry = ET.SubElement(root, "entry")
    _add(entry, "id", address)
    _add(entry, "title", edition.title)
    ET.SubElement(entry, "link", rel="alternate", type="text/html", href=address)
    _add(entry, "published", _time(added_at))
    _add(entry, "updated", _time(changed_at))
    for person in edition.contributors:
        if person.role == AUTHOR:
            _person(entry, person.name)
    if edition.description:
        _add(entry, "content", edition.description, type="html")


def _person(parent: ET.Element, name: str, **more: str) -> None:
    author = ET.SubElement(parent, "author")
    for key, value in {"name": name, **more}.items():
        _add(author, key, value)


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _NO_XML.sub("", text)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
