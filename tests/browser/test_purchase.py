"""Buying a book in Chromium, from the index to the confirmation."""

import re

import pytest
from playwright.sync_api import expect

from tests.shops import SECRET_KEY
from tests.waiting import until

MOSS = "9786941041210"
LAST_COPY = "9786941031709"
GOOD = "4242424242424242"
GENERIC = "Your card was declined. Nothing was taken: try again, or use another card."
DECLINES = {
    "4000000000000002": "Your card was declined.",
    "4000000000009995": "Your card has insufficient funds.",
    "4000000000009987": GENERIC,
    "4000000000009979": GENERIC,
    "4000000000006975": "Your card was declined for making repeated attempts too frequently",
    "4000000000000069": "Your card has expired.",
    "4000000000000127": "Your card's security code is incorrect.",
    "4000000000000119": "An error occurred while processing your card.",
    "4100000000000019": GENERIC,
}


class Till:
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
    """What the browser complains of: a page of ours must give it no reason."""
    found = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda said: (
            said.type in {"error", "warning"}
            # Chromium reports each answer that is no success.
            and not re.search("status of (402|409)", said.text)
            and found.append(said.text)
        ),
    )
    yield found
    assert found == []


@pytest.fixture
def till(page, live, problems):
    return Till(page, live)


def test_purchase_from_index_to_confirmation(till):
    page = till.page
    sent = []
    page.on("request", lambda request: sent.append((request.url, request.post_data or "")))
    page.goto(till.shop.url)
    page.click(f"a[href*='item={MOSS}']")
    till.ready().pay()
    till.sees("paid")

    assert re.fullmatch(r".*/success\?pi=pi_\w+", page.url)
    expect(page.locator("main")).to_contain_text("ada@reader.example")
    expect(page.locator("main")).to_contain_text("£22.00")
    (order,) = till.shop.orders()
    expect(page.locator("main")).to_contain_text(order.number)
    assert order.status == "paid"
    assert len(till.charges()) == 1
    # The card's number went to Stripe's origin alone.
    to_shop = [url + body for url, body in sent if url.startswith(till.shop.url)]
    assert to_shop
    assert not any(GOOD in asked or "4242 4242" in asked for asked in to_shop)


def test_card_with_3d_secure_pays(till):
    till.open().pay("4000002760003184")
    till.page.frame_locator("dialog iframe").locator("#test-source-authorize-3ds").click()
    till.sees("paid")


def test_failed_3d_secure_then_another_card_pays(till):
    till.open().pay("4000002760003184")
    till.page.frame_locator("dialog iframe").locator("#test-source-fail-3ds").click()
    expect(till.message).to_contain_text("unable to authenticate")
    expect(till.page.locator("#submit")).to_be_enabled()

    till.pay()
    till.sees("paid")
    assert len(till.shop.orders()) == 1
    assert len(till.charges()) == 1


@pytest.mark.parametrize(("number", "words"), DECLINES.items())
def test_decline_is_shown_and_the_next_card_pays(till, number, words):
    till.open().pay(number)
    expect(till.message).to_contain_text(words)
    expect(till.page.locator("#submit")).to_be_enabled()
    assert not re.search("lost|stolen|fraud", till.page.locator("main").inner_text(), re.IGNORECASE)

    till.card(GOOD)
    till.page.click("#submit")
    till.sees("paid")
    assert len(till.charges()) == 1


def test_bank_debit_is_processing_then_paid(till):
    till.open()
    till.page.fill("#email", "ada@reader.example")
    till.frame.get_by_text("Bacs Direct Debit").click()
    for field in till.frame.locator("input[name]:visible:not([type=radio])").all():
        name = field.get_attribute("name")
        values = {"sort_code": "108800", "account_number": "00012345"}
        field.fill(values.get(name, "Ada Reader"))
    till.page.click("#submit")
    till.sees("processing")
    (order,) = till.shop.orders()
    assert order.status == "processing"

    till.shop.sandbox.settle(order.payment_intent, "succeeded")

    # Nobody is looking: the webhook tells the shop.
    until(lambda: till.shop.orders()[0].status == "paid", 10)
    till.page.reload()
    till.sees("paid")


