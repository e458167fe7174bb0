"""Buying a book in Chromium, from the index to the confirmation."""

import re

import pytest
from playwright.sync_api import expect

from tests.demo_books import LAST_COPY, MOSS
from tests.shops import SECRET_KEY
from tests.waiting import until

GOOD = "4242424242424242"
# Test cards that are declined, and the code that Stripe gives.
DECLINES = {
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000000000006975": "card_velocity_exceeded",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4100000000000019": "fraudulent",
}


class CheckoutPage:
    """A customer at the checkout page."""

    def __init__(self, page, shop):
        self.page, self.shop = page, shop
        self.frame = page.frame_locator("iframe[title='Secure payment input frame']")
        self.message = page.locator("#payment-message")

    def open(self, path=f"/checkout?item={MOSS}"):
        self.page.goto(self.shop.url + path)
        return self.ready()

    def ready(self):
        self.number.wait_for()
        return self

    @property
    def number(self):
        return self.frame.locator("input[name=number]")

    def card(self, number, expiry="12 / 34", cvc="123"):
        self.number.fill(number)
        self.frame.locator("input[name=expiry]").fill(expiry)
        self.frame.locator("input[name=cvc]").fill(cvc)

    def pay(self, number=GOOD, email="ada@reader.example"):
        self.page.fill("#email", email)
        self.card(number)
        self.page.click("#submit")

    def failure(self):
        """The error of the last attempt to pay, as Stripe reports it."""
        (order,) = [order for order in self.shop.orders() if order.payment_intent]
        intent = self.shop.sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
        return intent["last_payment_error"]

    def press_pay_and_fail(self, code):
        """Press Pay, which the shop refuses with that code; the page shows its message."""
        with self.page.expect_response("**/checkout") as response:
            self.page.click("#submit")
        error = response.value.json()["error"]
        assert error["code"] == code
        expect(self.message).to_have_text(error["message"])

    def sees(self, outcome):
        expect(self.page.locator(f"[data-outcome={outcome}]")).to_be_visible(timeout=15_000)

    def charges(self):
        (order,) = [order for order in self.shop.orders() if order.payment_intent]
        found = self.shop.sandbox.api(
            "GET", "/v1/charges", {"payment_intent": order.payment_intent}
        )
        return [charge for charge in found["data"] if charge["paid"]]


@pytest.fixture
def problems(page):
    """Errors and warnings of the browser: the shop's pages must cause none."""
    found = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda entry: (
            entry.type in {"error", "warning"}
            # Chromium reports each response with an error status.
            and not re.search("status of (402|409)", entry.text)
            and found.append(entry.text)
        ),
    )
    yield found
    assert found == []


@pytest.fixture
def checkout(page, live, problems):
    return CheckoutPage(page, live)


def choose_on_index(page, sku):
    """Open the card of the book's work on the index, and choose its format."""
    card = page.locator(f".book-card:has([data-format='{sku}'])")
    card.locator("summary").click()
    card.locator(f"[data-format='{sku}']").click()


def test_purchase_from_index_to_confirmation(checkout):
    page = checkout.page
    sent = []
    page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    page.goto(checkout.shop.url)
    choose_on_index(page, MOSS)
    checkout.ready().pay()
    checkout.sees("paid")

    assert re.fullmatch(r".*/success\?pi=pi_\w+", page.url)
    expect(page.locator("main")).to_contain_text("ada@reader.example")
    (order,) = checkout.shop.orders()
    receipt = page.locator(f"[data-order='{order.number}']")
    expect(receipt.locator(".total")).to_have_attribute("data-amount", "2200")
    assert order.status == "paid"
    assert len(checkout.charges()) == 1
    # The card number was sent to Stripe's origin only.
    to_shop = [url + body for url, body in sent if url.startswith(checkout.shop.url)]
    assert to_shop
    assert not any(GOOD in asked or "4242 4242" in asked for asked in to_shop)


def test_card_with_3d_secure_pays(checkout):
    checkout.open().pay("4000002760003184")
    checkout.page.frame_locator("dialog iframe").locator("#test-source-authorize-3ds").click()
    checkout.sees("paid")


@pytest.mark.detail
def test_failed_3d_secure_then_another_card_pays(checkout):
    checkout.open().pay("4000002760003184")
    checkout.page.frame_locator("dialog iframe").locator("#test-source-fail-3ds").click()
    expect(checkout.message).not_to_be_empty()
    expect(checkout.message).to_have_text(checkout.failure()["message"])
    assert checkout.failure()["code"] == "payment_intent_authentication_failure"
    expect(checkout.page.locator("#submit")).to_be_enabled()

    checkout.pay()
    checkout.sees("paid")
    assert len(checkout.shop.orders()) == 1
    assert len(checkout.charges()) == 1


