"""The sandbox's Stripe.js in Chromium, used by a page of another origin under a strict policy."""

import contextlib
import functools
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from bookshop.sandbox.server import Options, SandboxServer

pytestmark = pytest.mark.detail

SECRET_KEY = "sk_test_sandbox"
PUBLISHABLE_KEY = "pk_test_sandbox"

OPEN = """([key, options, payment]) => new Promise((resolve) => {
  window.events = [];
  window.stripe = Stripe(key);
  window.elements = window.stripe.elements(options);
  window.payment = window.elements.create('payment', payment);
  for (const type of ['blur', 'change', 'escape', 'focus', 'loaderror', 'loaderstart', 'ready']) {
    window.payment.on(type, (event) => window.events.push({ type, ...event }));
  }
  for (const end of ['ready', 'loaderror']) window.payment.once(end, resolve);
  window.payment.mount('#payment-element');
})"""

# What a shop does when the customer presses Pay; the answer is kept for `outcome()`.
PAY = """(options) => {
  window.outcome = window.stripe.confirmPayment({ elements: window.elements, ...options });
  return null;
}"""


class Host(BaseHTTPRequestHandler):
    """A shop's page: no inline script or style, and only the sandbox beside its own origin."""

    def __init__(self, sandbox_url, *args):
        self.sandbox_url = sandbox_url
        super().__init__(*args)

    def do_GET(self):
        page = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <main><div id="payment-element"></div><button id="pay">Pay</button></main>
            <script src="{self.sandbox_url}/endive/stripe.js"></script></html>"""
        policy = (
            f"default-src 'none'; script-src 'self' {self.sandbox_url}; "
            f"connect-src {self.sandbox_url}; frame-src {self.sandbox_url} http://127.0.0.1:*"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *arguments):
        """Keep the tests' output for the tests."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    server = SandboxServer(
        Options(
            listen="localhost:0",
            secret_key=SECRET_KEY,
            publishable_key=PUBLISHABLE_KEY,
            webhook_url=None,
            webhook_secret="whsec_sandbox",
            database=tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite",
        )
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def host(sandbox):
    """The origin of the shop's page; the same pages answer at 127.0.0.1, another origin."""
    server = ThreadingHTTPServer(("localhost", 0), functools.partial(Host, sandbox.url))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Checkout:
    """A page with a Payment Element for one PaymentIntent, and the server's view of that intent."""

    def __init__(self, page, sandbox, host):
        self.page = page
        self.host = host
        self.sandbox = sandbox
        self.frame = page.frame_locator("iframe[title='Secure payment input frame']")
        self.challenge = page.frame_locator("dialog iframe")

    def api(self, path, parameters=None):
        data = None if parameters is None else urlencode(parameters).encode()
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        with urlopen(Request(f"{self.sandbox.url}{path}", data, headers), timeout=10) as answer:
            return json.load(answer)

    def create_intent(self, currency="gbp"):
        self.intent = self.api("/v1/payment_intents", {"amount": 1299, "currency": currency})

    def open(self, payment=None, currency="gbp", **options):
        self.create_intent(currency)
        self.page.goto(self.host)
        options = {"clientSecret": self.intent["client_secret"], **options}
        ended = self.page.evaluate(OPEN, [PUBLISHABLE_KEY, options, payment or {}])
        assert ended == {"elementType": "payment"}
        return self

    def field(self, name):
        return self.frame.locator(f".Panel:visible [name={name}]")

    def fill_card(self, number="4242424242424242", expiry="12 / 34", cvc="123"):
        for name, value in {"number": number, "expiry": expiry, "cvc": cvc}.items():
            self.field(name).fill(value)

    def press_pay(self, **options):
        confirm = {"return_url": f"{self.host}/return", **options.pop("confirmParams", {})}
        self.page.evaluate(PAY, {"confirmParams": confirm, "redirect": "if_required", **options})

    def outcome(self):
        return self.page.evaluate("window.outcome")

    def pay(self, **options):
        self.press_pay(**options)
        return self.outcome()

    def status(self):
        return self.api(f"/v1/payment_intents/{self.intent['id']}")["status"]

    def events(self, *types):
        return [event for event in self.page.evaluate("window.events") if event["type"] in types]


