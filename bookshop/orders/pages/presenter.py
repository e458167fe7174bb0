"""Presents an order for templates: its lines with cover, author and format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pyramid.request import Request

from bookshop.catalogue.covers.drawn import DrawnCover, drawn_cover
from bookshop.catalogue.covers.picture import Picture
from bookshop.catalogue.pages.presenters import ListingPresenter
from bookshop.money import Money
from bookshop.orders.fulfilment.preorders import expected_release
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.services import services


@dataclass(frozen=True)
class LineView:
    """A line as sold. Details from the catalogue are empty if it no longer has the book.

    `release_date` is that of an unpublished book that is still to be shipped, otherwise None.
    """

    sku: str
    title: str
    lang: str | None
    quantity: int
    shipped: int
    amount: Money
    byline: str
    format_label: str
    picture: Picture | None
    drawn_cover: DrawnCover
    release_date: date | None


@dataclass(frozen=True)
class OrderView:
    """An order on a page."""

    number: str
    url: str
    total: Money
    refunded: Money
    revision: int
    email: str | None
    lines: list[LineView]


def present_order(request: Request, order: OrderSnapshot) -> OrderView:
    """Return the order for a template."""
    books = ListingPresenter(request)
    lines = []
    for line in order.lines:
        book = services(request).catalogue.detail(line.sku)
        listing = book and books.listing(book.listing)
        form = line.form or (book.listing.form if book else "")
        lines.append(
            LineView(
                sku=line.sku,
                title=line.title,
                lang=listing.lang if listing else None,
                quantity=line.quantity,
                shipped=line.shipped,
                amount=line.amount,
                byline=line.byline or (listing.byline if listing else ""),
                format_label=books.format_label(form) if form else "",
                picture=listing.picture if listing else None,
                drawn_cover=listing.drawn_cover if listing else drawn_cover(line.sku),
                release_date=expected_release(order, line, book),
            )
        )
    return OrderView(
        number=order.number,
        url=request.resource_path(request.root, "orders", order.number),
        total=order.total,
        refunded=order.refunded,
        revision=order.revision,
        email=order.email,
        lines=lines,
    )
