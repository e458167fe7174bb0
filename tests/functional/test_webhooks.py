"""The webhook endpoint: signatures, idempotency, events in any order, several servers."""

import hashlib
import hmac
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
import stripe
import webob
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as happening
from sqlalchemy import text

from bookshop.orders.models import Order
from bookshop.payments import webhook_signatures
from bookshop.webhooks.ledger import find_event
from bookshop.webhooks.views import MAX_BODY
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import WEBHOOK_SECRET, intent_of

VERSION = "2026-10-28.endive"
PATH = "/webhooks/stripe"


def event(subject: dict, kind: str = "payment_intent.succeeded", **changes) -> dict:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": VERSION,
        "type": kind,
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": subject},
        **changes,
    }


def signed(payload: bytes, secret=WEBHOOK_SECRET, age=0, scheme="v1") -> str:
    """Returns the header Stripe-Signature, computed without the SDK that verifies it."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},{scheme}={digest}"


def send(shop, body, secret=WEBHOOK_SECRET, status=200, header=None):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return shop.visitor().post(
        PATH,
        payload,
        headers={"Stripe-Signature": signed(payload, secret) if header is None else header},
        content_type="application/json",
        status=status,
    )


def rows(shop) -> list[dict]:
    """The ledger."""
    with shop.registry.services.sessions() as session:
        found = session.execute(text("SELECT * FROM webhook_events ORDER BY received_at"))
        return [dict(row) for row in found.mappings()]


def hihistory_at_stripe(shop) -> list[tuple]:
    """The status changes of all orders, oldest first."""
    with shop.registry.services.sessions() as session:
        found = session.execute(
            text(
                "SELECT from_status, to_status FROM order_entries"
                " WHERE to_status IS NOT NULL ORDER BY id"
            )
        )
        return [tuple(row) for row in found]


def mails(shop, number: str = "%") -> list[str]:
    """The kinds of the e-mails about an order."""
    with shop.registry.services.sessions() as session:
        found = session.execute(
            text(
                "SELECT kind FROM mails JOIN orders ON orders.id = order_id"
                " WHERE number LIKE :number ORDER BY mails.id"
            ),
            {"number": number},
        )
        return list(found.scalars())


def paid_once(shop) -> bool:
    """Asserts that the one order was paid, with all its effects, once."""
    (order,) = shop.orders()
    book = shop.book(MOSS)
    moves = [move for move in hihistory_at_stripe(shop) if move[1] == "paid"]
    assert (order.status, book.stock, book.reserved) == ("paid", 6, 0)
    assert moves == [("awaiting_payment", "paid")]
    assert mails(shop) == ["paid"]
    return True


def untouched(shop) -> bool:
    """Asserts that no payment has been recorded."""
    (order,) = shop.orders()
    assert (order.status, shop.book(MOSS).stock) == ("awaiting_payment", 7)
    assert mails(shop) == []
    return True


def pay(shop, sandbox):
    """Pays an order and closes the tab; returns the browser and the intent at Stripe."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    return visitor, sandbox.confirm(intent_of(page))


@pytest.fixture
def paid(shop, sandbox):
    _visitor, intent = pay(shop, sandbox)
    return intent


@pytest.fixture
def each_shop(make_each_shop):
    return make_each_shop()


# --- bug 2: idempotency


def test_bug_2_ten_deliveries_in_sequence_apply_once(shop, paid):
    for number in range(10):
        send(shop, event(paid, id=f"evt_{number % 3}"))

    assert paid_once(shop)
    assert sorted(row["deliveries"] for row in rows(shop)) == [3, 3, 4]