def test_purchase_on_a_phone(till):
    till.page.set_viewport_size({"width": 360, "height": 740})
    till.page.goto(till.shop.url)
    wide = till.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    till.open()
    assert till.page.evaluate("document.documentElement.scrollWidth") <= 360
    till.pay()
    till.sees("paid")
    assert till.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_purchase_with_the_keyboard(till):
    page = till.page
    page.goto(till.shop.url)
    link = page.locator(f"a[href*='item={MOSS}']").first
    for _ in range(200):
        page.keyboard.press("Tab")
        if link.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    till.ready()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "email":
            break
    page.keyboard.type("ada@reader.example")
    for _ in range(6):
        page.keyboard.press("Tab")
        if till.number.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.type(GOOD)  # a full field leads on to the next
    page.keyboard.type("1234")
    page.keyboard.type("123")
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "submit":
            break
    page.keyboard.press("Enter")
    till.sees("paid")


def test_invalid_email_is_reported_at_its_field(till):
    till.open().pay(email="ada at reader")
    error = till.page.locator("#email-error")
    expect(error).not_to_be_empty()
    expect(till.page.locator("#email")).to_be_focused()
    expect(till.page.locator("#email")).to_have_attribute("aria-invalid", "true")
    assert "email-error" in till.page.locator("#email").get_attribute("aria-describedby")

    till.pay()
    till.sees("paid")


def test_incomplete_card_is_refused_and_reserves_nothing(till):
    till.open()
    till.page.fill("#email", "ada@reader.example")
    till.number.fill("4242")
    till.page.click("#submit")
    expect(till.message).not_to_be_empty()
    assert till.shop.book(MOSS).reserved == 0


def test_double_click_pays_once(till):
    till.open()
    till.page.fill("#email", "ada@reader.example")
    till.card(GOOD)
    till.page.locator("#submit").dblclick()
    till.sees("paid")
    assert len(till.charges()) == 1


def test_pay_button_is_busy_while_paying(till):
    path = "/v1/payment_intents/*/confirm"
    till.shop.sandbox.fault(method="POST", path=path, kind="latency", seconds=2)
    till.open().pay()
    expect(till.page.locator("#submit")).to_be_disabled()
    expect(till.page.locator("#payment-form")).to_have_attribute("aria-busy", "true")
    till.sees("paid")


def test_two_tabs_and_the_back_button_make_one_order(till, context):
    till.open()
    other = Till(context.new_page(), till.shop).open()
    till.pay()
    till.sees("paid")

    other.page.fill("#email", "ada@reader.example")
    other.card(GOOD)
    other.page.click("#submit")
    expect(other.message).to_contain_text("not open any more")
    till.page.go_back()
    till.sees("paid")
    other.page.reload()
    other.sees("paid")
    assert len(till.shop.orders()) == 1
    assert len(till.charges()) == 1


def test_returning_to_checkout_keeps_the_order(till):
    till.open().pay("4000000000009995")
    expect(till.message).to_contain_text("insufficient")
    till.page.goto(till.shop.url)
    till.open()
    assert till.page.input_value("#email") == "ada@reader.example"
    till.pay()
    till.sees("paid")
    assert len(till.shop.orders()) == 1
    assert len(till.charges()) == 1


def test_last_copy_sold_to_another_customer_is_reported(till, browser, browser_context_args):
    with browser.new_context(**browser_context_args) as elsewhere:
        quick = Till(elsewhere.new_page(), till.shop).open(f"/checkout?item={LAST_COPY}")
        till.open(f"/checkout?item={LAST_COPY}")
        quick.pay()
        quick.sees("paid")

    till.pay()
    expect(till.message).to_contain_text("just been sold")


def test_closing_the_tab_after_payment_still_settles_the_order(till):
    till.page.route("**/success?*", lambda route: route.abort())
    till.open().pay()

    until(lambda: till.shop.orders()[0].status == "paid", 10)


def test_without_javascript_a_notice_replaces_the_form(live, browser, browser_context_args):
    with browser.new_context(**browser_context_args, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(live.url)
        page.click(f"a[href*='item={MOSS}']")
        expect(page.locator("#payment-form .notice")).to_be_visible()


def test_missing_stripe_script_disables_payment(page, live):
    page.route(re.compile("stripe.js"), lambda route: route.abort())
    page.goto(f"{live.url}/checkout?item={MOSS}")

    expect(page.locator("#payment-message")).not_to_be_empty()
    expect(page.locator("#submit")).to_be_disabled()


def test_no_secret_in_pages_or_urls(till):
    seen = []
    till.page.on("framenavigated", lambda frame: seen.append(frame.url))
    till.open()
    html = till.page.content()
    till.pay("4000002760003184")
    till.page.frame_locator("dialog iframe").locator("#test-source-authorize-3ds").click()
    till.sees("paid")

    assert SECRET_KEY not in html
    assert not any("_secret_" in url for url in seen if url.startswith(till.shop.url))
    assert "_secret_" not in till.page.content()