@pytest.mark.detail
@pytest.mark.parametrize(("number", "code"), DECLINES.items())
def test_decline_is_shown_and_the_next_card_pays(checkout, number, code):
    checkout.open().pay(number)
    expect(checkout.message).not_to_be_empty()
    failure = checkout.failure()
    assert code in {failure["code"], failure.get("decline_code")}
    form = checkout.page.locator("#payment-form")
    generic = code in form.get_attribute("data-decline-codes").split()
    text = form.get_attribute("data-message-declined") if generic else failure["message"]
    expect(checkout.message).to_have_text(text)
    expect(checkout.page.locator("#submit")).to_be_enabled()
    assert not re.search(
        "lost|stolen|fraud", checkout.page.locator("main").inner_text(), re.IGNORECASE
    )

    checkout.card(GOOD)
    checkout.page.click("#submit")
    checkout.sees("paid")
    assert len(checkout.charges()) == 1


def test_bank_debit_is_processing_then_paid(checkout):
    checkout.open()
    checkout.page.fill("#email", "ada@reader.example")
    checkout.frame.get_by_text("Bacs Direct Debit").click()
    for field in checkout.frame.locator("input[name]:visible:not([type=radio])").all():
        name = field.get_attribute("name")
        values = {"sort_code": "108800", "account_number": "00012345"}
        field.fill(values.get(name, "Ada Reader"))
    checkout.page.click("#submit")
    checkout.sees("processing")
    (order,) = checkout.shop.orders()
    assert order.status == "processing"

    checkout.shop.sandbox.settle(order.payment_intent, "succeeded")

    # No page is open on the order: the webhook updates it.
    until(lambda: checkout.shop.orders()[0].status == "paid", 10)
    checkout.page.reload()
    checkout.sees("paid")


@pytest.mark.detail
def test_purchase_on_a_phone(checkout):
    checkout.page.set_viewport_size({"width": 360, "height": 740})
    checkout.page.goto(checkout.shop.url)
    wide = checkout.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    checkout.open()
    assert checkout.page.evaluate("document.documentElement.scrollWidth") <= 360
    checkout.pay(email="ada.lovelace.of.ockham.park@reader.example")
    checkout.sees("paid")
    assert checkout.page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.detail
def test_purchase_with_the_keyboard(checkout):
    page = checkout.page
    page.goto(checkout.shop.url)
    link = page.locator(f"a[href*='item={MOSS}']").first
    for _ in range(200):
        page.keyboard.press("Tab")
        if link.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    checkout.ready()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "email":
            break
    page.keyboard.type("ada@reader.example")
    for _ in range(6):
        page.keyboard.press("Tab")
        if checkout.number.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.type(GOOD)  # a complete field moves the focus to the next one
    page.keyboard.type("1234")
    page.keyboard.type("123")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "submit":
            break
    page.keyboard.press("Enter")
    checkout.sees("paid")


@pytest.mark.detail
def test_invalid_email_is_reported_at_its_field(checkout):
    checkout.open().pay(email="ada at reader")
    error = checkout.page.locator("#email-error")
    expect(error).not_to_be_empty()
    expect(checkout.page.locator("#email")).to_be_focused()
    expect(checkout.page.locator("#email")).to_have_attribute("aria-invalid", "true")
    assert "email-error" in checkout.page.locator("#email").get_attribute("aria-describedby")

    checkout.pay()
    checkout.sees("paid")


@pytest.mark.detail
def test_incomplete_card_is_refused_and_reserves_nothing(checkout):
    checkout.open()
    checkout.page.fill("#email", "ada@reader.example")
    checkout.number.fill("4242")
    checkout.page.click("#submit")
    expect(checkout.message).not_to_be_empty()
    assert checkout.shop.book(MOSS).reserved == 0


def test_double_click_pays_once(checkout):
    checkout.open()
    checkout.page.fill("#email", "ada@reader.example")
    checkout.card(GOOD)
    checkout.page.locator("#submit").dblclick()
    checkout.sees("paid")
    assert len(checkout.charges()) == 1


