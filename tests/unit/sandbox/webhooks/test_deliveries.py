"""Deliveries that wait, go astray, come twice or out of order, and those who ask for them."""

import json
import threading
import time
from dataclasses import replace

import pytest
import stripe

from bookshop.sandbox.webhooks import http_attempts, sender
from tests.unit.sandbox.conftest import TIMEOUT, WEBHOOK_SECRET


@pytest.fixture
def options(options, endpoint):
    return replace(options, webhook_url=endpoint.url)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Failed deliveries are due in an hour, so that nothing happens during a test."""
    monkeypatch.setattr(sender, "RETRY_AFTER", (3600, 3600))


@pytest.fixture
def order(send):
    def order_one(**fault):
        answer = send("POST", "/_sandbox/faults", fault)
        assert answer.status == 200, answer.text

    return order_one


@pytest.fixture
def control(send):
    def do(what):
        answer = send("POST", f"/_sandbox/{what}")
        assert answer.status == 200, answer.text
        return answer.json

    return do


@pytest.fixture
def settled(send):
    """All deliveries, oldest first, once none is due or under way."""

    def wait():
        deadline = time.monotonic() + TIMEOUT
        while send("GET", "/_sandbox/deliveries/waiting").json["waiting"]:
            assert time.monotonic() < deadline
        return send("GET", "/_sandbox/deliveries").json["data"][::-1]

    return wait


@pytest.fixture
def make(client):
    """Make that many PaymentIntents, and an event each; their ids."""

    def make_some(count):
        new = {"amount": 500, "currency": "gbp"}
        return [client.payment_intents.create(new).id for _ in range(count)]

    return make_some


def _received(endpoint):
    """What has arrived so far: the ids of the objects."""
    bodies = [json.loads(endpoint.received.get()[1]) for _ in range(endpoint.received.qsize())]
    return [body["data"]["object"]["id"] for body in bodies]


def _statuses(found):
    return [each["status"] for each in found]


def test_slow_answers_do_not_make_others_wait(make, endpoint, settled):
    all_workers = threading.Barrier(sender.WORKERS)
    endpoint.on_arrival = lambda: all_workers.wait(TIMEOUT)

    made = make(sender.WORKERS)

    assert set(_statuses(settled())) == {"succeeded"}
    assert sorted(_received(endpoint)) == sorted(made)


def test_no_more_are_under_way_than_there_are_workers(make, endpoint, control, settled, send):
    arrived, gate = threading.Semaphore(0), threading.Event()

    def wait():
        arrived.release()
        gate.wait(TIMEOUT)

    endpoint.on_arrival = wait
    control("deliveries/pause")
    make(20)
    control("deliveries/resume")
    for _ in range(sender.WORKERS):
        assert arrived.acquire(timeout=TIMEOUT)

    make(1)
    under_way = _statuses(send("GET", "/_sandbox/deliveries").json["data"]).count("sending")
    gate.set()

    assert under_way == sender.WORKERS
    assert set(_statuses(settled())) == {"succeeded"}


def test_a_sandbox_stops_soon_while_an_endpoint_hangs(
    sandbox, make, endpoint, monkeypatch, start, options
):
    monkeypatch.setattr(sender, "GRACE_PERIOD", 0.1)
    release = threading.Event()
    endpoint.on_arrival = lambda: release.wait(TIMEOUT)
    (made,) = make(1)
    endpoint.next()

    workers = list(sandbox._sandbox.deliverer._workers)
    begun = time.monotonic()
    sandbox.stop()
    took = time.monotonic() - begun
    release.set()

    assert took < http_attempts.TIMEOUT / 2
    assert workers
    assert not any(worker.is_alive() for worker in workers)
    start(options)
    assert json.loads(endpoint.next()[1])["data"]["object"]["id"] == made


def test_a_paused_sandbox_sends_nothing_until_it_is_resumed(make, endpoint, control, settled):
    control("deliveries/pause")
    made = make(3)

    assert _statuses(settled()) == ["pending"] * 3
    assert endpoint.received.empty()

    control("deliveries/resume")
    assert _statuses(settled()) == ["succeeded"] * 3
    assert sorted(_received(endpoint)) == sorted(made)


def test_a_requested_delivery_is_sent_during_a_pause(make, client, endpoint, control, settled):
    control("deliveries/pause")
    first, second = make(2)
    event = client.events.list({"limit": 1}).data[0]

    (owed,) = control(f"events/{event.id}/deliver")["data"]

    assert owed["event"] == event.id
    assert _statuses(settled()) == ["pending", "succeeded"]
    assert _received(endpoint) == [second]
    control("deliveries/flush")
    assert _statuses(settled()) == ["succeeded"] * 2
    assert _received(endpoint) == [first]
    third = make(1)
    assert _statuses(settled())[2:] == ["pending"]
    assert third != _received(endpoint)


def test_a_retry_that_is_far_off_is_made_by_a_flush(make, endpoint, control, settled):
    endpoint.statuses[:] = [500]
    make(1)
    (failed,) = settled()
    assert (failed["status"], failed["answer"], failed["attempts"]) == ("pending", 500, 1)
    assert failed["due"] > time.time() + 3000

    control("deliveries/flush")

    (delivery,) = settled()
    assert (delivery["status"], delivery["attempts"]) == ("succeeded", 2)


def test_an_event_goes_to_all_endpoints_once_more(make, client, endpoint, control, settled):
    make(1)
    settled()
    params = {"url": f"{endpoint.url}?new", "enabled_events": ["payment_intent.created"]}
    client.webhook_endpoints.create(params)
    event = client.events.list().data[0]

    deliveries = control(f"events/{event.id}/deliver")["data"]

    assert len({each["endpoint"] for each in deliveries}) == 2
    assert _statuses(settled()) == ["succeeded"] * 2
    assert len(_received(endpoint)) == 3


def test_no_event_no_delivery(send):
    assert send("POST", "/_sandbox/events/evt_unknown/deliver").status == 404


def test_duplicates_come_at_once(make, endpoint, order, settled):
    order(kind="duplicate", copies=5)
    together = threading.Barrier(5)
    endpoint.on_arrival = lambda: together.wait(TIMEOUT)

    (made,) = make(1)

    (delivery,) = settled()
    assert (delivery["status"], delivery["fault"]) == ("succeeded", "duplicate")
    assert _received(endpoint) == [made] * 5


def test_a_copy_that_fails_is_a_failure(make, endpoint, order, control, settled):
    order(kind="duplicate", copies=3)
    endpoint.statuses[:] = [200, 503]

    make(1)

    (delivery,) = settled()
    assert (delivery["status"], delivery["answer"]) == ("pending", 503)
    control("deliveries/flush")
    assert _statuses(settled()) == ["succeeded"]
    assert len(_received(endpoint)) == 4


def _shuffled(make, endpoint, order, settled, **how):
    order(kind="shuffle", gather=6, **how)
    made = make(6)
    assert _statuses(settled()) == ["succeeded"] * 6
    received = _received(endpoint)
    assert sorted(received) == sorted(made)
    return [made.index(each) for each in received]


def test_a_shuffle_holds_events_back_and_sends_them_in_another_order(
    make, endpoint, order, settled, send
):
    order(kind="shuffle", gather=6, seed=7)
    made = make(5)
    assert _statuses(settled()) == ["held"] * 5
    assert endpoint.received.empty()
    (waiting,) = send("GET", "/_sandbox/faults").json["data"]
    assert (waiting["kind"], waiting["held"]) == ("shuffle", 5)

    made += make(1)

    assert set(_statuses(settled())) == {"succeeded"}
    received = _received(endpoint)
    assert sorted(received) == sorted(made)
    assert received != made
    assert send("GET", "/_sandbox/faults").json == {"data": []}


def test_one_seed_gives_one_order(make, endpoint, order, settled):
    first = _shuffled(make, endpoint, order, _newest(settled), seed=7)
    again = _shuffled(make, endpoint, order, _newest(settled), seed=7)
    other = _shuffled(make, endpoint, order, _newest(settled), seed=8)

    assert first == again != other


def _newest(settled):
    return lambda: settled()[-6:]


@pytest.mark.parametrize("let_go", ["deliveries/flush", "faults/clear"])
def test_held_events_are_sent_once_released(make, endpoint, order, control, settled, let_go):
    order(kind="shuffle", gather=100, seed=3)
    made = make(8)
    assert _statuses(settled()) == ["held"] * 8

    control(let_go)

    assert _statuses(settled()) == ["succeeded"] * 8
    received = _received(endpoint)
    assert sorted(received) == sorted(made)
    assert received != made


def test_shuffled_events_are_sent_one_after_the_other(make, endpoint, order, settled, send):
    arrived, gate = threading.Semaphore(0), threading.Event()

    def wait():
        arrived.release()
        gate.wait(TIMEOUT)

    endpoint.on_arrival = wait
    order(kind="shuffle", gather=6)
    make(6)
    assert arrived.acquire(timeout=TIMEOUT)

    make(1)
    assert arrived.acquire(timeout=TIMEOUT)
    found = send("GET", "/_sandbox/deliveries").json["data"]
    gate.set()

    assert sorted(_statuses(found)) == ["pending"] * 5 + ["sending"] * 2
    assert set(_statuses(settled())) == {"succeeded"}


def test_a_delay_lasts_its_time_or_until_it_is_removed(make, endpoint, order, send, settled):
    order(kind="delay", seconds=3600, type="payment_intent.*")
    make(1)
    (delivery,) = settled()
    assert (delivery["status"], delivery["fault"]) == ("pending", "delay")
    assert delivery["due"] > time.time() + 3000
    assert endpoint.received.empty()

    send("DELETE", "/_sandbox/faults")

    assert _statuses(settled()) == ["succeeded"]


def test_a_delay_fault_applies_to_a_delivery_once(make, order, settled, send):
    order(kind="delay", seconds=0, times=2)
    make(1)

    (delivery,) = settled()
    assert (delivery["status"], delivery["attempts"]) == ("succeeded", 1)
    (left,) = send("GET", "/_sandbox/faults").json["data"]
    assert left["times"] == 1


@pytest.mark.parametrize("kind", ["lose", "delay", "shuffle"])
def test_no_fault_stops_a_requested_delivery(make, order, control, settled, kind):
    control("deliveries/pause")
    make(2)
    order(kind=kind)

    control("deliveries/flush")

    assert _statuses(settled()) == ["succeeded"] * 2


def test_a_retry_is_not_a_requested_delivery(make, endpoint, control, settled, monkeypatch):
    monkeypatch.setattr(sender, "RETRY_AFTER", (0, 0))
    endpoint.statuses[:] = [500]
    control("deliveries/pause")
    make(1)

    control("deliveries/flush")

    (delivery,) = settled()
    assert (delivery["status"], delivery["attempts"]) == ("pending", 1)


def test_a_lost_event_is_sent_only_on_request(make, endpoint, order, control, settled):
    order(kind="lose", times=5)
    made = make(2)
    assert _statuses(settled()) == ["lost"] * 2

    control("deliveries/flush")
    control("deliveries/resume")
    assert _statuses(settled()) == ["lost"] * 2
    assert endpoint.received.empty()

    control(f"deliveries/{settled()[0]['id']}/redeliver")
    assert _statuses(settled()) == ["succeeded", "lost"]
    assert _received(endpoint) == made[:1]


def test_a_corrupt_delivery_fails_at_the_shop(make, endpoint, order):
    order(kind="corrupt")
    make(2)

    good = 0
    for headers, body in (endpoint.next(), endpoint.next()):
        try:
            stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)
            good += 1
        except stripe.SignatureVerificationError:
            pass
    assert good == 1


def test_delivery_faults_apply_to_their_event_types_and_count(
    make, confirm, client, order, settled
):
    order(kind="lose", type="charge.*", times=2)
    for intent in make(3):
        confirm(client.payment_intents.retrieve(intent), "pm_card_visa")

    lost = [each["type"] for each in settled() if each["status"] == "lost"]
    assert lost == ["charge.succeeded"] * 2


def test_a_pause_ends_with_the_faults(make, send, control, settled):
    control("deliveries/pause")
    make(1)
    assert send("GET", "/_sandbox/deliveries").json["paused"]

    send("DELETE", "/_sandbox/faults")

    assert _statuses(settled()) == ["succeeded"]


def test_held_events_are_delivered_after_a_restart(
    sandbox, make, endpoint, order, settled, start, options
):
    order(kind="shuffle", gather=100)
    made = make(3)
    settled()
    sandbox.stop()

    start(options)

    received = {json.loads(endpoint.next()[1])["data"]["object"]["id"] for _ in made}
    assert received == set(made)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "duplicate", "copies": 1},
        {"kind": "duplicate", "copies": 51},
        {"kind": "shuffle", "gather": 1},
        {"kind": "delay", "seconds": -1},
        {"kind": "lose", "path": "/v1/*"},
        {"kind": "hang", "type": "charge.*"},
        {"kind": "corrupt", "times": 0},
        {"kind": "shuffle", "seed": "seven"},
    ],
)
def test_an_invalid_delivery_fault_is_refused(send, fault):
    assert send("POST", "/_sandbox/faults", fault).status == 400
    assert send("GET", "/_sandbox/faults").json == {"data": []}