def test_bug_2_concurrent_deliveries_and_success_pages_apply_once(make_each_shop, sandbox, serve):
    shops = [make_each_shop(stripe__max_concurrency="40") for _ in range(2)]
    shop = shops[0]
    urls = [serve(each.wsgi, threads=20) for each in shops]
    visitor, intent = pay(shop, sandbox)
    cookies = dict(visitor.cookies)

    def deliver(place: int) -> int:
        # Two events about one change, ten times each, to two servers.
        payload = json.dumps(event(intent, id=f"evt_{place // 2 % 2}")).encode()
        headers = {"Stripe-Signature": signed(payload)}
        url = urls[place % 2] + PATH
        return requests.post(url, payload, headers=headers, timeout=30).status_code

    def open_success_page(place: int) -> int:
        url = f"{urls[place % 2]}/success?pi={intent['id']}"
        return requests.get(url, cookies=cookies, timeout=30).status_code

    with ThreadPoolExecutor(30) as pool:
        futures = [pool.submit(deliver, place) for place in range(20)]
        futures += [pool.submit(open_success_page, place) for place in range(6)]
        answers = [future.result() for future in futures]

    assert answers == [200] * 26
    assert paid_once(shop)
    found = rows(shop)
    assert {row["id"]: row["deliveries"] for row in found} == {"evt_0": 10, "evt_1": 10}
    assert {(row["status"], row["problem"]) for row in found} == {("applied", None)}


class UnexpectedError(Exception):
    """An error that no handler expects."""


def test_bug_2_a_crash_before_the_commit_is_repaired_by_the_redelivery(each_shop, sandbox):
    shop = each_shop
    _visitor, intent = pay(shop, sandbox)
    crashes = [UnexpectedError()]

    def before_commit(session):
        if crashes and any(isinstance(each, Order) and each.status == "paid" for each in session):
            raise crashes.pop()

    happening.listen(shop.registry.services.sessions, "before_commit", before_commit)

    send(shop, event(intent), status=500)
    assert crashes == []
    assert untouched(shop)
    (row,) = rows(shop)
    assert (row["status"], row["problem"]) == ("failed", "internal error: UnexpectedError")

    send(shop, event(intent))
    assert paid_once(shop)
    (row,) = rows(shop)
    assert (row["status"], row["problem"], row["deliveries"]) == ("applied", None, 2)


def test_a_redelivered_event_is_acknowledged_without_a_request_to_stripe(shop, sandbox, paid):
    send(shop, event(paid))
    before = len(sandbox.requests())

    send(shop, event(paid))

    assert len(sandbox.requests()) == before


# --- bug 3: events out of order, failed attempts


LATE = ["payment_failed", "processing", "canceled", "created", "requires_action"]


@pytest.mark.parametrize("kind", LATE)
def test_bug_3_a_late_event_does_not_undo_a_payment(shop, paid, kind):
    send(shop, event(paid))
    stale = {**paid, "status": "requires_payment_method", "amount": 1}

    send(shop, event(stale, f"payment_intent.{kind}", id="evt_2"))

    assert paid_once(shop)


def test_bug_3_a_payment_can_succeed_after_a_failed_attempt(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    refused = sandbox.confirm(intent_of(page), "pm_card_chargeDeclined")["error"]
    send(shop, event(refused["payment_intent"], "payment_intent.payment_failed"))
    assert untouched(shop)

    send(shop, event(sandbox.confirm(intent_of(page)), id="evt_2"))

    assert paid_once(shop)


def test_the_status_in_an_event_is_not_used(shop, sandbox):
    visitor = shop.visitor()
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(visitor.get(BUY))}")

    send(shop, event({**intent, "status": "succeeded", "amount_received": 2200}))

    assert shop.orders()[0].status == "awaiting_payment"


