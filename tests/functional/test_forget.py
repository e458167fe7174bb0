"""Sessions that end: on request, and a day after their last use."""

import pytest

from tests.functional.test_order_page import Buyer, link


@pytest.fixture
def paid(shop, sandbox):
    buyer = Buyer(shop, sandbox)
    buyer.pay()
    return buyer


@pytest.mark.parametrize("page", ["success", "order"])
def test_forget_me_ends_the_access_of_this_browser(paid, page):
    browser, order = paid.browser, f"/orders/{paid.number}"
    shown = browser.get(f"/success?pi={paid.intent}" if page == "success" else order)

    forgotten = shown.forms["forget-form"].submit(status=303).follow()

    assert forgotten.html.select_one("[data-remembered]")["data-remembered"] == "no"
    assert "no-store" in forgotten.headers["Cache-Control"]
    browser.get(order, status=404)
    assert browser.get(f"/success?pi={paid.intent}", status=404)


def test_forget_me_needs_the_csrf_token(paid):
    refused = paid.browser.post("/forget", {"csrf_token": "0" * 40}, status=400)
    assert paid.page()
    assert refused.forms["forget-form"].submit(status=303)
    paid.browser.get(f"/orders/{paid.number}", status=404)


def test_browsers_that_know_no_order_get_no_button_and_no_cookie(shop, paid):
    for path in ("/forget", link(shop, paid.number)):
        page = shop.visitor().get(path)
        assert "forget-form" not in page.forms
        assert "Set-Cookie" not in page.headers


def test_a_session_ends_a_day_after_its_last_use(shop, paid):
    cookie = shop.visitor().get("/orders/").headers["Set-Cookie"]
    assert "; Max-Age=86400;" in cookie
