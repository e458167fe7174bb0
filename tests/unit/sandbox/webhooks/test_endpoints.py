"""Webhook endpoints that are made over the API, and the events each receives."""

import json
import time
from dataclasses import replace

import pytest
import stripe

from bookshop.sandbox.webhooks import sender
from tests.unit.sandbox.conftest import TIMEOUT, WEBHOOK_SECRET

NEW = {"amount": 500, "currency": "gbp"}
CREATED = "payment_intent.created"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sender, "RETRY_AFTER", (0, 0))


@pytest.fixture
def subscribe(client, endpoint):
    """Make an endpoint at `endpoint`, identified by its query."""

    def make(name, *types, **params):
        given = {"url": f"{endpoint.url}?{name}", "enabled_events": [*types] or ["*"], **params}
        return client.webhook_endpoints.create(given)

    return make


@pytest.fixture
def received(endpoint):
    """The next deliveries, by the query of the endpoint that each came to."""

    def take(count):
        arrived = [endpoint.next_with_path() for _ in range(count)]
        return {path.partition("?")[2]: (headers, body) for headers, body, path in arrived}

    return take


def _wait(send, status):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        found = send("GET", "/_sandbox/deliveries").json["data"]
        if found and {each["status"] for each in found} == {status}:
            return found
    pytest.fail(f"not {status}: {found}")


def test_an_endpoint_has_a_secret_of_its_own_that_is_shown_once(client, subscribe, received):
    one = subscribe("one", description="The warehouse", metadata={"team": "goods"})
    two = subscribe("two", api_version="2026-10-28.endive")
    assert one.secret.startswith("whsec_")
    assert one.secret != two.secret
    kept = client.webhook_endpoints.retrieve(one.id)
    assert "secret" not in kept.to_dict()
    assert (kept.description, kept.metadata.to_dict()) == ("The warehouse", {"team": "goods"})
    assert (kept.api_version, two.api_version) == (None, "2026-10-28.endive")

    client.payment_intents.create(NEW)

    pending = []
    for name, (headers, body) in received(2).items():
        secret = {"one": one, "two": two}[name].secret
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
        assert event.type == CREATED
        pending.append(event.pending_webhooks)
    assert sorted(pending) in ([1, 2], [2, 2])  # the one may receive it before the other


def test_each_receives_what_it_subscribed_to(client, subscribe, received, send):
    subscribe("canceled", "payment_intent.canceled", "charge.failed")
    subscribe("created", CREATED)

    intent = client.payment_intents.create(NEW)
    client.payment_intents.cancel(intent.id)

    arrived = received(2)
    types = {name: json.loads(body)["type"] for name, (_, body) in arrived.items()}
    assert types == {"created": CREATED, "canceled": "payment_intent.canceled"}
    assert len(_wait(send, "succeeded")) == 2


def test_a_failing_endpoint_does_not_affect_another(client, subscribe, endpoint, send):
    subscribe("one")
    subscribe("two")
    endpoint.statuses[:] = [500, 200, 200]

    client.payment_intents.create(NEW)

    found = _wait(send, "succeeded")
    assert sorted(each["attempts"] for each in found) == [1, 2]
    assert client.events.list().data[0].pending_webhooks == 0


def test_a_disabled_endpoint_receives_nothing_until_it_is_enabled(
    client, subscribe, received, send
):
    hook = subscribe("one")
    off = client.webhook_endpoints.update(hook.id, {"disabled": True})
    assert off.status == "disabled"
    client.payment_intents.create(NEW)
    assert send("GET", "/_sandbox/deliveries").json["data"] == []

    on = client.webhook_endpoints.update(hook.id, {"disabled": False})
    assert on.status == "enabled"
    intent = client.payment_intents.create(NEW)

    assert json.loads(received(1)["one"][1])["data"]["object"]["id"] == intent.id


@pytest.mark.parametrize("end", ["delete", "disable"])
def test_pending_events_of_a_removed_endpoint_are_not_sent(client, subscribe, endpoint, send, end):
    hook = subscribe("one")
    send("POST", "/_sandbox/deliveries/pause")
    client.payment_intents.create(NEW)
    if end == "delete":
        gone = client.webhook_endpoints.delete(hook.id)
        assert (gone.id, gone.deleted) == (hook.id, True)
        _wait(send, "failed")
    else:
        client.webhook_endpoints.update(hook.id, {"disabled": True})

    send("POST", "/_sandbox/deliveries/resume")

    (delivery,) = _wait(send, "failed")
    assert "endpoint" in delivery["problem"]
    assert endpoint.received.empty()