class PaymentHistory:
    """Changes a payment at Stripe step by step, and collects the events about it."""

    def __init__(self, sandbox, intent: str) -> None:
        self._sandbox, self.intent = sandbox, intent

    def events(self) -> list[dict]:
        """All events so far, oldest first."""
        return [
            each
            for each in reversed(self._sandbox.events())
            if self.intent in {each["data"]["object"].get(key) for key in ("id", "payment_intent")}
        ]

    def perform(self, step: str) -> None:
        getattr(self, step)()

    def decline(self) -> None:
        self._sandbox.confirm(self.intent, "pm_card_chargeDeclined")

    def challenge(self) -> None:
        self._sandbox.confirm(self.intent, "pm_card_authenticationRequired")

    def debit(self) -> None:
        self._sandbox.confirm(self.intent, "pm_bacsDebit_success")

    def bounce(self) -> None:
        self._sandbox.settle(self.intent, "failed")

    def arrive(self) -> None:
        self._sandbox.settle(self.intent, "succeeded")

    def succeed(self) -> None:
        self._sandbox.confirm(self.intent)

    def cancel(self) -> None:
        self._sandbox.api("POST", f"/v1/payment_intents/{self.intent}/cancel")

    def refund_some(self) -> None:
        self._sandbox.refund(self.intent, 500)

    def refund_all(self) -> None:
        self._sandbox.refund(self.intent)

    def refund_fails(self) -> None:
        for refund in self._sandbox.refunds(self.intent)[:1]:
            self._sandbox.settle_refund(refund["id"], "failed")

    def dispute(self) -> None:
        self._sandbox.dispute(self.intent)

    def inquire(self) -> None:
        self._sandbox.inquire(self.intent)

    def decide(self, outcome: str) -> None:
        for dispute in self._sandbox.disputes(self.intent)[:1]:
            self._sandbox.settle_dispute(dispute["id"], outcome)

    def win(self) -> None:
        self.decide("won")

    def lose(self) -> None:
        self.decide("lost")

    def close(self) -> None:
        self.decide("warning_closed")

    def warn(self) -> None:
        self._sandbox.warn(self.intent)

    def review(self) -> None:
        self._sandbox.review(self.intent)

    def expected(self) -> tuple[str, int]:
        """The order's expected status and refunded amount, from the objects at Stripe."""
        intent = self._sandbox.intent(self.intent)
        if intent["status"] != "succeeded":
            return UNTIL_PAID[intent["status"]], 0
        refunded = intent["latest_charge"]["amount_refunded"]
        disputes = {each["status"] for each in self._sandbox.disputes(self.intent)}
        status = "paid"
        if disputes - {"won", "lost", "warning_closed"}:
            status = "disputed"
        elif "lost" in disputes:
            status = "dispute_lost"
        elif refunded:
            status = "refunded" if refunded == intent["amount"] else "partly_refunded"
        elif "won" in disputes:
            status = "dispute_won"
        return status, refunded


@pytest.fixture
def threadless_shop(each_shop):
    """A shop without background threads, whose use of `random` Hypothesis would report."""
    each_shop.registry.job_worker.stop()
    each_shop.registry.mail_worker.stop()
    return each_shop


UNTIL_PAID = {
    "requires_payment_method": "awaiting_payment",
    "requires_action": "awaiting_payment",
    "processing": "processing",
    "canceled": "cancelled",
}
BEFORE = st.lists(st.sampled_from(["decline", "challenge", "debit", "bounce"]), max_size=3)
ENDS = st.sampled_from([["succeed"], ["succeed"], ["debit", "arrive"], ["cancel"], []])
AFTER = st.lists(
    st.sampled_from(
        [
            "refund_some",
            "refund_all",
            "refund_fails",
            "dispute",
            "inquire",
            "win",
            "lose",
            "close",
            "warn",
            "review",
        ]
    ),
    max_size=4,
)


