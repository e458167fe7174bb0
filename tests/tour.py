"""A tour of all pages that customers can visit, in one shop, for checks by other programs.

Besides the demo's books the shop has a book with all fields of an edition, one without a cover and
with a very long title, and a withdrawn one. A visitor has bought a book and is about to pre-order
another.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

from PIL import Image
from webtest import TestApp

from bookshop import clock
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.edition import (
    Contributor,
    Edition,
    Feature,
    Price,
    Related,
    Series,
    Subject,
)
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import BookUpdate, StockCount, save_books, withdraw_books
from tests.demo_books import LAST_COPY, MOSS, PREORDER
from tests.shops import Controls, Shop, intent_of, pay_form

WITHDRAWN = LAST_COPY
COMPLETE = "COMPLETE-1"
NO_COVER = "NO_COVER-1"
PRICE = Price("GBP", 1250)


@dataclass(frozen=True)
class Stop:
    """A page of the tour and its HTTP status."""

    path: str
    status: int = 200


#: Names in {braces} are filled in after the purchase: see Tour.
STOPS = {
    "index": Stop("/"),
    "list": Stop("/books/"),
    "filtered list": Stop("/books/?format=paperback&availability=available&sort=-price"),
    "subject list": Stop("/books/?subject=F"),
    "search": Stop("/books/?q=moss"),
    "corrected search": Stop("/books/?q=typeseting"),
    "search without results": Stop("/books/?q=xyzzyplugh"),
    "book": Stop(f"/books/{MOSS}"),
    "complete book": Stop(f"/books/{COMPLETE}"),
    "preorder": Stop(f"/books/{PREORDER}"),
    "book without cover": Stop(f"/books/{NO_COVER}"),
    "missing page": Stop("/books/9780000000002", 404),
    "withdrawn book": Stop(f"/books/{WITHDRAWN}", 410),
    "checkout": Stop(f"/checkout?item={PREORDER}"),
    "refused checkout": Stop("/checkout?item=none", 404),
    "success": Stop("/success?pi={intent}"),
    "unknown payment": Stop("/success?pi=pi_none", 404),
    "forget": Stop("/forget"),
    "order": Stop("/orders/{order}"),
    "missing order": Stop("/orders/K7QM-2X9T-4BCD", 404),
    "link form": Stop("/orders/"),
}


class Tour:
    """A shop with content on every page, and a visitor who may see all of them."""

    def __init__(self, shop: Shop, sandbox: Controls) -> None:
        self.shop = shop
        _add_books(shop)
        self.visitor = TestApp(shop.wsgi, extra_environ={"HTTP_HOST": "localhost"})
        checkout = self.visitor.get("/checkout", {"item": MOSS})
        self.visitor.post("/checkout", {**pay_form(checkout), "email": "ada@reader.example"})
        intent = intent_of(checkout)
        sandbox.confirm(intent)
        self.visitor.get("/success", {"pi": intent})
        (order,) = shop.orders()
        self._names = {"intent": intent, "order": order.number}

    def path(self, name: str) -> str:
        return STOPS[name].path.format(**self._names)

    def html(self, name: str) -> str:
        """Return the page's HTML, after checking its status."""
        return self.visitor.get(self.path(name), status=STOPS[name].status).text


def complete_edition() -> Edition:
    """Return an edition with a value in each field."""
    return Edition(
        sku=COMPLETE,
        title='The <Whole> Book & "Everything" in It',
        subtitle="Being the Test of a Catalogue",
        reference="tour.example.complete",
        series=(Series("Books of Books", "3"), Series("Tests of Time")),
        contributors=(
            Contributor("Ada Example", "A01", "Example, Ada"),
            Contributor("Bo Sample", "A01"),
            Contributor("Cy Specimen", "B06"),
            Contributor("Di Pattern", "A12"),
        ),
        form="ED",
        details=("E101",),
        publisher="Example Press",
        imprint="Sample Books",
        published=date(2024, 2, 29),
        language="fre",
        pages=352,
        subjects=(
            Subject("93", "FBA", "Modern and contemporary fiction", main=True),
            Subject("93", "WQH", "Local history"),
            Subject("10", "FIC000000"),
            Subject("20", "", "books about books"),
        ),
        description=(
            "<p>A book with <strong>everything</strong>, and <em>then</em> more.</p>"
            "<ul><li>One thing</li><li>And another<br>on two lines</li></ul>"
            "<ol><li>First</li></ol><p>The end.</p>"
        ),
        prices=(Price("GBP", 1899, "04"),),
        availability="20",
        work="whole",
        related=(Related("06", MOSS),),
        accessibility=(
            Feature("00", "Everything in it can be read with a screen reader."),
            Feature("11"),
            Feature("14"),
            Feature("36"),
            Feature("52"),
            Feature("94", "https://press.example/accessibility"),
            Feature("99", "access@press.example"),
        ),
    )


def _add_books(shop: Shop) -> None:
    """Add the tour's own books, with covers."""
    image = io.BytesIO()
    Image.new("RGB", (600, 900), (40, 60, 120)).save(image, "PNG")
    cover = CoverStore(shop.var / "covers").save(image.getvalue())
    hardback = Edition(
        sku="COMPLETE-2", title="The Whole Book", form="BB", prices=(PRICE,), work="whole"
    )
    no_cover = Edition(
        sku=NO_COVER,
        title="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, "
        "or the Long Way Down the River in Forty-one Chapters and an Appendix",
        prices=(PRICE,),
    )
    updates = [
        BookUpdate(complete_edition(), cover=cover),
        BookUpdate(hardback, cover=cover, stock=StockCount(2)),
        BookUpdate(no_cover, stock=StockCount(9)),
    ]
    withdrawn = shop.book(WITHDRAWN).id
    with shop.registry.services.sessions.begin() as session:
        save_books(session.connection(), updates, shop.registry.services.sales_context, clock.now())
        withdraw_books(session.connection(), [withdrawn], clock.now())
        bump_version(session)
