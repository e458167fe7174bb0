"""Stripe's events: signed or refused, applied once, in any order, from any number of servers."""

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
from bookshop.webhooks.ledger import by_id
from bookshop.webhooks.views import LARGEST_BODY
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import WEBHOOK_SECRET, intent_of

VERSION = "2026-10-28.endive"
PATH = "/webhooks/stripe"


def event(thing: dict, kind: str = "payment_intent.succeeded", **changes) -> dict:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": VERSION,
        "type": kind,
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": thing},
        **changes,
    }


def signed(payload: bytes, secret=WEBHOOK_SECRET, age=0, scheme="v1") -> str:
    """The header Stripe-Signature, made without the SDK that checks it."""
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


def history(shop) -> list[tuple]:
    """The moves of all orders, the oldest first."""
    with shop.registry.services.sessions() as session:
        found = session.execute(
            text("SELECT from_status, to_status FROM order_entries WHERE to_status IS NOT NULL ORDER BY id")
        )
        return [tuple(row) for row in found]


def mails(shop, number: str = "%") -> list[str]:
    """The kinds of the mails that were written about an order."""
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
    """Whether the one order was paid, and all that comes of it happened once."""
    (order,) = shop.orders()
    book = shop.book(MOSS)
    moves = [move for move in history(shop) if move[1] == "paid"]
    assert (order.status, book.stock, book.reserved) == ("paid", 6, 0)
    assert moves == [("awaiting_payment", "paid")]
    assert mails(shop) == ["paid"]
    return True


def untouched(shop) -> bool:
    """Whether nobody heard of a payment."""
    (order,) = shop.orders()
    assert (order.status, shop.book(MOSS).stock) == ("awaiting_payment", 7)
    assert mails(shop) == []
    return True


def pay(shop, sandbox):
    """A payment whose buyer has closed the tab: the browser, and the intent as Stripe has it."""
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


# --- bug 2: a handler that is not idempotent


def test_bug_2_ten_deliveries_one_after_the_other_move_it_once(shop, paid):
    for number in range(10):
        send(shop, event(paid, id=f"evt_{number % 3}"))

    assert paid_once(shop)
    assert sorted(row["deliveries"] for row in rows(shop)) == [3, 3, 4]


def test_bug_2_deliveries_and_the_success_page_at_once_move_it_once(make_each_shop, sandbox, serve):
    shops = [make_each_shop(stripe__max_concurrency="40") for _ in range(2)]
    shop = shops[0]
    urls = [serve(each.wsgi, threads=20) for each in shops]
    visitor, intent = pay(shop, sandbox)
    cookies = dict(visitor.cookies)

    def deliver(place: int) -> int:
        # One event ten times, and another of the same change as often, to two servers.
        payload = json.dumps(event(intent, id=f"evt_{place // 2 % 2}")).encode()
        headers = {"Stripe-Signature": signed(payload)}
        url = urls[place % 2] + PATH
        return requests.post(url, payload, headers=headers, timeout=30).status_code

    def look(place: int) -> int:
        url = f"{urls[place % 2]}/success?pi={intent['id']}"
        return requests.get(url, cookies=cookies, timeout=30).status_code

    with ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(deliver, place) for place in range(20)]
        asked += [pool.submit(look, place) for place in range(6)]
        answers = [answer.result() for answer in asked]

    assert answers == [200] * 26
    assert paid_once(shop)
    found = rows(shop)
    assert {row["id"]: row["deliveries"] for row in found} == {"evt_0": 10, "evt_1": 10}
    assert {(row["status"], row["problem"]) for row in found} == {("applied", None)}


class Broken(Exception):
    """What no handler expects."""


def test_bug_2_a_crash_before_the_commit_is_made_good_by_the_retry(each_shop, sandbox):
    shop = each_shop
    _visitor, intent = pay(shop, sandbox)
    crashes = [Broken("mid-way")]

    def before_commit(session):
        if crashes and any(isinstance(each, Order) and each.status == "paid" for each in session):
            raise crashes.pop()

    happening.listen(shop.registry.services.sessions, "before_commit", before_commit)

    send(shop, event(intent), status=500)
    assert crashes == []
    assert untouched(shop)
    (row,) = rows(shop)
    assert (row["status"], row["problem"]) == ("failed", "the shop failed: Broken")

    send(shop, event(intent))
    assert paid_once(shop)
    (row,) = rows(shop)
    assert (row["status"], row["problem"], row["deliveries"]) == ("applied", None, 2)


def test_a_redelivered_event_is_acknowledged_without_asking_stripe(shop, sandbox, paid):
    send(shop, event(paid))
    before = len(sandbox.requests())

    send(shop, event(paid))

    assert len(sandbox.requests()) == before


# --- bug 3: events out of order, and a failure taken for the end


