"""What must be so: after every step, and once all is settled. Each says which order is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from bookshop.orders.placement import NEW_ORDER_AFTER
from bookshop.orders.states import CLOSED, PAID_FOR, TRANSITIONS, OrderStatus
from tests.properties.facts import Facts, Row

COUNTING = {"pending", "requires_action", "succeeded"}
OPEN_DISPUTES = {
    "warning_needs_response",
    "warning_under_review",
    "needs_response",
    "under_review",
}
OPEN_INTENTS = {"requires_payment_method", "requires_confirmation", "requires_action"}
#: The statuses of refunds and disputes in the order in which each can have them.
AGES = {
    **dict.fromkeys(("pending", "warning_needs_response"), 0),
    **dict.fromkeys(("succeeded", "needs_response"), 1),
    **dict.fromkeys(("failed", "canceled", "warning_closed", "won", "lost"), 2),
}

Wrong = Iterator[str]


def stock_covers_what_is_held(facts: Facts) -> Wrong:
    for book in facts.books:
        if book["reserved"] < 0:
            yield f"{book['sku']}: {book['reserved']} copies are held"
        if book["stock"] is not None and book["stock"] < book["reserved"]:
            yield f"{book['sku']}: {book['reserved']} copies are held of {book['stock']}"


def held_copies_are_those_of_orders_that_hold(facts: Facts) -> Wrong:
    for book in facts.books:
        holding = [order for order in facts.orders if order["stock_reserved"]]
        expected = sum(_copies(facts, order, book["sku"]) for order in holding)
        if book["reserved"] != expected:
            numbers = [order["number"] for order in holding]
            yield f"{book['sku']}: {book['reserved']} copies are held, {expected} for {numbers}"


def every_hold_has_an_end(facts: Facts) -> Wrong:
    """Return the outcome of an unpaid order: a time, or the bank's status while processing."""
    for order in facts.orders:
        if order["stock_reserved"] and (order["reserved_until"] is None) != (
            order["status"] == "processing"
        ):
            until = order["reserved_until"]
            yield f"order {order['number']} is {order['status']} and holds copies until {until}"


def stock_is_what_came_less_what_was_sold(facts: Facts) -> Wrong:
    for book in facts.books:
        came = facts.copies[book["sku"]]
        sold = [order for order in facts.orders if _sold(order)]
        gone = sum(
            line["quantity"] - line["restocked"]
            for order in sold
            for line in facts.lines[order["id"]]
            if line["sku"] == book["sku"]
        )
        expected = None if came is None else came - gone
        if book["stock"] != expected:
            numbers = [order["number"] for order in sold]
            yield f"{book['sku']}: stock is {book['stock']}, not {expected}: sold to {numbers}"


def every_move_is_in_the_table(facts: Facts) -> Wrong:
    for order in facts.orders:
        before: str | None = None
        for entry in facts.entries[order["id"]]:
            if not entry["to_status"]:
                continue
            source, target = entry["from_status"], entry["to_status"]
            if source != before:
                yield f"order {order['number']} was {before}, its history says {source}"
            if source is not None:
                move = TRANSITIONS.get((OrderStatus(source), OrderStatus(target)))
                if move is None or entry["actor"] not in move.by:
                    yield f"order {order['number']}: {source} -> {target} by {entry['actor']}"
            before = target
        if order["status"] != before:
            yield f"order {order['number']} is {order['status']}, its history ends with {before}"


def refunds_add_up(facts: Facts) -> Wrong:
    for order in facts.orders:
        records = facts.refunds[order["id"]]
        sent = sum(record["amount"] for record in records if record["status"] in COUNTING)
        if order["refunded"] != sent:
            yield f"order {order['number']}: refunded is {order['refunded']}, its records: {sent}"
        if sent > order["total"]:
            yield f"order {order['number']}: {sent} go back of {order['total']}"


def only_stripes_word_pays_an_order(facts: Facts) -> Wrong:
    for order in facts.orders:
        if (order["status"] in PAID_FOR) != (order["paid_at"] is not None):
            yield f"order {order['number']} is {order['status']}, paid at {order['paid_at']}"
        if order["status"] not in PAID_FOR:
            continue
        intent = facts.stripe.by_intent.get(order["payment_intent"])
        if intent is None or intent["status"] != "succeeded":
            yield f"order {order['number']} is {order['status']}, its intent {intent}"
        elif intent["metadata"] != {"order": order["number"]}:
            yield f"order {order['number']} is paid by the intent of {intent['metadata']}"
        elif (intent["amount_received"], intent["currency"]) != (order["total"], "gbp"):
            yield f"order {order['number']}: {intent['amount_received']} came of {order['total']}"