def _keep_in(items):
    """Return a function that appends: Playwright takes no built-in method as a handler."""

    def keep(item):
        items.append(item)

    return keep


@pytest.fixture
def checkout(page, sandbox, host):
    violations = []
    page.expose_function("tellViolation", _keep_in(violations))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => tellViolation(e.violatedDirective))"
    )
    errors = []
    page.on("pageerror", _keep_in(errors))
    yield Checkout(page, sandbox, host)
    assert violations == []
    assert errors == []


def test_a_card_pays(checkout):
    checkout.open()
    checkout.fill_card()

    outcome = checkout.pay()

    assert outcome["paymentIntent"]["status"] == "succeeded"
    assert outcome["paymentIntent"]["id"] == checkout.intent["id"]
    assert checkout.status() == "succeeded"


def test_a_card_number_leaves_its_frame_for_the_api_alone(checkout):
    sent = []
    checkout.page.on("request", _keep_in(sent))
    checkout.open()
    checkout.fill_card("5555 5555 5555 4444")
    checkout.pay()

    carrying = [request for request in sent if "5555555555554444" in str(request.post_data)]
    assert [urlsplit(request.url).path for request in carrying] == [
        f"/v1/payment_intents/{checkout.intent['id']}/confirm"
    ]
    assert carrying[0].frame.url.startswith(f"{checkout.sandbox.url}/elements/payment")
    assert not any("5555" in request.url for request in sent)
    assert "5555" not in checkout.page.content()
    assert "5555" not in json.dumps(checkout.page.evaluate("window.events"))


@pytest.mark.parametrize(
    ("number", "code", "field"),
    [
        ("4000000000000002", "card_declined", "number"),
        ("4000000000000069", "expired_card", "expiry"),
        ("4000000000000127", "incorrect_cvc", "cvc"),
    ],
)
def test_a_refusal_is_returned_and_shown_at_its_field(checkout, number, code, field):
    checkout.open()
    checkout.fill_card(number)

    error = checkout.pay()["error"]

    assert (error["type"], error["code"]) == ("card_error", code)
    assert error["payment_intent"]["status"] == checkout.status() == "requires_payment_method"
    expect(checkout.field(field)).to_have_accessible_description(error["message"])
    checkout.field("cvc").press("End")
    expect(checkout.field(field)).to_have_attribute("aria-invalid", "true")


def test_a_stolen_card_reads_as_declined(checkout):
    checkout.open()
    checkout.fill_card("4000000000009979")

    assert checkout.pay()["error"]["decline_code"] == "stolen_card"

    expect(checkout.field("number")).to_have_accessible_description("Your card was declined.")


def test_another_card_pays_after_a_declined_one(checkout):
    checkout.open()
    checkout.fill_card("4000000000009995")
    assert checkout.pay()["error"]["decline_code"] == "insufficient_funds"

    checkout.fill_card("4242424242424242")

    expect(checkout.field("number")).to_have_attribute("aria-invalid", "false")
    assert checkout.pay()["paymentIntent"]["status"] == "succeeded"


def test_a_completed_challenge_pays(checkout):
    checkout.open()
    checkout.fill_card("4000002760003184")
    checkout.press_pay()
    expect(checkout.challenge.locator("#amount")).to_have_text("£12.99")

    checkout.challenge.locator("#test-source-authorize-3ds").click()

    assert checkout.outcome()["paymentIntent"]["status"] == "succeeded"
    assert checkout.status() == "succeeded"
    expect(checkout.page.locator("dialog")).to_have_count(0)


def _fail(checkout):
    checkout.challenge.locator("#test-source-fail-3ds").click()


def _escape_inside(checkout):
    checkout.challenge.locator("#test-source-fail-3ds").press("Escape")


def _close_dialog(checkout):
    checkout.page.evaluate("document.querySelector('dialog').close()")