@settings(
    max_examples=25,
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(before=BEFORE, ends=ENDS, after=AFTER, data=st.data())
def test_bug_3_events_in_any_order_end_in_the_status_at_stripe(
    threadless_shop, sandbox, before, ends, after, data
):
    shop = threadless_shop
    shop.change_book(MOSS, stock=1000, reserved=0)
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    history_at_stripe = PaymentHistory(sandbox, intent_of(page))

    for step in [*before, *ends, *after]:
        history_at_stripe.perform(step)  # steps that Stripe refuses change nothing
        events = history_at_stripe.events()
        for place in data.draw(st.lists(st.sampled_from(range(len(events))), max_size=2)):
            send(shop, events[place])
    events = history_at_stripe.events()
    places = range(len(events))
    again = data.draw(st.lists(st.sampled_from(places), max_size=4))
    for place in data.draw(st.permutations([*places, *again])):
        send(shop, events[place])

    status, refunded = history_at_stripe.expected()
    was_paid = status not in UNTIL_PAID.values()
    keeps = status in {"awaiting_payment", "processing"}
    with shop.registry.services.sessions() as session:
        order = session.query(Order).filter_by(payment_intent=history_at_stripe.intent).one()
        payments = [
            entry
            for entry in order.entries
            if entry.to_status == "paid" and entry.from_status in UNTIL_PAID.values()
        ]
    assert (order.status, order.refunded) == (status, refunded)
    assert (order.paid_at is not None) == was_paid
    assert (order.fraud_warned_at is not None) == bool(sandbox.warnings(history_at_stripe.intent))
    assert order.stock_reserved == keeps
    assert len(payments) == int(was_paid)
    assert mails(shop, order.number).count("paid") == int(was_paid)
    book = shop.book(MOSS)
    assert (book.stock, book.reserved) == (1000 - int(was_paid), int(keeps))


# --- bug 4: independence of the browser


def test_bug_4_an_order_is_paid_without_the_browser(delivering, sandbox):
    pay(delivering, sandbox)

    sandbox.until_delivered()

    assert paid_once(delivering)
    assert {row["status"] for row in rows(delivering)} == {"applied"}


def test_bug_4_without_events_the_success_page_synchronises(shop, sandbox):
    visitor, intent = pay(shop, sandbox)
    assert untouched(shop)

    visitor.get(f"/success?pi={intent['id']}")
    assert paid_once(shop)

    send(shop, event(intent))  # three days late
    assert paid_once(shop)


# --- bug 5: signatures


def write_as(intent: dict, **form) -> bytes:
    return json.dumps(event(intent), **form).encode()


@pytest.mark.parametrize(
    "form",
    [
        {"indent": 7, "separators": (" ,\t", "  :  ")},
        {"ensure_ascii": False},
        {"ensure_ascii": True},
    ],
    ids=["odd spacing", "beyond ASCII", "escapes"],
)
def test_bug_5_the_signature_covers_the_raw_body(shop, paid, form):
    changed = {**paid, "description": "Grüße ☕ </script> \\u0041 \u2028"}

    send(shop, write_as(changed, **form).replace(b"evt_1", b"evt\\u005f1") + b"\r\n \n")

    assert paid_once(shop)
    (row,) = rows(shop)
    assert row["id"] == "evt_1"


@pytest.fixture
def parsed(monkeypatch):
    """The bodies that were parsed as JSON."""
    seen = []
    loads = json.loads
    monkeypatch.setattr(
        webhook_signatures.json, "loads", lambda body: seen.append(body) or loads(body)
    )
    return seen


def flip(payload: bytes, place: int) -> bytes:
    return payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]


FORGED = {
    "the first byte changed": lambda body: (flip(body, 0), signed(body)),
    "a byte in the middle changed": lambda body: (flip(body, len(body) // 2), signed(body)),
    "the last byte changed": lambda body: (flip(body, -1 % len(body)), signed(body)),
    "a byte more": lambda body: (body + b" ", signed(body)),
    "a byte less": lambda body: (body[:-1], signed(body)),
    "parsed and written again": lambda body: (json.dumps(json.loads(body)).encode(), signed(body)),
    "another secret": lambda body: (body, signed(body, "whsec_another")),
    "an empty secret": lambda body: (body, signed(body, "")),
    "v0 alone": lambda body: (body, signed(body, scheme="v0")),
    "301 seconds old": lambda body: (body, signed(body, age=301)),
    "another time": lambda body: (body, signed(body, age=2).replace("t=", "t=9")),
    "an empty header": lambda body: (body, ""),
    "half a header": lambda body: (body, signed(body)[:-1]),
    "no signature": lambda body: (body, signed(body).partition(",")[0]),
    "not UTF-8": lambda _: (b"\xff\xfe\x00", signed(b"\xff\xfe\x00", "whsec_another")),
    "not UTF-8 and signed": lambda _: (b'{"id": "\xff"}', signed(b'{"id": "\xff"}')),
    "nothing": lambda _: (b"", signed(b"", "whsec_another")),
    "a megabyte": lambda body: (body + b" " * 2**20, signed(body + b" " * 2**20)),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_bug_5_a_body_without_a_valid_signature_is_rejected_unparsed(shop, paid, parsed, forge):
    body, header = forge(write_as(paid, indent=1))
    parsed.clear()

    answer = send(shop, body, header=header, status=400)

    assert parsed == []
    assert untouched(shop)
    assert rows(shop) == []
    assert code_of(answer) in {"signature_invalid", "body_too_large"}
    assert_plain(answer)


def code_of(answer) -> str:
    """The stable code with which the line of an answer begins."""
    return answer.text.partition(":")[0]


def assert_plain(answer) -> None:
    """Asserts one line of text without a cookie or anything from the request."""
    assert answer.content_type == "text/plain"
    assert len(answer.text.splitlines()) == 1
    assert "Set-Cookie" not in answer.headers
    assert not any(word in answer.text for word in ("pi_", "whsec_functional", "reader.example"))


def test_bug_5_a_missing_signature_header(shop, paid, parsed):
    answer = shop.visitor().post(PATH, json.dumps(event(paid)).encode(), status=400)

    assert parsed == []
    assert_plain(answer)
    assert rows(shop) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"no JSON", b"[" * 5000, b'{"id": "evt_1", "type": 7}'],
    ids=["nothing", "null", "list", "empty", "text", "nested", "half an event"],
)
def test_bug_5_a_signed_body_that_is_no_event_is_rejected(shop, body):
    answer = send(shop, body, status=400)

    assert code_of(answer) == "event_invalid"
    assert rows(shop) == []


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 400)])
def test_bug_5_the_maximum_size_of_a_body(shop, paid, size, status):
    body = write_as(paid)
    send(shop, body + b" " * (size - len(body)), status=status)

    assert len(rows(shop)) == (1 if status == 200 else 0)


class Endless:
    """A body without an end, which counts the bytes read."""

    def __init__(self) -> None:
        self.bytes_read = 0

    def read(self, size=-1):
        assert size >= 0, "an unlimited read"
        self.bytes_read += size
        return b" " * size


@pytest.mark.parametrize("length", [None, "100000000000"])
def test_bug_5_reading_is_limited_whatever_the_content_length(shop, length):
    body = Endless()
    request = webob.Request.blank(PATH, method="POST", headers={"Stripe-Signature": "t=1,v1=0"})
    request.environ.update({"wsgi.input": body, "wsgi.input_terminated": True})
    request.environ["CONTENT_LENGTH"] = length or ""

    answer = request.get_response(shop.wsgi)

    assert answer.status_int == 400
    assert code_of(answer) == "body_too_large"
    assert body.bytes_read < 2 * MAX_BODY


def test_bug_5_a_chunked_body_is_read(shop, serve, paid):
    body = write_as(paid)
    url = serve(shop.wsgi) + PATH

    def post(payload: bytes) -> int:
        chunks = (payload[start : start + 100] for start in range(0, len(payload), 100))
        headers = {"Stripe-Signature": signed(payload)}
        return requests.post(url, chunks, headers=headers, timeout=20).status_code

    assert post(body + b" " * MAX_BODY) == 400
    assert untouched(shop)
    assert post(body) == 200
    assert paid_once(shop)


def test_bug_5_two_secrets_are_accepted_during_a_rotation(make_shop):
    shop = make_shop(stripe__webhook_secrets="whsec_new, whsec_old")
    other = event({"id": "pi_1"})

    send(shop, other, secret="whsec_old")
    send(shop, other, secret="whsec_new")
    send(shop, other, secret="whsec_older", status=400)


def test_bug_5_one_valid_signature_of_two_is_enough_during_a_rotation(shop, paid):
    body = write_as(paid)
    both = f"{signed(body, 'whsec_next')},{signed(body).partition(',')[2]},v0=abc"

    send(shop, body, header=both)

    assert paid_once(shop)


def test_bug_5_a_signature_of_the_sdk_is_accepted(shop, paid):
    body = write_as(paid)
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET)

    send(shop, body, header=header)

    assert paid_once(shop)


def test_the_endpoint_needs_no_session_and_no_csrf_token(shop, paid):
    answer = shop.visitor().post(
        f"{PATH}?from=elsewhere",
        write_as(paid),
        headers={
            "Stripe-Signature": signed(write_as(paid)),
            "Origin": "https://elsewhere.example",
            "Cookie": "bookshop=nonsense",
        },
        status=200,
    )

    assert answer.body == b""
    assert "Set-Cookie" not in answer.headers
    assert paid_once(shop)


def test_get_is_not_found(shop):
    shop.visitor().get(PATH, status=404)


# --- bug 8: intents of other orders


def test_bug_8_another_intent_that_names_the_order_does_not_pay_it(shop, sandbox, caplog):
    visitor = shop.visitor()
    visitor.get(BUY)
    (order,) = shop.orders()
    cheap = sandbox.api(
        "POST",
        "/v1/payment_intents",
        {"amount": 100, "currency": "gbp", "metadata[order]": order.number},
    )
    sandbox.confirm(cheap["id"])

    send(shop, event(cheap))

    assert untouched(shop)
    assert any("mismatch" in record.msg for record in caplog.records)
    (row,) = rows(shop)
    assert (row["status"], row["order_number"]) == ("applied", order.number)
    assert order.number in row["problem"]


def test_bug_8_one_payment_pays_one_order(shop, sandbox, paid):
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    first, second = shop.orders()
    send(shop, event(paid))

    # An attacker with access to Stripe makes the payment name the other order too.
    path = f"/v1/payment_intents/{paid['id']}"
    changed = sandbox.api("POST", path, {"metadata[order]": second.number})
    assert changed["metadata"]["order"] == second.number
    send(shop, event(changed, id="evt_2"))

    first, second = shop.orders()
    assert (first.status, second.status) == ("paid", "awaiting_payment")
    assert shop.book(MOSS).stock == 6


def test_bug_8_events_about_other_objects_are_acknowledged_without_a_request(shop, sandbox):
    shop.visitor().get(BUY)
    before = len(sandbox.requests())

    send(shop, event({"id": "cus_1", "object": "customer"}, "customer.created"))
    send(shop, event({"id": "pi_other", "metadata": {}}, id="evt_2"))
    send(shop, event({"id": "pi_other", "metadata": {"order": "K7QM-2X9T-4BCD"}}, id="evt_3"))
    send(shop, event({"id": "ch_1", "payment_intent": None}, "charge.refunded", id="evt_4"))

    assert len(sandbox.requests()) == before
    assert {row["id"]: row["status"] for row in rows(shop)} == dict.fromkeys(
        ("evt_2", "evt_3", "evt_4"), "ignored"
    )


# --- bug 10: live/test mode mismatch


def livemode_mismatches(caplog) -> list[str]:
    """The ids of the events that were logged for their mode."""
    return [each.event_id for each in caplog.records if each.msg == "webhook_livemode_mismatch"]


def test_bug_10_a_shop_in_test_mode_ignores_live_events(shop, sandbox, paid, caplog):
    before = len(sandbox.requests())

    answer = send(shop, event(paid, livemode=True))

    assert code_of(answer) == "livemode_mismatch"
    assert livemode_mismatches(caplog) == ["evt_1"]
    assert len(sandbox.requests()) == before
    assert untouched(shop)
    assert rows(shop) == []