def test_an_endpoint_changes(client, subscribe, endpoint, received):
    hook = subscribe("old", "charge.failed", metadata={"a": "1", "b": "2"})

    changed = client.webhook_endpoints.update(
        hook.id,
        {
            "url": f"{endpoint.url}?new",
            "enabled_events": [CREATED],
            "description": "",
            "metadata": {"a": ""},
        },
    )

    assert (changed.enabled_events, changed.description) == ([CREATED], None)
    assert changed.metadata.to_dict() == {"b": "2"}
    client.payment_intents.create(NEW)
    headers, body = received(1)["new"]
    stripe.Webhook.construct_event(body, headers["Stripe-Signature"], hook.secret)


def test_endpoints_are_listed_by_the_page(client, subscribe):
    made = [subscribe(str(number)).id for number in range(3)][::-1]

    page = client.webhook_endpoints.list({"limit": 2})
    assert ([each.id for each in page.data], page.has_more) == (made[:2], True)
    assert [each.id for each in page.auto_paging_iter()] == made
    assert not any("secret" in each.to_dict() for each in page.data)


def test_sixteen_are_the_most(subscribe):
    for number in range(16):
        subscribe(str(number))

    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        subscribe("one too many")


@pytest.mark.parametrize(
    ("params", "param", "message"),
    [
        ({"url": None}, "url", "Missing required param"),
        ({"enabled_events": None}, "enabled_events", "Missing required param"),
        ({"url": "localhost:6543/webhooks"}, "url", "Invalid URL"),
        ({"url": "ftp://localhost/webhooks"}, "url", "Invalid URL"),
        ({"enabled_events": "*"}, "enabled_events", "Invalid array"),
        ({"enabled_events": ["payment_intent.succeded"]}, "enabled_events[0]", "no events of type"),
        ({"enabled_events": ["*", "payment_intent"]}, "enabled_events[1]", "no events of type"),
        ({"api_version": "2026-05-27.dahlia"}, "api_version", "2026-10-28.endive only"),
        ({"api_version": "newest"}, "api_version", "Invalid API version: newest"),
        ({"connect": True}, "connect", "does not simulate"),
        ({"disabled": True}, "disabled", "unknown parameter"),
    ],
)
def test_an_invalid_endpoint_is_refused(client, params, param, message):
    given = {"url": "http://localhost/webhooks", "enabled_events": ["*"], **params}
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        client.webhook_endpoints.create({k: v for k, v in given.items() if v is not None})

    assert refused.value.param == param
    assert client.webhook_endpoints.list().data == []


@pytest.mark.parametrize("what", ["retrieve", "update", "delete"])
def test_an_unknown_endpoint_is_refused(client, what):
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint") as refused:
        getattr(client.webhook_endpoints, what)("we_unknown")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_publishable_keys_cannot_list_endpoints(connect, sandbox):
    with pytest.raises(stripe.AuthenticationError):
        connect(sandbox, "pk_test_sandbox").webhook_endpoints.list()


def test_the_endpoint_of_the_settings_is_one_of_them(start, connect, options, endpoint, received):
    server = start(replace(options, webhook_url=f"{endpoint.url}?built-in"))
    client = connect(server)

    (built_in,) = client.webhook_endpoints.list().data
    assert (built_in.url, built_in.enabled_events) == (f"{endpoint.url}?built-in", ["*"])
    client.payment_intents.create(NEW)
    headers, body = received(1)["built-in"]
    stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)
    client.webhook_endpoints.update(built_in.id, {"url": built_in.url, "description": "Ours"})
    for refused in (
        lambda: client.webhook_endpoints.delete(built_in.id),
        lambda: client.webhook_endpoints.update(built_in.id, {"url": "http://localhost/"}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=r"sandbox\.webhook_url"):
            refused()


def test_the_endpoint_of_the_settings_follows_them(start, connect, options, endpoint):
    first = start(replace(options, webhook_url="http://127.0.0.1:1/"))
    (before,) = connect(first).webhook_endpoints.list().data
    connect(first).webhook_endpoints.update(before.id, {"enabled_events": ["charge.failed"]})
    first.stop()

    second = start(replace(options, webhook_url=endpoint.url))
    (after,) = connect(second).webhook_endpoints.list().data
    assert (after.id, after.url) == (before.id, endpoint.url)
    assert after.enabled_events == ["charge.failed"]
    second.stop()

    third = start(replace(options, webhook_url=None))
    assert connect(third).webhook_endpoints.list().data == []
