"""The page of an order in Chromium: what its address gives away, and what is printed."""

import pytest
from playwright.sync_api import expect

from bookshop.catalogue.models import BookRecord
from bookshop.mail.models import MailRecord
from bookshop.orders.links import order_url
from bookshop.orders.models import Order
from tests.unit.makers import NOW, order

MOSS = "9786941041210"
EMAIL = "ada@reader.example"


@pytest.fixture
def bought(live):
    """The number of a paid order."""
    with live.registry.services.sessions.begin() as session:
        moss = session.query(BookRecord).filter_by(sku=MOSS).one()
        made = order(moss, status="paid", paid_at=NOW, email=EMAIL)
        session.add(made)
        session.flush()
        return made.number


@pytest.fixture
def referers(page):
    """What the browser told of the page that each request came from."""
    told = []
    page.on("request", lambda request: told.append(request.all_headers().get("referer")))
    return told


def test_the_key_goes_to_nobody_but_the_page_itself(live, page, bought, referers):
    page.goto(order_url(live.registry.services.settings.shop, bought))
    expect(page.locator("h1")).to_have_text("Your order is paid")
    page.click("main >> text=Back to the books")
    page.wait_for_url(f"{live.url}/")

    assert len(referers) > 5
    assert not any(referers[: referers.index(None) + 1])
    assert not any("key=" in (referer or "") for referer in referers)


def test_an_old_link_is_replaced(live, page, bought, referers):
    page.goto(f"{live.url}/orders/{bought}?key=an.old.key")
    page.fill("#number", bought.lower())
    page.fill("#email", EMAIL.upper())
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("text=Send me a new link")

    expect(page.get_by_role("status")).to_contain_text("a mail with a new link is on its way")
    # With `null`, as from a page without any referrer, it would be refused over https.
    assert sent.value.all_headers()["origin"] == live.url
    assert not any("key=" in (referer or "") for referer in referers)
    with live.registry.services.sessions() as session:
        (mail,) = session.query(MailRecord).filter_by(kind="link")
        assert (mail.recipient, mail.order.number) == (EMAIL, bought)


def test_what_is_printed_is_the_receipt(live, page, bought):
    page.goto(order_url(live.registry.services.settings.shop, bought))
    page.emulate_media(media="print")

    receipt = page.get_by_role("region", name="Receipt")
    for part in (bought, EMAIL, "The Test Shelf", "hello@shelf.example", "Moss", "£9.99"):
        expect(receipt).to_contain_text(part)
    expect(receipt).to_be_visible()
    for rest in ("header.site-header", "footer", "h1", ".timeline", ".cover", ".page-links"):
        for each in page.locator(rest).all():
            expect(each).to_be_hidden()


# The parts of the receipt that reach over its edge.
STICKING_OUT = """() => {
  const edge = document.querySelector(".receipt").getBoundingClientRect().right;
  return [...document.querySelectorAll(".receipt *:not(.visually-hidden)")]
    .filter((part) => part.getBoundingClientRect().right > edge)
    .map((part) => part.outerHTML);
}"""


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_sticks_out(live, page, bought, width):
    with live.registry.services.sessions.begin() as session:
        found = session.query(Order).filter_by(number=bought).one()
        found.email = f"{'a' * 60}@{'reader' * 8}.example"
        (line,) = found.lines
        line.title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter"
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(order_url(live.registry.services.settings.shop, bought))

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []
