"""The sandbox's webhook endpoints and event types follow Stripe's."""

from typing import get_args

import pytest
from stripe.params._webhook_endpoint_create_params import WebhookEndpointCreateParams

from bookshop.sandbox.webhooks.event_types import TYPES

from . import endive

PATH = "/v1/webhook_endpoints"
NEW = {"url": "http://localhost:1/webhooks", "enabled_events[]": "*"}


@pytest.fixture
def create(server_side):
    """Creates endpoints and deletes them after the test: tests share the sandbox."""
    created = []

    def create_one(**parameters):
        answer = server_side.post(PATH, {**NEW, **parameters})
        assert answer.status == 200, answer
        created.append(answer.body["id"])
        return answer.body

    yield create_one
    for identifier in created:
        server_side.delete(f"{PATH}/{identifier}")


def _values(parameter):
    """The literal values of a parameter by stripe-python's types."""

    def literals(hint):
        for each in get_args(hint):
            if isinstance(each, str):
                yield each
            else:
                yield from literals(each)

    return set(literals(WebhookEndpointCreateParams.__annotations__[parameter]))


def test_the_event_types_are_those_of_stripe_python():
    assert _values("enabled_events") == TYPES | {"*"}


def test_the_added_api_versions_are_stripes():
    added = endive.VALUES_ADDED["post", PATH, "api_version"]
    assert set(added) <= _values("api_version")


def test_an_endpoint_is_created_and_retrieved(server_side, create):
    made = create(
        api_version="2026-10-28.endive",
        description="The warehouse",
        **{"metadata[team]": "goods", "enabled_events[]": "payment_intent.succeeded"},
    )

    found = server_side.get(f"{PATH}/{made['id']}").body

    assert made == {**found, "secret": made["secret"]}
    assert found["enabled_events"] == ["payment_intent.succeeded"]


def test_an_endpoint_with_few_parameters(server_side, create):
    made = create()

    assert (made["api_version"], made["description"], made["metadata"]) == (None, None, {})


def test_an_endpoint_is_updated(server_side, create):
    path = f"{PATH}/{create()['id']}"

    changed = server_side.post(
        path,
        {
            "url": "http://localhost:1/other",
            "enabled_events[0]": "charge.refunded",
            "enabled_events[1]": "refund.failed",
            "disabled": "true",
            "description": "",
            "metadata[a]": "b",
        },
    ).body

    assert (changed["status"], changed["enabled_events"][1]) == ("disabled", "refund.failed")
    assert server_side.get(path).body == changed


def test_endpoints_are_listed(server_side, create):
    made = [create()["id"] for _ in range(2)][::-1]

    page = server_side.get(PATH, {"limit": 1}).body
    rest = server_side.get(PATH, {"starting_after": made[0], "limit": 100}).body

    assert ([each["id"] for each in page["data"]], page["has_more"]) == (made[:1], True)
    assert rest["data"][0]["id"] == made[1]
    assert rest["data"][-1]["url"].endswith("/webhooks/stripe")
    assert server_side.get(PATH, {"ending_before": made[1]}).body["data"] == page["data"]


def test_an_endpoint_is_deleted(server_side, create):
    made = create()

    gone = server_side.delete(f"{PATH}/{made['id']}")

    assert gone.body == {"id": made["id"], "object": "webhook_endpoint", "deleted": True}
    assert server_side.get(f"{PATH}/{made['id']}").status == 404


@pytest.mark.parametrize(
    "parameters",
    [
        {"url": ""},
        {"url": "nowhere"},
        {"enabled_events[]": "payment_intent.paid"},
        {"api_version": "2026-05-27.dahlia"},
        {"created[gte]": "1"},
    ],
)
def test_refused_to_create(server_side, parameters):
    refused = server_side.post(PATH, {**NEW, **parameters})

    assert (refused.status, refused.error["type"]) == (400, "invalid_request_error")


def test_an_unknown_endpoint(server_side):
    refused = server_side.get(f"{PATH}/we_missing")

    assert (refused.status, refused.error["code"]) == (404, "resource_missing")


def test_endpoints_cannot_be_filtered_by_time(server_side):
    assert server_side.get(PATH, {"created[gte]": "1"}).status == 400