def test_bug_10_a_live_shop_ignores_test_events(make_shop, sandbox, caplog):
    _visitor, intent = pay(make_shop(), sandbox)
    live = make_shop(
        api_base="https://api.stripe.com",
        bookshop__environment="production",
        bookshop__url="https://bookshop.example",
        stripe__secret_key="sk_live_functional",
        stripe__publishable_key="pk_live_functional",
        stripe__js_url="https://js.stripe.com/endive/stripe.js",
    )

    send(live, event(intent))  # a request to Stripe would fail the test

    assert livemode_mismatches(caplog) == ["evt_1"]
    assert untouched(live)
    assert rows(live) == []


# --- other behaviour


def test_an_event_is_redelivered_after_stripe_was_unavailable(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5")
    _visitor, intent = pay(shop, sandbox)
    sandbox.fault(method="GET", path=f"/v1/payment_intents/{intent['id']}", kind="reset", times=50)

    answer = send(shop, event(intent), status=503)
    assert code_of(answer) == "stripe_unavailable"
    (row,) = rows(shop)
    assert row["status"] == "failed"

    sandbox.clear()
    send(shop, event(intent))
    assert paid_once(shop)
    (row,) = rows(shop)
    assert (row["status"], row["deliveries"], row["problem"]) == ("applied", 2, None)


def test_an_intent_that_is_not_recorded_finds_its_order_by_number(shop, paid):
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET payment_intent = NULL")

    send(shop, event(paid))

    (order,) = shop.orders()
    assert (order.status, order.payment_intent) == ("paid", paid["id"])


def test_the_ledger_stores_the_time_of_an_event_and_not_its_content(shop, paid):
    send(shop, event({**paid, "receipt_email": "ada@reader.example"}, created=1_790_000_000))

    with shop.registry.services.sessions() as session:
        found = find_event(session, "evt_1")
    assert found.created == datetime.fromtimestamp(1_790_000_000, UTC)
    assert found.api_version == VERSION
    assert "reader" not in repr(rows(shop))


def test_events_of_another_api_version_are_applied_and_logged_once(shop, paid, caplog):
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            send(shop, event(paid, id=f"evt_{number}", api_version="2020-08-27"))
        send(shop, event(paid, id="evt_9", api_version=None))

    assert paid_once(shop)
    mismatches = [each for each in caplog.records if each.msg == "webhook_api_version_mismatch"]
    assert [(each.event_version, each.expected_version) for each in mismatches] == [
        ("2020-08-27", VERSION),
        ("none", VERSION),
    ]


def test_changes_in_stripes_dashboard_are_applied(delivering, sandbox):
    _visitor, intent = pay(delivering, sandbox)

    def order_status() -> str:
        sandbox.until_delivered()
        return delivering.orders()[0].status

    assert order_status() == "paid"
    sandbox.refund(intent["id"], 500)
    assert order_status() == "partly_refunded"
    sandbox.warn(intent["id"])
    sandbox.review(intent["id"])
    assert order_status() == "partly_refunded"
    with delivering.registry.services.sessions() as session:
        order = session.query(Order).one()
        assert (order.fraud_warned_at is not None, order.under_review) == (True, True)
    dispute = sandbox.dispute(intent["id"])
    assert order_status() == "disputed"
    sandbox.settle_dispute(dispute["id"], "lost")
    assert order_status() == "dispute_lost"


LONE = "\ud800"


@pytest.mark.parametrize(
    ("subject", "changes"),
    [
        ({"id": LONE}, {}),
        ({"id": "pi_1", "metadata": {"order": LONE}}, {}),
        ({"id": "pi_1", LONE: LONE, "nested": [{LONE: LONE}]}, {}),
        ({"id": "ch_1", "payment_intent": LONE}, {"type": f"charge.{LONE}"}),
        ({"id": "pi_1"}, {"id": f"evt_{LONE}"}),
        ({"id": "pi_1"}, {"api_version": LONE}),
        ({"id": "pi_1"}, {"id": "evt_\0"}),
    ],
)
def test_a_signed_event_with_a_lone_surrogate_is_accepted(each_shop, subject, changes):
    subject = {"object": "payment_intent", **subject}
    send(each_shop, event(subject, **changes), status=200)