@pytest.mark.parametrize("leave", [_fail, _escape_inside, _close_dialog])
def test_a_failed_challenge_is_an_error(checkout, leave):
    checkout.open()
    checkout.fill_card("4000002760003184")
    checkout.press_pay()
    expect(checkout.challenge.locator("#test-source-fail-3ds")).to_be_enabled()

    leave(checkout)

    error = checkout.outcome()["error"]
    assert error["code"] == "payment_intent_authentication_failure"
    assert error["payment_intent"]["status"] == checkout.status() == "requires_payment_method"
    checkout.fill_card()
    assert checkout.pay()["paymentIntent"]["status"] == "succeeded"


def test_a_card_may_be_declined_after_its_challenge(checkout):
    checkout.open()
    checkout.fill_card("4000008400001629")
    checkout.press_pay()

    checkout.challenge.locator("#test-source-authorize-3ds").click()

    assert checkout.outcome()["error"]["code"] == "card_declined"


def test_redirect_always_leaves_for_the_return_url(checkout):
    checkout.open()
    checkout.fill_card()
    with checkout.page.expect_navigation(url=f"{checkout.host}/return?**"):
        checkout.press_pay(
            redirect="always", confirmParams={"return_url": f"{checkout.host}/return?order=7"}
        )

    assert parse_qs(urlsplit(checkout.page.url).query) == {
        "order": ["7"],
        "payment_intent": [checkout.intent["id"]],
        "payment_intent_client_secret": [checkout.intent["client_secret"]],
        "redirect_status": ["succeeded"],
    }


def test_redirect_always_stays_with_an_error(checkout):
    checkout.open()
    checkout.fill_card("4000000000000119")

    assert checkout.pay(redirect="always")["error"]["code"] == "processing_error"


@pytest.mark.parametrize(
    ("currency", "name", "account"),
    [
        ("gbp", "Bacs Direct Debit", {"sort_code": "108800", "account_number": "00012345"}),
        ("eur", "SEPA Debit", {"iban": "DE89370400440532013000"}),
        (
            "usd",
            "US bank account",
            {"routing_number": "110000000", "account_number": "000123456789"},
        ),
    ],
)
def test_a_bank_debit_stays_processing(checkout, currency, name, account):
    checkout.open(currency=currency)
    checkout.frame.get_by_role("radio", name=name).check()
    for field, value in {"name": "Ada Example", "email": "ada@example.org", **account}.items():
        checkout.field(field).fill(value)

    assert checkout.pay()["paymentIntent"]["status"] == "processing"

    assert checkout.events("change")[-1]["complete"]
    assert checkout.status() == "processing"


def test_a_currency_without_debit_offers_the_card_alone(checkout):
    checkout.open(currency="jpy")

    expect(checkout.frame.get_by_role("radio")).to_have_count(0)
    expect(checkout.field("number")).to_be_visible()


def test_an_incomplete_card_is_not_sent(checkout):
    sent = []
    checkout.page.on("request", lambda request: sent.append(urlsplit(request.url).path))
    checkout.open()
    checkout.fill_card("4242", "12", "1")

    submitted = checkout.page.evaluate("window.elements.submit()")

    message = "Your card number is incomplete."
    code = "incomplete_number"
    assert submitted == {"error": {"type": "validation_error", "code": code, "message": message}}
    assert checkout.pay() == submitted
    expect(checkout.field("number")).to_be_focused()
    expect(checkout.field("number")).to_have_accessible_description(message)
    checkout.page.keyboard.type("4")  # the page's focus is there, not the frame's alone
    expect(checkout.field("number")).not_to_have_value("4242")
    assert not [path for path in sent if path.endswith("/confirm")]


def test_submit_names_the_method_of_a_complete_form(checkout):
    checkout.open()
    checkout.fill_card()

    submitted = checkout.page.evaluate("window.elements.submit()")

    assert submitted == {"selectedPaymentMethod": "card"}