LATE = ["payment_failed", "processing", "canceled", "created", "requires_action"]


@pytest.mark.parametrize("kind", LATE)
def test_bug_3_a_late_event_does_not_undo_what_is_paid(shop, paid, kind):
    send(shop, event(paid))
    stale = {**paid, "status": "requires_payment_method", "amount": 1}

    send(shop, event(stale, f"payment_intent.{kind}", id="evt_2"))

    assert paid_once(shop)


def test_bug_3_a_failed_attempt_is_not_the_end(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    refused = sandbox.confirm(intent_of(page), "pm_card_chargeDeclined")["error"]
    send(shop, event(refused["payment_intent"], "payment_intent.payment_failed"))
    assert untouched(shop)

    send(shop, event(sandbox.confirm(intent_of(page)), id="evt_2"))

    assert paid_once(shop)


def test_an_event_is_not_believed_about_the_status(shop, sandbox):
    visitor = shop.visitor()
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(visitor.get(BUY))}")

    send(shop, event({**intent, "status": "succeeded", "amount_received": 2200}))

    assert shop.orders()[0].status == "awaiting_payment"


class Story:
    """A payment as it goes on at Stripe, and every event of it with what it said at the time."""

    def __init__(self, sandbox, intent: str) -> None:
        self._sandbox, self.intent = sandbox, intent

    def events(self) -> list[dict]:
        """All that have been written so far, the oldest first."""
        return [
            each
            for each in reversed(self._sandbox.events())
            if self.intent in {each["data"]["object"].get(key) for key in ("id", "payment_intent")}
        ]

    def happen(self, what: str) -> None:
        getattr(self, what)()

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

    def truth(self) -> tuple[str, int]:
        """Where Stripe's objects put the order, and what has gone back of its money."""
        intent = self._sandbox.intent(self.intent)
        if intent["status"] != "succeeded":
            return UNTIL_PAID[intent["status"]], 0
        refunded = intent["latest_charge"]["amount_refunded"]
        disputes = {each["status"] for each in self._sandbox.disputes(self.intent)}
        standing = "paid"
        if disputes - {"won", "lost", "warning_closed"}:
            standing = "disputed"
        elif "lost" in disputes:
            standing = "dispute_lost"
        elif refunded:
            standing = "refunded" if refunded == intent["amount"] else "partly_refunded"
        elif "won" in disputes:
            standing = "dispute_won"
        return standing, refunded


@pytest.fixture
def calm_shop(each_shop):
    """A shop without threads of its own: Hypothesis minds when others use `random` meanwhile."""
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
def test_bug_3_whatever_arrives_when_the_order_ends_as_stripe_has_it(
    calm_shop, sandbox, before, ends, after, data
):
    shop = calm_shop
    shop.change_book(MOSS, stock=1000, reserved=0)
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    story = Story(sandbox, intent_of(page))

    for what in [*before, *ends, *after]:
        story.happen(what)  # where Stripe refuses, nothing happens
        told = story.events()
        for place in data.draw(st.lists(st.sampled_from(range(len(told))), max_size=2)):
            send(shop, told[place])
    told = story.events()
    places = range(len(told))
    again = data.draw(st.lists(st.sampled_from(places), max_size=4))
    for place in data.draw(st.permutations([*places, *again])):
        send(shop, told[place])

    standing, refunded = story.truth()
    was_paid = standing not in UNTIL_PAID.values()
    keeps = standing in {"awaiting_payment", "processing"}
    with shop.registry.services.sessions() as session:
        order = session.query(Order).filter_by(payment_intent=story.intent).one()
        payments = [
            entry
            for entry in order.entries
            if entry.to_status == "paid" and entry.from_status in UNTIL_PAID.values()
        ]
    assert (order.status, order.refunded) == (standing, refunded)
    assert (order.paid_at is not None) == was_paid
    assert (order.fraud_warned_at is not None) == bool(sandbox.warnings(story.intent))
    assert order.stock_reserved == keeps
    assert len(payments) == int(was_paid)
    assert mails(shop, order.number).count("paid") == int(was_paid)
    book = shop.book(MOSS)
    assert (book.stock, book.reserved) == (1000 - int(was_paid), int(keeps))


# --- bug 4: the browser trusted, or needed


def test_bug_4_the_order_is_paid_without_its_buyer(delivering, sandbox):
    pay(delivering, sandbox)

    sandbox.until_delivered()

    assert paid_once(delivering)
    assert {row["status"] for row in rows(delivering)} == {"applied"}


def test_bug_4_where_no_event_arrives_the_success_page_catches_up(shop, sandbox):
    visitor, intent = pay(shop, sandbox)
    assert untouched(shop)

    visitor.get(f"/success?pi={intent['id']}")
    assert paid_once(shop)

    send(shop, event(intent))  # three days late
    assert paid_once(shop)


# --- bug 5: the signature


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
def test_bug_5_the_body_is_checked_as_it_came(shop, paid, form):
    told = {**paid, "description": "Grüße ☕ </script> \\u0041 \u2028"}

    send(shop, write_as(told, **form).replace(b"evt_1", b"evt\\u005f1") + b"\r\n \n")

    assert paid_once(shop)
    (row,) = rows(shop)
    assert row["id"] == "evt_1"


@pytest.fixture
def parsed(monkeypatch):
    """What is parsed as JSON."""
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
def test_bug_5_what_stripe_has_not_signed_is_refused_unread(shop, paid, parsed, forge):
    body, header = forge(write_as(paid, indent=1))
    parsed.clear()

    answer = send(shop, body, header=header, status=400)

    assert parsed == []
    assert untouched(shop)
    assert rows(shop) == []
    assert_plain(answer)


def assert_plain(answer) -> None:
    """One line of text that says what to do, no page, no cookie, nothing of what was sent."""
    assert answer.content_type == "text/plain"
    (line,) = answer.text.splitlines()
    assert "stripe.webhook_secrets" in line or f"{LARGEST_BODY} bytes" in line
    assert "Set-Cookie" not in answer.headers
    assert not any(word in answer.text for word in ("pi_", "whsec_functional", "reader.example"))


def test_bug_5_no_header_at_all(shop, paid, parsed):
    answer = shop.visitor().post(PATH, json.dumps(event(paid)).encode(), status=400)

    assert parsed == []
    assert_plain(answer)
    assert rows(shop) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"no JSON", b"[" * 5000, b'{"id": "evt_1", "type": 7}'],
    ids=["nothing", "null", "list", "empty", "text", "nested", "half an event"],
)
def test_bug_5_what_is_signed_and_no_event_is_refused(shop, body):
    answer = send(shop, body, status=400)

    assert "is not an event" in answer.text
    assert "snapshot events" in answer.text
    assert rows(shop) == []


@pytest.mark.parametrize(("size", "status"), [(LARGEST_BODY, 200), (LARGEST_BODY + 1, 400)])
def test_bug_5_a_body_may_be_as_large_as_this(shop, paid, size, status):
    body = write_as(paid)
    send(shop, body + b" " * (size - len(body)), status=status)

    assert len(rows(shop)) == (1 if status == 200 else 0)


class Endless:
    """A body that never ends, and counts what was read of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size=-1):
        assert size >= 0, "all of it was asked for"
        self.given += size
        return b" " * size


@pytest.mark.parametrize("length", [None, "100000000000"])
def test_bug_5_no_more_is_read_than_an_event_has_whatever_length_is_claimed(shop, length):
    body = Endless()
    request = webob.Request.blank(PATH, method="POST", headers={"Stripe-Signature": "t=1,v1=0"})
    request.environ.update({"wsgi.input": body, "wsgi.input_terminated": True})
    request.environ["CONTENT_LENGTH"] = length or ""

    answer = request.get_response(shop.wsgi)

    assert answer.status_int == 400
    assert f"{LARGEST_BODY} bytes" in answer.text
    assert body.given < 2 * LARGEST_BODY


def test_bug_5_a_body_in_chunks_is_read_as_any_other(shop, serve, paid):
    body = write_as(paid)
    url = serve(shop.wsgi) + PATH

    def post(payload: bytes) -> int:
        chunks = (payload[start : start + 100] for start in range(0, len(payload), 100))
        headers = {"Stripe-Signature": signed(payload)}
        return requests.post(url, chunks, headers=headers, timeout=20).status_code

    assert post(body + b" " * LARGEST_BODY) == 400
    assert untouched(shop)
    assert post(body) == 200
    assert paid_once(shop)


def test_bug_5_two_secrets_are_good_while_one_is_rolled(make_shop):
    shop = make_shop(stripe__webhook_secrets="whsec_new, whsec_old")
    other = event({"id": "pi_1"})

    send(shop, other, secret="whsec_old")
    send(shop, other, secret="whsec_new")
    send(shop, other, secret="whsec_older", status=400)


def test_bug_5_one_signature_of_two_is_enough_while_a_secret_is_rolled(shop, paid):
    body = write_as(paid)
    both = f"{signed(body, 'whsec_next')},{signed(body).partition(',')[2]},v0=abc"

    send(shop, body, header=both)

    assert paid_once(shop)


def test_bug_5_the_sdk_signs_alike(shop, paid):
    body = write_as(paid)
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET)

    send(shop, body, header=header)

    assert paid_once(shop)


def test_the_endpoint_needs_no_session_no_token_and_no_other_address(shop, paid):
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


# --- bug 8: an intent of another order


def test_bug_8_another_intent_that_names_the_order_pays_nothing(shop, sandbox, caplog):
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
    assert "contradicts" in caplog.text
    (row,) = rows(shop)
    assert (row["status"], row["order_number"]) == ("applied", order.number)
    assert row["problem"] == f"the payment contradicts order {order.number}"


def test_bug_8_one_payment_pays_one_order(shop, sandbox, paid):
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    first, second = shop.orders()
    send(shop, event(paid))

    # Whoever can write at Stripe has the payment name the other order too.
    path = f"/v1/payment_intents/{paid['id']}"
    told = sandbox.api("POST", path, {"metadata[order]": second.number})
    assert told["metadata"]["order"] == second.number
    send(shop, event(told, id="evt_2"))

    first, second = shop.orders()
    assert (first.status, second.status) == ("paid", "awaiting_payment")
    assert shop.book(MOSS).stock == 6


def test_bug_8_what_is_other_peoples_is_acknowledged_and_not_looked_up(shop, sandbox):
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


# --- bug 10: test and live


def test_bug_10_a_live_event_means_nothing_to_a_shop_in_test_mode(shop, sandbox, paid, caplog):
    before = len(sandbox.requests())

    answer = send(shop, event(paid, livemode=True))

    assert "of the other mode" in answer.text
    assert "event evt_1 is of the other mode" in caplog.text
    assert len(sandbox.requests()) == before
    assert untouched(shop)
    assert rows(shop) == []


def test_bug_10_a_test_event_means_nothing_to_a_live_shop(make_shop, sandbox, caplog):
    _visitor, intent = pay(make_shop(), sandbox)
    live = make_shop(
        api_base="https://api.stripe.com",
        bookshop__environment="production",
        bookshop__url="https://shelf.example",
        stripe__secret_key="sk_live_functional",
        stripe__publishable_key="pk_live_functional",
        stripe__js_url="https://js.stripe.com/endive/stripe.js",
    )

    send(live, event(intent))  # to ask Stripe would end the test

    assert "event evt_1 is of the other mode" in caplog.text
    assert untouched(live)
    assert rows(live) == []


# --- the rest


def test_while_stripe_cannot_be_asked_the_event_is_left_for_later(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5")
    _visitor, intent = pay(shop, sandbox)
    sandbox.fault(method="GET", path=f"/v1/payment_intents/{intent['id']}", kind="reset", times=50)

    answer = send(shop, event(intent), status=503)
    assert "try again" in answer.text
    (row,) = rows(shop)
    assert row["status"] == "failed"

    sandbox.clear()
    send(shop, event(intent))
    assert paid_once(shop)
    (row,) = rows(shop)
    assert (row["status"], row["deliveries"], row["problem"]) == ("applied", 2, None)


def test_an_intent_whose_id_was_never_written_down_finds_its_order(shop, paid):
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET payment_intent = NULL")

    send(shop, event(paid))

    (order,) = shop.orders()
    assert (order.status, order.payment_intent) == ("paid", paid["id"])


def test_the_ledger_says_when_an_event_happened_and_keeps_nothing_of_its_content(shop, paid):
    send(shop, event({**paid, "receipt_email": "ada@reader.example"}, created=1_790_000_000))

    with shop.registry.services.sessions() as session:
        found = by_id(session, "evt_1")
    assert found.created == datetime.fromtimestamp(1_790_000_000, UTC)
    assert found.api_version == VERSION
    assert "reader" not in repr(rows(shop))


def test_events_of_another_version_are_applied_and_complained_about_once(shop, paid, caplog):
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            send(shop, event(paid, id=f"evt_{number}", api_version="2020-08-27"))
        send(shop, event(paid, id="evt_9", api_version=None))

    assert paid_once(shop)
    complaints = [line for line in caplog.messages if line.startswith("events come in version")]
    assert complaints == [
        f"events come in version 2020-08-27 of Stripe's API: give the endpoint version {VERSION}",
        f"events come in version none of Stripe's API: give the endpoint version {VERSION}",
    ]


def test_what_is_done_in_stripes_dashboard_arrives(delivering, sandbox):
    _visitor, intent = pay(delivering, sandbox)

    def standing() -> str:
        sandbox.until_delivered()
        return delivering.orders()[0].status

    assert standing() == "paid"
    sandbox.refund(intent["id"], 500)
    assert standing() == "partly_refunded"
    sandbox.warn(intent["id"])
    sandbox.review(intent["id"])
    assert standing() == "partly_refunded"
    with delivering.registry.services.sessions() as session:
        order = session.query(Order).one()
        assert (order.fraud_warned_at is not None, order.under_review) == (True, True)
    dispute = sandbox.dispute(intent["id"])
    assert standing() == "disputed"
    sandbox.settle_dispute(dispute["id"], "lost")
    assert standing() == "dispute_lost"