def no_order_is_paid_twice(facts: Facts) -> Wrong:
    for order in facts.orders:
        if len(facts.stripe.succeeded(order["number"])) > 1:
            yield f"order {order['number']} was paid twice"
    bought: dict[tuple[str, str], list[Row]] = {}
    for order in facts.orders:
        wanted = _accepted(order) and order["number"] not in facts.once_more
        if wanted and facts.stripe.succeeded(order["number"]):
            (line,) = facts.lines[order["id"]]
            bought.setdefault((order["session_id"], line["sku"]), []).append(order)
    for orders in bought.values():
        for first, second in pairwise(orders):
            paid_at = first["paid_at"] or facts.now
            if second["placed_at"] < paid_at + NEW_ORDER_AFTER:
                both = f"{first['number']} and {second['number']}"
                yield f"orders {both} are one purchase, paid twice"


def an_order_has_one_intent(facts: Facts) -> Wrong:
    """Whatever was asked twice, and whichever answer was lost."""
    made = Counter(intent["metadata"]["order"] for intent in facts.stripe.intents)
    for number, times in made.items():
        if times > 1:
            yield f"order {number} has {times} intents"


def a_refund_is_made_once(facts: Facts) -> Wrong:
    references = Counter(each["metadata"].get("refund") for each in facts.stripe.refunds)
    for reference, times in references.items():
        if reference is not None and times > 1:
            yield f"refund {reference} was made {times} times"
    for intent in facts.stripe.intents:
        back = sum(
            each["amount"]
            for each in facts.stripe.of("refunds", intent["id"])
            if each["status"] in COUNTING
        )
        if back > intent["amount_received"]:
            yield f"order {intent['metadata']['order']}: {back} went back"


def nothing_contradicts(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["payment_mismatch"]:
            yield f"order {order['number']}: Stripe says what contradicts it"


def who_holds_copies_is_not_short(facts: Facts) -> Wrong:
    for order in facts.orders:
        if not _accepted(order) and order["stock_reserved"]:
            yield f"order {order['number']} is not accepted and holds copies"


def every_letter_is_a_mail(facts: Facts) -> Wrong:
    """A mail of a transaction that was undone, or one with two Message-IDs, shows here."""
    mails = {mail["message_id"]: mail for mail in facts.mails}
    for message_id, times in Counter(facts.letters).items():
        if message_id not in mails:
            yield f"e-mail {message_id} was delivered but never enqueued"
        if times > 1:
            yield f"the letter {mails[message_id]['key']} was delivered {times} times"
    for mail in facts.mails:
        if mail["status"] == "sent" and mail["message_id"] not in facts.letters:
            yield f"the mail {mail['key']} is said to be sent, and was not"


def buyers_are_written_to_once(facts: Facts) -> Wrong:
    """A payment is confirmed, or its refund explained: for lack of copies, or as outdated."""
    for order in facts.orders:
        # Without Pay the shop may know no address.
        paid = order["paid_at"] is not None and order["email"] is not None
        rejected, short = order["rejection"] is not None, order["out_of_stock"]
        expected = {
            "paid": paid and _accepted(order),
            "sold_out": paid and short,
            "rejected": paid and rejected,
        }
        mailed = _mailed(facts, order)
        if {kind: mailed[kind] for kind in expected} != expected:
            yield f"order {order['number']} is {order['status']}: {expected}; mailed: {mailed}"


def mails_say_what_is_so(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["email"] is None:
            continue
        mailed = _mailed(facts, order)
        moves = facts.moves(order)
        failed = ("processing", "awaiting_payment") in moves
        if mailed["payment_failed"] != failed:
            yield f"order {order['number']} moved {moves}; mailed: {mailed}"
        lapsed = any(target == "expired" and source != "placed" for source, target in moves)
        if mailed["expired"] > (lapsed and order["email_attempted"]):
            yield f"order {order['number']} moved {moves}; mailed: {mailed}"
        sent = [record["stripe_id"] for record in facts.refunds[order["id"]]]
        for mail in facts.mails_of(order, "refunded"):
            if mail["key"].rpartition("/")[2] not in sent:
                yield f"order {order['number']}: {mail['key']} is about no refund of its"
        keys = {mail["key"].rpartition("/")[2] for mail in facts.mails_of(order, "refunded")}
        for record in facts.refunds[order["id"]]:
            if record["status"] in COUNTING and record["stripe_id"] not in keys:
                yield f"order {order['number']}: refund {record['stripe_id']} was not mailed"
        shipped = sum(
            entry["event"] == "items_shipped" and entry["to_status"] is None
            for entry in facts.entries[order["id"]]
        )
        if mailed["shipped"] != shipped:
            yield f"order {order['number']}: {shipped} parcels, {mailed['shipped']} e-mails"


def old_words_never_win(facts: Facts) -> Wrong:
    """Neither a payment nor a refund nor a dispute goes back to what it was before."""
    for order in facts.orders:
        fell = facts.moves(order).count(("processing", "awaiting_payment"))
        failed = sum(
            charge["status"] == "failed" and charge["payment_method_details"]["type"] != "card"
            for charge in facts.stripe.of("charges", order["payment_intent"])
        )
        if fell > failed:
            yield f"order {order['number']}: {fell} payments failed, {failed} of them at Stripe"
        known: dict[str, int] = {}
        for entry in facts.entries[order["id"]]:
            if (
                entry["event"] in {"refund_updated", "dispute_updated"}
                and entry["to_status"] is None
            ):
                name, status = entry["detail"]["id"], entry["detail"]["status"]
                if AGES[status] < known.get(name, 0):
                    yield f"order {order['number']}: {entry['what']} {name} is {status} again"
                known[name] = AGES[status]


#: After every step.
ALWAYS: tuple[Callable[[Facts], Wrong], ...] = (
    stock_covers_what_is_held,
    held_copies_are_those_of_orders_that_hold,
    every_hold_has_an_end,
    stock_is_what_came_less_what_was_sold,
    every_move_is_in_the_table,
    refunds_add_up,
    only_stripes_word_pays_an_order,
    no_order_is_paid_twice,
    an_order_has_one_intent,
    a_refund_is_made_once,
    nothing_contradicts,
    who_holds_copies_is_not_short,
    every_letter_is_a_mail,
    buyers_are_written_to_once,
    mails_say_what_is_so,
    old_words_never_win,
)


def every_payment_has_its_order(facts: Facts) -> Wrong:
    for intent in facts.stripe.intents:
        number = intent["metadata"]["order"]
        order = facts.by_number.get(number)
        if intent["status"] == "succeeded":
            if order is None or order["status"] not in PAID_FOR:
                status = order and order["status"]
                yield f"order {number} is {status}, and its intent {intent['id']} succeeded"
            elif order["payment_intent"] != intent["id"]:
                yield f"order {number} knows {order['payment_intent']}, paid is {intent['id']}"
        elif order is not None and order["payment_intent"] == intent["id"]:
            if order["intent_status"] != intent["status"]:
                yield f"order {number}: intent {order['intent_status']}, not {intent['status']}"
            expected = {"processing"} if intent["status"] == "processing" else CLOSED
            if order["status"] not in expected:
                yield f"order {number} is {order['status']}, its intent {intent['status']}"


def holds_have_ended(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["stock_reserved"] and order["status"] != "processing":
            yield f"order {order['number']} is {order['status']} and holds copies"


def no_closed_order_can_be_paid(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["status"] not in CLOSED:
            continue
        intent = facts.stripe.by_intent.get(order["payment_intent"])
        if intent is not None and intent["status"] in OPEN_INTENTS:
            yield f"order {order['number']} is {order['status']}, its intent {intent['status']}"
        if order["dedup_key"] is not None:
            yield f"order {order['number']} is {order['status']} and keeps its buyer from another"


def refunds_are_those_at_stripe(facts: Facts) -> Wrong:
    for order in facts.orders:
        records = facts.refunds[order["id"]]
        written = sorted(
            (record["stripe_id"], record["amount"], record["status"])
            for record in records
            if record["stripe_id"] is not None
        )
        made = sorted(
            (refund["id"], refund["amount"], refund["status"])
            for refund in facts.stripe.of("refunds", order["payment_intent"])
        )
        if order["payment_intent"] is not None and written != made:
            yield f"order {order['number']}: refunds {written}, at Stripe {made}"
        for record in records:
            if record["status"] == "requested":
                yield f"order {order['number']}: refund {record['key']} is still only asked for"
            elif record["stripe_id"] is not None and record["key"] is not None:
                names = [
                    refund["metadata"].get("refund")
                    for refund in facts.stripe.refunds
                    if refund["id"] == record["stripe_id"]
                ]
                if names != [record["key"]]:
                    yield f"order {order['number']}: refund {record['key']} is {names} at Stripe"


def what_is_short_goes_back(facts: Facts) -> Wrong:
    for order in facts.orders:
        refused = order["paid_at"] is not None and not _accepted(order)
        if not refused or order["refunded"] == order["total"]:
            continue
        ways = [(record["key"], record["status"]) for record in facts.refunds[order["id"]]]
        if not any(status in {"failed", "canceled", "refused"} for _, status in ways):
            yield f"order {order['number']} is short, and its money has not gone back: {ways}"


def disputes_are_those_at_stripe(facts: Facts) -> Wrong:
    for order in facts.orders:
        written = sorted(
            (each["stripe_id"], each["amount"], each["status"])
            for each in facts.disputes[order["id"]]
        )
        made = sorted(
            (each["id"], each["amount"], each["status"])
            for each in facts.stripe.of("disputes", order["payment_intent"])
        )
        if order["payment_intent"] is not None and written != made:
            yield f"order {order['number']}: disputes {written}, at Stripe {made}"


def doubts_are_those_at_stripe(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["status"] not in PAID_FOR:
            continue
        warned = bool(facts.stripe.of("warnings", order["payment_intent"]))
        if warned != (order["fraud_warned_at"] is not None):
            yield f"order {order['number']}: warned {order['fraud_warned_at']}, at Stripe {warned}"
        under_review = any(
            review["open"] for review in facts.stripe.of("reviews", order["payment_intent"])
        )
        if under_review != order["under_review"]:
            yield f"order {order['number']}: under review {order['under_review']}"


def status_of_a_paid_order_follows_from_the_facts(facts: Facts) -> Wrong:
    for order in facts.orders:
        if order["status"] in PAID_FOR and order["status"] != (
            expected := _expected_status(facts, order)
        ):
            yield f"order {order['number']} is {order['status']} and should be {expected}"


def every_mail_has_arrived(facts: Facts) -> Wrong:
    for mail in facts.mails:
        if mail["status"] != "sent":
            yield f"the mail {mail['key']} is {mail['status']}: {mail['problem']}"


#: Once nothing is under way any more.
SETTLED: tuple[Callable[[Facts], Wrong], ...] = (
    every_payment_has_its_order,
    holds_have_ended,
    no_closed_order_can_be_paid,
    refunds_are_those_at_stripe,
    what_is_short_goes_back,
    disputes_are_those_at_stripe,
    doubts_are_those_at_stripe,
    status_of_a_paid_order_follows_from_the_facts,
    every_mail_has_arrived,
)


def check(facts: Facts, invariants: tuple[Callable[[Facts], Wrong], ...]) -> None:
    """Raise AssertionError with all that is wrong."""
    wrong = [f"{each.__name__}: {text}" for each in invariants for text in each(facts)]
    assert not wrong, "\n".join(wrong)


def _mailed(facts: Facts, order: Row) -> Counter[str]:
    return Counter(mail["kind"] for mail in facts.mails if mail["order_id"] == order["id"])


def _copies(facts: Facts, order: Row, sku: str) -> int:
    return sum(line["quantity"] for line in facts.lines[order["id"]] if line["sku"] == sku)


def _accepted(order: Row) -> bool:
    return not order["out_of_stock"] and order["rejection"] is None


def _sold(order: Row) -> bool:
    return order["paid_at"] is not None and _accepted(order)


def _expected_status(facts: Facts, order: Row) -> str:
    """Return a paid order's status, from Stripe's objects and the shipments alone."""
    intent = order["payment_intent"]
    disputes = {each["status"] for each in facts.stripe.of("disputes", intent)}
    back = sum(
        each["amount"] for each in facts.stripe.of("refunds", intent) if each["status"] in COUNTING
    )
    (line,) = facts.lines[order["id"]]
    fulfilled = ("delivered" if line["digital"] else "shipped") if line["shipped"] else "paid"
    for status, so in (
        ("disputed", bool(disputes & OPEN_DISPUTES)),
        ("dispute_lost", "lost" in disputes),
        ("refunded", back == order["total"]),
        ("partly_refunded", back > 0),
        ("dispute_won", "won" in disputes),
    ):
        if so:
            return status
    return fulfilled