def test_an_invalid_field_shows_its_error_on_blur(checkout):
    checkout.open()
    for name, typed, message in [
        ("number", "4242424242424241", "Your card number is invalid."),
        ("number", "9999999999999995", "Your card number is invalid."),
        ("number", "37828224631", "Your card number is incomplete."),
        ("expiry", "1", "Your card's expiration date is incomplete."),
        ("expiry", "1320", "Your card's expiration date is invalid."),
        ("expiry", "1220", "Your card's expiration year is in the past."),
        ("expiry", "1299", "Your card's expiration year is invalid."),
        ("cvc", "12", "Your card's security code is incomplete."),
    ]:
        field = checkout.field(name)
        field.fill(typed)
        field.blur()
        expect(field).to_have_accessible_description(message)
        expect(checkout.frame.get_by_text(message)).to_be_visible()
        field.fill("")
        expect(field).to_have_accessible_description("")


def test_fields_write_as_cards_are_printed(checkout):
    checkout.open()
    for name, keys, shown in [
        ("number", "42424242", "4242 4242"),
        ("number", "378282246310005", "3782 822463 10005"),
        ("number", "4242x4242 42424242", "4242 4242 4242 4242"),
        ("expiry", "3", "03 / "),
        ("expiry", "1", "1"),
        ("expiry", "1/29", "01 / 29"),
        ("expiry", "12/2034", "12 / 34"),
        ("cvc", "12a34", "123"),
    ]:
        checkout.field(name).fill("")
        for key in keys:  # one by one, into this field even when it is full
            checkout.field(name).press(key)
        expect(checkout.field(name)).to_have_value(shown)


def test_backspace_goes_through_the_separators(checkout):
    checkout.open()
    checkout.field("expiry").press_sequentially("12")
    for _ in range(5):
        checkout.field("expiry").press("Backspace")

    expect(checkout.field("expiry")).to_have_value("")


def test_a_digit_can_be_put_right_in_the_middle(checkout):
    checkout.open()
    number = checkout.field("number")
    number.fill("42424242")
    number.evaluate("input => input.setSelectionRange(3, 3)")
    number.press("Backspace")
    number.press("5")

    expect(number).to_have_value("4252 4242")
    assert number.evaluate("input => input.selectionStart") == 3


def test_events_tell_how_far_the_customer_is(checkout):
    checkout.open()
    assert [event["type"] for event in checkout.events("loaderstart", "ready")] == [
        "loaderstart",
        "ready",
    ]

    checkout.fill_card()
    checkout.field("cvc").press("Escape")
    checkout.page.locator("#pay").focus()

    steps = [(event["empty"], event["complete"]) for event in checkout.events("change")]
    assert steps == [(True, False), (False, False), (False, True)]
    assert checkout.events("change")[-1]["value"] == {"type": "card"}
    assert {event["type"] for event in checkout.events("focus", "blur", "escape")} == {
        "focus",
        "blur",
        "escape",
    }


def test_fetch_updates_reads_the_intent_again(checkout):
    checkout.open()
    checkout.field("number").fill("4242")
    intent = f"/v1/payment_intents/{checkout.intent['id']}"
    checkout.api(intent, {"amount": 2599})
    with checkout.page.expect_request(f"**{intent}?**"):
        assert checkout.page.evaluate("window.elements.fetchUpdates()") == {}

    expect(checkout.field("number")).to_have_value("4242")  # what was typed stays

    checkout.api(f"{intent}/cancel", {})
    assert checkout.page.evaluate("window.elements.fetchUpdates()") == {
        "error": {
            "message": "This PaymentIntent is in a terminal state and cannot be used to initialize "
            "Elements.",
            "status": "payment_intent_unexpected_state",
        }
    }


def test_a_paid_intent_cannot_be_paid_for_again(checkout):
    checkout.create_intent()
    confirmation = {"payment_method": "pm_card_visa", "return_url": checkout.host}
    checkout.api(f"/v1/payment_intents/{checkout.intent['id']}/confirm", confirmation)
    checkout.page.goto(checkout.host)

    options = {"clientSecret": checkout.intent["client_secret"]}
    ended = checkout.page.evaluate(OPEN, [PUBLISHABLE_KEY, options, {}])

    assert ended["error"]["code"] == "payment_intent_unexpected_state"


def test_a_wrong_client_secret_is_a_load_error(checkout):
    checkout.create_intent()
    checkout.page.goto(checkout.host)

    options = {"clientSecret": checkout.intent["client_secret"] + "x"}
    ended = checkout.page.evaluate(OPEN, [PUBLISHABLE_KEY, options, {}])

    assert ended["error"]["type"] == "invalid_request_error"


def test_an_elements_group_without_an_intent_pays_the_one_made_later(checkout):
    checkout.create_intent()
    checkout.page.goto(checkout.host)
    options = {"mode": "payment", "amount": 1299, "currency": "gbp"}
    checkout.page.evaluate(OPEN, [PUBLISHABLE_KEY, options, {}])
    expect(checkout.frame.get_by_role("radio")).to_have_count(2)
    checkout.page.evaluate("window.elements.update({ currency: 'jpy' })")
    expect(checkout.frame.get_by_role("radio")).to_have_count(0)
    checkout.fill_card()

    assert checkout.page.evaluate("window.elements.submit()") == {"selectedPaymentMethod": "card"}
    outcome = checkout.pay(clientSecret=checkout.intent["client_secret"])

    assert outcome["paymentIntent"]["status"] == "succeeded"


def test_the_intent_can_be_retrieved_and_its_next_action_handled(checkout):
    checkout.open()
    secret = checkout.intent["client_secret"]
    confirm = "/v1/payment_intents/{id}/confirm".format(**checkout.intent)
    checkout.api(
        confirm,
        {
            "payment_method": "pm_card_threeDSecure2Required",
            "return_url": checkout.host,
            "use_stripe_sdk": "true",
        },
    )

    retrieved = checkout.page.evaluate("secret => stripe.retrievePaymentIntent(secret)", secret)
    assert retrieved["paymentIntent"]["status"] == "requires_action"
    assert "metadata" not in retrieved["paymentIntent"]
    checkout.page.evaluate(
        "clientSecret => { window.outcome = stripe.handleNextAction({ clientSecret }); }", secret
    )
    checkout.challenge.locator("#test-source-authorize-3ds").click()
    assert checkout.outcome()["paymentIntent"]["status"] == "succeeded"


@pytest.mark.parametrize(("ending", "outcome"), [("authorize", "succeeded"), ("fail", "failed")])
def test_a_challenge_on_its_own_page_goes_back_to_the_shop(checkout, ending, outcome):
    checkout.open()
    checkout.api(
        "/v1/payment_intents/{id}/confirm".format(**checkout.intent),
        {
            "payment_method": "pm_card_threeDSecure2Required",
            "return_url": f"{checkout.host}/return?order=7",
        },
    )
    checkout.page.evaluate(
        "clientSecret => { stripe.handleNextAction({ clientSecret }); }",
        checkout.intent["client_secret"],
    )

    checkout.page.locator(f"#test-source-{ending}-3ds").click()

    checkout.page.wait_for_url(f"{checkout.host}/return?**")
    query = parse_qs(urlsplit(checkout.page.url).query)
    assert query["order"] == ["7"]
    assert query["payment_intent"] == [checkout.intent["id"]]
    assert query["redirect_status"] == [outcome]


def test_a_lost_connection_is_an_error_and_the_card_can_be_sent_again(checkout):
    checkout.open()
    checkout.fill_card()
    checkout.page.route("**/confirm", lambda route: route.abort())

    assert checkout.pay()["error"]["type"] == "api_connection_error"

    checkout.page.unroute("**/confirm")
    assert checkout.pay()["paymentIntent"]["status"] == "succeeded"


def test_a_frame_that_stays_silent_is_a_load_error(checkout):
    checkout.create_intent()
    checkout.page.clock.install()
    checkout.page.route("**/elements/payment**", lambda route: route.abort())
    checkout.page.goto(checkout.host)
    options = {"clientSecret": checkout.intent["client_secret"]}
    start = f"(given) => {{ window.ended = ({OPEN})(given); }}"
    checkout.page.evaluate(start, [PUBLISHABLE_KEY, options, {}])

    checkout.page.clock.run_for(15_000)

    ended = checkout.page.evaluate("window.ended")
    assert ended["error"]["type"] == "api_connection_error"


FORGED = """{ type: 'change', event: { elementType: 'payment', complete: true, empty: false } }"""


def test_the_page_ignores_messages_that_are_not_from_its_frame(checkout, host):
    checkout.open()
    elsewhere = host.replace("localhost", "127.0.0.1")
    before = checkout.page.evaluate("window.events")
    load = """([selector, src]) => new Promise((resolve) => {
        const frame = document.querySelector(selector) ?? document.createElement('iframe');
        frame.addEventListener('load', resolve, { once: true });
        frame.src = src;
        if (!frame.isConnected) document.body.append(frame);
    })"""
    # The frame's language spoken by another origin, by a second frame of the right origin, and by
    # what another origin put into the element's own frame.
    for selector, source in [
        ("#new", elsewhere),
        ("#new", f"{checkout.sandbox.url}/challenge/pi_1?key=&client_secret="),
        ("#payment-element iframe", f"{elsewhere}/?instead"),
    ]:
        checkout.page.evaluate(load, [selector, source])
        frame = next(each for each in reversed(checkout.page.frames) if each.url.startswith(source))
        frame.evaluate(f"parent.postMessage({FORGED}, '*')")
    checkout.page.evaluate(f"window.postMessage({FORGED}, '*')")
    # Messages of one window arrive in order: when this one is here, the forged ones were.
    checkout.page.evaluate(
        """() => new Promise((resolve) => {
            addEventListener('message', ({ data }) => data === 'last' && resolve());
            window.postMessage('last', '*');
        })"""
    )

    assert [event for event in checkout.page.evaluate("window.events") if event not in before] == []


def test_the_frame_answers_only_the_page_that_its_address_names(checkout, host):
    """A page of another origin embeds the frame in the shop's name and asks it to pay."""
    checkout.create_intent()
    page = checkout.page
    page.goto(host.replace("localhost", "127.0.0.1"))
    embedded = f"{checkout.sandbox.url}/elements/payment?{urlencode({'parent': host})}"
    page.evaluate(
        """([src, methods]) => new Promise((resolve) => {
            window.heard = [];
            addEventListener('message', ({ data }) => window.heard.push(data));
            const frame = document.createElement('iframe');
            frame.addEventListener('load', () => {
                const init = { type: 'init', options: {}, appearance: {}, methods };
                frame.contentWindow.postMessage(init, '*');
                frame.contentWindow.postMessage({ type: 'submit', request: 1 }, '*');
                resolve();
            });
            frame.src = src;
            document.body.append(frame);
        })""",
        [embedded, ["card"]],
    )
    frame = next(frame for frame in page.frames if "/elements/payment" in frame.url)
    frame.evaluate(  # the frame's own messages come after those of the page
        """() => new Promise((resolve) => {
            addEventListener('message', ({ data }) => data === 'last' && resolve());
            window.postMessage('last', '*');
        })"""
    )

    assert page.evaluate("window.heard") == []
    expect(frame.locator(".Skeleton")).to_have_count(3)  # never drawn


def test_the_keyboard_alone_pays_with_a_challenge(checkout):
    checkout.open()
    checkout.page.evaluate(
        """(options) => document.querySelector('#pay').addEventListener('click', () => {
            window.outcome = stripe.confirmPayment({ elements, ...options });
        })""",
        {"redirect": "if_required", "confirmParams": {"return_url": checkout.host}},
    )
    keyboard = checkout.page.keyboard
    keyboard.press("Tab")
    expect(checkout.frame.get_by_role("radio", name="Card")).to_be_focused()
    keyboard.press("ArrowDown")
    expect(checkout.field("sort_code")).to_be_visible()
    keyboard.press("ArrowUp")
    keyboard.press("Tab")
    keyboard.type("4000002760003184")
    expect(checkout.field("expiry")).to_be_focused()  # a complete number moves the focus
    keyboard.type("1234")
    keyboard.type("123")
    keyboard.press("Tab")
    expect(checkout.page.locator("#pay")).to_be_focused()
    keyboard.press("Enter")
    expect(checkout.challenge.locator("#test-source-authorize-3ds")).to_be_focused()
    keyboard.press("Enter")

    assert checkout.outcome()["paymentIntent"]["status"] == "succeeded"
    expect(checkout.page.locator("#pay")).to_be_focused()


# Those at the end take the element away.
DEVELOPERS_MISTAKES = [
    ("Stripe()", "apiKey should be a string"),
    ("Stripe('')", "You used an empty string"),
    ("Stripe('sk_test_sandbox')", "should not use your secret key"),
    ("Stripe('whsec_sandbox')", "should be a publishable key"),
    ("stripe.elements({ clientSecret: 'pi_1' })", "should be a client secret of the form"),
    ("stripe.elements({ mode: 'setup', currency: 'gbp' })", "supports mode: 'payment' only"),
    ("stripe.elements({ mode: 'payment', amount: 1.5, currency: 'gbp' })", "integer amount"),
    ("stripe.elements({ paymentMethodTypes: ['card'] })", "paymentMethodTypes is no longer"),
    ("stripe.elements().create('payment')", "must pass a clientSecret or mode"),
    ("elements.create('payment')", "Can only create one Element of type payment"),
    ("elements.create('card')", 'not "card"'),
    ("elements.update({ amount: 1 })", "call elements.fetchUpdates()"),
    ("payment.mount('#nowhere')", "applies to no DOM elements"),
    ("payment.on('ready')", "should be a function"),
    ("stripe.confirmPayment({ elements })", "`confirmParams.return_url` argument is required"),
    (
        "stripe.confirmPayment({ elements, confirmParams: { return_url: '/success' } })",
        "should be an absolute URL",
    ),
    ("stripe.confirmPayment({ redirect: 'if_required' })", "`elements` or `clientSecret`"),
    ("stripe.confirmPayment({ elements, redirect: 'never' })", "'always' or 'if_required'"),
    (
        "Stripe('pk_test_1').confirmPayment({ elements, redirect: 'if_required' })",
        "this Stripe object created",
    ),
    ("stripe.retrievePaymentIntent('pi_1')", "should be a client secret of the form"),
    (
        "stripe.handleNextAction({ clientSecret: window.secret })",
        "is not in the requires_action state",
    ),
    (
        "payment.unmount(), stripe.confirmPayment({ elements, redirect: 'if_required' })",
        "should have a mounted Payment Element",
    ),
    (
        "payment.mount('#payment-element'), elements.submit()",
        "mounted and the ready event has been emitted",
    ),
    ("payment.destroy(), payment.mount('#payment-element')", "already been destroyed"),
]

CAUGHT = """async () => {
  try {
    await (%s);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return 'nothing was thrown';
}"""


def test_developers_mistakes_are_integration_errors(checkout):
    checkout.open()
    checkout.page.evaluate(
        "secret => { window.secret = secret; }", checkout.intent["client_secret"]
    )

    for script, message in DEVELOPERS_MISTAKES:
        caught = checkout.page.evaluate(CAUGHT % script)
        assert caught.startswith("IntegrationError: "), script
        assert message in caught


def test_details_without_a_field_must_come_with_the_confirmation(checkout):
    checkout.open({"fields": {"billingDetails": {"email": "never"}}})
    checkout.frame.get_by_role("radio", name="Bacs Direct Debit").check()
    expect(checkout.field("email")).to_have_count(0)
    account = {"name": "Ada Example", "sort_code": "108800", "account_number": "00012345"}
    for field, value in account.items():
        checkout.field(field).fill(value)
    refusal = checkout.page.evaluate(
        """() => stripe.confirmPayment({ elements, redirect: 'if_required' })
            .catch((error) => error.message)"""
    )
    assert 'You specified "never" for fields.billing_details.email' in refusal

    billing = {"billing_details": {"email": "ada@example.org"}}
    with checkout.page.expect_request("**/confirm") as confirmation:
        outcome = checkout.pay(confirmParams={"payment_method_data": billing})

    sent = parse_qs(confirmation.value.post_data)
    assert sent["payment_method_data[billing_details][email]"] == ["ada@example.org"]
    assert sent["payment_method_data[billing_details][name]"] == ["Ada Example"]
    assert outcome["paymentIntent"]["status"] == "processing"