@pytest.mark.detail
def test_pay_button_is_busy_while_paying(checkout):
    path = "/v1/payment_intents/*/confirm"
    checkout.shop.sandbox.fault(method="POST", path=path, kind="latency", seconds=2)
    checkout.open().pay()
    expect(checkout.page.locator("#submit")).to_be_disabled()
    expect(checkout.page.locator("#payment-form")).to_have_attribute("aria-busy", "true")
    checkout.sees("paid")


@pytest.mark.detail
def test_two_tabs_and_the_back_button_make_one_order(checkout, context):
    checkout.open()
    other = CheckoutPage(context.new_page(), checkout.shop).open()
    checkout.pay()
    checkout.sees("paid")

    other.page.fill("#email", "ada@reader.example")
    other.card(GOOD)
    other.press_pay_and_fail("order_closed")
    checkout.page.go_back()
    checkout.sees("paid")
    other.page.reload()
    other.sees("paid")
    assert len(checkout.shop.orders()) == 1
    assert len(checkout.charges()) == 1


@pytest.mark.detail
def test_returning_to_checkout_keeps_the_order(checkout):
    checkout.open().pay("4000000000009995")
    expect(checkout.message).not_to_be_empty()
    checkout.page.goto(checkout.shop.url)
    checkout.open()
    assert checkout.page.input_value("#email") == "ada@reader.example"
    checkout.pay()
    checkout.sees("paid")
    assert len(checkout.shop.orders()) == 1
    assert len(checkout.charges()) == 1


def test_last_copy_sold_to_another_customer_is_reported(checkout, browser, browser_context_args):
    with browser.new_context(**browser_context_args) as elsewhere:
        quick = CheckoutPage(elsewhere.new_page(), checkout.shop).open(
            f"/checkout?item={LAST_COPY}"
        )
        checkout.open(f"/checkout?item={LAST_COPY}")
        quick.pay()
        quick.sees("paid")

    checkout.page.fill("#email", "ada@reader.example")
    checkout.card(GOOD)
    checkout.press_pay_and_fail("out_of_stock")
    expect(checkout.page.locator("#submit")).to_be_hidden()
    expect(checkout.page.locator("#payment-end a").first).to_be_visible()


@pytest.mark.detail
def test_closing_the_tab_after_payment_scheckout_settles_the_order(checkout):
    checkout.page.route("**/success?*", lambda route: route.abort())
    checkout.open().pay()

    until(lambda: checkout.shop.orders()[0].status == "paid", 10)


@pytest.mark.detail
def test_without_javascript_a_notice_replaces_the_form(live, browser, browser_context_args):
    with browser.new_context(**browser_context_args, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(live.url)
        choose_on_index(page, MOSS)
        expect(page.locator("#payment-form .notice")).to_be_visible()


@pytest.mark.detail
def test_missing_stripe_script_disables_payment(page, live):
    page.route(re.compile("stripe.js"), lambda route: route.abort())
    page.goto(f"{live.url}/checkout?item={MOSS}")

    expect(page.locator("#payment-message")).to_contain_text("localhost")
    expect(page.locator("#submit")).to_be_hidden()
    expect(page.locator("#payment-end a").first).to_be_visible()


def test_blocked_frame_of_stripe_leaves_no_dead_button(page, live):
    page.clock.install()
    page.route("**/elements/payment**", lambda route: route.abort())
    page.goto(f"{live.url}/checkout?item={MOSS}")
    page.clock.run_for(25_000)

    expect(page.locator("#payment-message")).to_contain_text("localhost")
    expect(page.locator("#submit")).to_be_hidden()
    page.unroute("**/elements/payment**")
    page.click("#payment-end a:first-child")
    expect(page.locator("#submit")).to_be_enabled()


@pytest.mark.detail
def test_browser_that_refuses_cookies_is_named_before_pay(page, live):
    page.add_init_script("Object.defineProperty(navigator, 'cookieEnabled', {value: false})")
    page.goto(f"{live.url}/checkout?item={MOSS}")

    expect(page.locator("#payment-message")).not_to_be_empty()
    expect(page.locator("#submit")).to_be_hidden()


@pytest.mark.detail
def test_no_secret_in_pages_or_urls(checkout):
    seen = []
    checkout.page.on("framenavigated", lambda frame: seen.append(frame.url))
    checkout.open()
    html = checkout.page.content()
    checkout.pay("4000002760003184")
    checkout.page.frame_locator("dialog iframe").locator("#test-source-authorize-3ds").click()
    checkout.sees("paid")

    assert SECRET_KEY not in html
    assert not any("_secret_" in url for url in seen if url.startswith(checkout.shop.url))
    assert "_secret_" not in checkout.page.content()
