"""Every page that a customer can come to, in one shop: to be judged, whole, by other programs.

The demo's books are there, one book with everything that an edition can have, one without a cover
and with a title as long as they come, and one that was withdrawn. A visitor has bought a book and
is about to buy one that is not out yet.
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
from tests.shops import Controls, Shop, intent_of, pay_form

MOSS = "9786941041210"
TO_COME = "9786941063403"
WITHDRAWN = "9786941031709"
WHOLE = "WHOLE-1"
BARE = "BARE-1"
PRICE = Price("GBP", 1250)


@dataclass(frozen=True)
class Stop:
    """A page of the tour; `status` is what it answers."""

    path: str
    status: int = 200


#: What stands in {braces} is known once the visitor has bought: see Tour.
STOPS = {
    "index": Stop("/"),
    "list": Stop("/books/"),
    "list narrowed": Stop("/books/?format=paperback&availability=available&sort=-price"),
    "list of a subject": Stop("/books/?subject=F"),
    "search": Stop("/books/?q=moss"),
    "search mended": Stop("/books/?q=typeseting"),
    "search in vain": Stop("/books/?q=xyzzyplugh"),
    "book": Stop(f"/books/{MOSS}"),
    "book with everything": Stop(f"/books/{WHOLE}"),
    "book to come": Stop(f"/books/{TO_COME}"),
    "book without cover": Stop(f"/books/{BARE}"),
    "no such page": Stop("/books/9780000000002", 404),
    "withdrawn book": Stop(f"/books/{WITHDRAWN}", 410),
    "checkout": Stop(f"/checkout?item={TO_COME}"),
    "checkout refused": Stop("/checkout?item=none", 404),
    "success": Stop("/success?pi={intent}"),
    "success unknown": Stop("/success?pi=pi_none", 404),
    "order": Stop("/orders/{order}"),
    "order missing": Stop("/orders/K7QM-2X9T-4BCD", 404),
    "link form": Stop("/orders/"),
}


class Tour:
    """A shop with something on every page, and the visitor who may see them all."""

    def __init__(self, shop: Shop, sandbox: Controls) -> None:
        self.shop = shop
        _stock(shop)
        self.visitor = TestApp(shop.wsgi, extra_environ={"HTTP_HOST": "localhost"})
        checkout = self.visitor.get("/checkout", {"item": MOSS})
        self.visitor.post("/checkout", {**pay_form(checkout), "email": "ada@reader.example"})
        intent = intent_of(checkout)
        sandbox.confirm(intent)
        self.visitor.get("/success", {"pi": intent})
        (order,) = shop.orders()
        self._known = {"intent": intent, "order": order.number}

    def path(self, name: str) -> str:
        return STOPS[name].path.format(**self._known)

    def html(self, name: str) -> str:
        """The page's HTML. It answers with the status that it should have."""
        return self.visitor.get(self.path(name), status=STOPS[name].status).text


def whole_edition() -> Edition:
    """An edition with something in each of its fields."""
    return Edition(
        sku=WHOLE,
        title='The <Whole> Book & "Everything" in It',
        subtitle="Being the Test of a Catalogue",
        reference="shelf.example.whole",
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


def _stock(shop: Shop) -> None:
    """Put the tour's own books on the shelf, with their covers."""
    drawn = io.BytesIO()
    Image.new("RGB", (600, 900), (40, 60, 120)).save(drawn, "PNG")
    cover = CoverStore(shop.var / "covers").keep(drawn.getvalue())
    paper = Edition(sku="WHOLE-2", title="The Whole Book", form="BB", prices=(PRICE,), work="whole")
    bare = Edition(
        sku=BARE,
        title="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, "
        "or the Long Way Down the River in Forty-one Chapters and an Appendix",
        prices=(PRICE,),
    )
    wares = [
        BookUpdate(whole_edition(), cover=cover),
        BookUpdate(paper, cover=cover, stock=StockCount(2)),
        BookUpdate(bare, stock=StockCount(9)),
    ]
    gone = shop.book(WITHDRAWN).id
    with shop.registry.services.sessions.begin() as session:
        save_books(session.connection(), wares, shop.registry.services.sales_context, clock.now())
        withdraw_books(session.connection(), [gone], clock.now())
        bump_version(session)
