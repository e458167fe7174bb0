"""Thousands of events, in no order and some of them twice, to four servers at once."""

import json
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from bookshop.webhooks.models import EventRecord
from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.load.deliveries import deliver
from tests.load.payments import events, go_on, placed, repeated, shuffled
from tests.load.truth import all_mail_arrives, facts
from tests.properties.invariants import ALWAYS, SETTLED, check

SERVERS = 4
ORDERS = 860  # which make four thousand events
DELIVERIES, TWICE = 5000, 0.2


def test_every_order_ends_as_stripe_has_it_whatever_arrives_when(make_fleet):
    fleet = make_fleet(SERVERS, sandbox__webhook_url="")
    copies = {MOSS: ORDERS, LAST_COPY: 1, EBOOK: None}
    fleet.stock(copies)
    payments = placed(fleet, MOSS, ORDERS)
    go_on(payments, 1)
    early = events(fleet)

    # Stripe's word changes between its being asked and its being written down.
    with ThreadPoolExecutor(1) as meanwhile:
        rest = meanwhile.submit(go_on, payments)
        first = deliver(fleet, shuffled(early))
        rest.result()
    payloads = events(fleet)
    again = repeated(payloads, TWICE)
    second = deliver(fleet, shuffled([*set(payloads).difference(early), *again]))

    answers = first.answers + second.answers
    assert answers[200] == len(payloads) + len(again) >= DELIVERIES
    assert set(answers) <= {200, 503}, fleet.errors()
    with fleet.engine.connect() as connection:
        ledger = connection.execute(select(EventRecord.id, EventRecord.status, EventRecord.problem))
        rows = {identifier: (status, problem) for identifier, status, problem in ledger}
    assert rows == {json.loads(event)["id"]: ("applied", None) for event in payloads}
    all_mail_arrives(fleet)
    check(facts(fleet, copies), (*ALWAYS, *SETTLED))
    # A refund that the bank sent back is for a person; there is nothing else.
    _code, report = fleet.report("reconcile")
    assert {difference["code"] for difference in report["differences"]} == {"refund_failed"}
    assert not any(difference["repaired"] for difference in report["differences"])