def test_the_appearance_is_the_shops(checkout):
    variables = {"colorPrimary": "#8a3b12", "borderRadius": "9px", "fontFamily": "monospace"}
    rules = {".Input": {"letterSpacing": "2px"}, "body": {"display": "none"}}
    checkout.open(appearance={"theme": "night", "variables": variables, "rules": rules})
    number = checkout.field("number")

    expect(number).to_have_css("border-radius", "9px")
    expect(number).to_have_css("font-family", "monospace")
    expect(number).to_have_css("letter-spacing", "2px")
    expect(number).to_have_css("background-color", "rgb(48, 49, 61)")  # the night theme's
    number.focus()
    expect(number).to_have_css("border-top-color", "rgb(138, 59, 18)")

    variables = {"variables": {"colorBackground": "#ffeedd"}}
    checkout.page.evaluate("appearance => elements.update({ appearance })", variables)
    expect(number).to_have_css("background-color", "rgb(255, 238, 221)")
    expect(number).to_have_css("letter-spacing", "normal")


def test_an_accordion_starts_and_ends_collapsed(checkout):
    checkout.open({"layout": {"type": "accordion", "defaultCollapsed": True}})
    expect(checkout.field("number")).to_have_count(0)
    assert checkout.events("change")[-1]["collapsed"]
    assert checkout.pay()["error"]["code"] == "payment_method_incomplete"

    checkout.frame.get_by_text("Card", exact=True).click()
    expect(checkout.field("number")).to_be_visible()

    checkout.page.evaluate("payment.collapse() && null")
    expect(checkout.field("number")).to_have_count(0)


def test_the_element_can_be_changed_cleared_and_taken_away(checkout):
    checkout.open()
    checkout.fill_card()
    checkout.page.evaluate("payment.update({ readOnly: true }) && null")
    expect(checkout.field("number")).not_to_be_editable()
    checkout.page.evaluate("payment.update({ readOnly: false }) && null")
    checkout.page.evaluate("payment.clear()")
    expect(checkout.field("cvc")).to_have_value("")
    assert checkout.events("change")[-1]["empty"]
    checkout.page.evaluate("payment.focus()")
    expect(checkout.field("number")).to_be_focused()
    assert checkout.page.evaluate("elements.getElement('payment') === payment")

    checkout.page.evaluate("payment.destroy()")

    expect(checkout.page.locator("iframe")).to_have_count(0)
    assert checkout.page.evaluate("elements.getElement('payment')") is None


@pytest.mark.parametrize("width", [320, 1280])
def test_the_frame_is_as_large_as_what_it_shows(checkout, width):
    checkout.page.set_viewport_size({"width": width, "height": 900})
    checkout.open()
    frame = checkout.page.locator("iframe")
    calm = frame.bounding_box()["height"]

    checkout.page.evaluate("elements.submit()")  # three messages more

    form = checkout.frame.locator("#payment")
    expect(checkout.frame.locator(".Error:visible")).to_have_count(3)
    expect(frame).to_have_css("height", f"{math.ceil(form.bounding_box()['height'])}px")
    assert frame.bounding_box()["height"] > calm
    assert form.evaluate("form => form.scrollWidth <= form.clientWidth")


@pytest.mark.parametrize("path", ["elements/payment", "challenge/pi_1"])
def test_the_sandboxs_pages_hold_no_inline_code(sandbox, path):
    with contextlib.closing(urlopen(f"{sandbox.url}/{path}", timeout=10)) as answer:
        page = answer.read().decode()

    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/') == 1
