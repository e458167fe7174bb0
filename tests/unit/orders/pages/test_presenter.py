"""The presenter of orders for templates."""

import pytest
from pyramid.interfaces import IRequestExtensions
from pyramid.request import Request, apply_request_extensions

import bookshop
from bookshop.money import Money
from bookshop.orders.pages.presenter import present_order
from bookshop.orders.snapshot import order_snapshot
from bookshop.web.resources import Shop
from tests.shops import ini
from tests.unit.makers import book, order


@pytest.fixture
def config(tmp_path, sqlite_url):
    settings = {"sqlalchemy__url": str(sqlite_url)}
    config = bookshop.configure(ini(tmp_path, "http://localhost:1", **settings))
    yield config
    config.registry.services.payments.close()
    config.registry.services.engine.dispose()


@pytest.fixture
def presented(config):
    """Presents an order of one book in the catalogue and one removed book."""

    def present(mounted=""):
        here, gone = book("HERE", title="As It Is Called Now", language="ger"), book("GONE")
        made = order(here, gone, quantity=2, refunded=500, email="ada@reader.example")
        made.lines[0].title, made.lines[0].shipped = "As It Was Sold", 1
        with config.registry.services.sessions.begin() as session:
            session.add_all([here, made])
            session.flush()
            snapshot = order_snapshot(made)
        request = Request.blank("/", base_url=f"http://localhost{mounted}")
        request.registry = config.registry
        apply_request_extensions(request, config.registry.getUtility(IRequestExtensions))
        request.root = Shop(request)
        return present_order(request, snapshot)

    return present


def test_line_is_shown_as_sold(presented):
    (line, _) = presented().lines
    assert (line.title, line.lang, line.byline) == ("As It Was Sold", "de", "Ada Example")
    assert (line.quantity, line.shipped, line.amount) == (2, 1, Money(1998, "GBP"))
    assert (line.format_label, line.picture.src) == ("Paperback", "/covers/cover.svg")


def test_removed_book_stays_in_its_order(presented):
    (_, line) = presented().lines
    assert line.title.startswith("Book ")
    assert (line.byline, line.format_label) == ("Ada Example", "Paperback")
    assert (line.lang, line.picture) == (None, None)


@pytest.mark.parametrize("mounted", ["", "/shop"])
def test_order_has_amounts_and_url(presented, mounted):
    order = presented(mounted)
    assert (order.total, order.refunded) == (Money(3996, "GBP"), Money(500, "GBP"))
    assert order.email == "ada@reader.example"
    assert order.url == f"{mounted}/orders/{order.number}"
