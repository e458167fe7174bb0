"""The order page in Chromium: its referrer, its print version and its width."""

import pytest
from playwright.sync_api import expect

from bookshop.catalogue.models import BookRecord
from bookshop.mail.models import MailRecord
from bookshop.orders.links import order_url
from bookshop.orders.models import Order
from bookshop.orders.pages.link_requests import send_requested_links
from tests.demo_books import MOSS
from tests.unit.makers import NOW, order

pytestmark = pytest.mark.detail

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
    """The Referer header of each request, or None."""
    found = []
    page.on("request", lambda request: found.append(request.all_headers().get("referer")))
    return found


def test_key_is_never_sent_as_referrer(live, page, bought, referers):
    page.goto(order_url(live.registry.services.settings.shop, bought))
    expect(page.locator("article[data-status=paid]")).to_be_visible()
    page.click(".page-links a")
    page.wait_for_url(f"{live.url}/")

    assert len(referers) > 5
    assert not any(referers[: referers.index(None) + 1])
    assert not any("key=" in (referer or "") for referer in referers)


def test_expired_link_can_be_replaced(live, page, bought, referers):
    page.goto(f"{live.url}/orders/{bought}?key=an.old.key")
    page.fill("#number", bought.lower())
    page.fill("#email", EMAIL.upper())
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.click("#link-form button")

    expect(page.locator("#link-requested")).to_be_visible()
    # A page without any referrer would send `null`, which is refused over https.
    assert sent.value.all_headers()["origin"] == live.url
    assert not any("key=" in (referer or "") for referer in referers)
    send_requested_links(live.registry.services.sessions)
    with live.registry.services.sessions() as session:
        (mail,) = session.query(MailRecord).filter_by(kind="link")
        assert (mail.recipient, session.get(Order, mail.order_id).number) == (EMAIL, bought)


def test_only_the_receipt_is_printed(live, page, bought):
    page.goto(order_url(live.registry.services.settings.shop, bought))
    page.emulate_media(media="print")

    receipt = page.locator("section[data-receipt=paid]")
    for part in (bought, EMAIL, "The Test Bookshop", "hello@bookshop.example", "Moss", "£9.99"):
        expect(receipt).to_contain_text(part)
    expect(receipt).to_be_visible()
    for rest in ("header.site-header", "footer", "h1", ".timeline", ".cover", ".page-links"):
        for each in page.locator(rest).all():
            expect(each).to_be_hidden()


# The elements of the receipt that extend beyond its edge.
OVERFLOWING = """() => {
  const edge = document.querySelector(".receipt").getBoundingClientRect().right;
  return [...document.querySelectorAll(".receipt *:not(.visually-hidden)")]
    .filter((part) => part.getBoundingClientRect().right > edge)
    .map((part) => part.outerHTML);
}"""


@pytest.mark.parametrize("width", [320, 1280])
def test_receipt_fits_the_screen(live, page, bought, width):
    with live.registry.services.sessions.begin() as session:
        found = session.query(Order).filter_by(number=bought).one()
        found.email = f"{'a' * 60}@{'reader' * 8}.example"
        (line,) = found.lines
        line.title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter"
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(order_url(live.registry.services.settings.shop, bought))

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []
