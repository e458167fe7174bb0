"""`bookshop urls`: every view with its address, methods and what it may do."""

import json

import pytest
from pyramid.authorization import Everyone
from pyramid.response import Response

from bookshop.cli.urls import describe_views
from bookshop.web.resources import Shop


@pytest.fixture
def listed(run):
    result = run("urls", "--json")
    assert result.exit_code == 0
    return {(url["address"], *url["methods"]): url for url in json.loads(result.stdout)["urls"]}


def test_the_pages_of_a_purchase_are_listed(listed):
    for key, writes, private in (
        (("/", "GET", "HEAD"), False, False),
        (("/books/{sku}", "GET", "HEAD"), False, False),
        (("/checkout", "GET", "HEAD"), True, True),
        (("/checkout", "POST"), True, True),
        (("/success", "GET", "HEAD"), True, True),
        (("/orders/{number}", "GET", "HEAD"), False, True),
        (("/orders/", "POST"), True, True),
        (("/webhooks/stripe", "POST"), True, False),
        (("/health/ready", "GET", "HEAD"), False, False),
    ):
        assert (listed[key]["writes"], listed[key]["private"]) == (writes, private), key


def test_a_url_names_its_resource_view_and_permission(listed):
    found = listed["/orders/{number}", "GET", "HEAD"]
    assert found["resource"] == "OrderResource"
    assert found["view"].startswith("bookshop.orders.pages.views.")
    assert found["permission"] is None


def test_every_resource_with_views_has_an_address(listed):
    assert all(address.startswith("/") for address, *_methods in listed)


def test_the_table_has_the_same_addresses(run, listed):
    result = run("urls")
    assert result.exit_code == 0
    for address, *_methods in listed:
        assert address in result.stdout


def test_a_narrow_terminal_cuts_no_address_and_no_view(run):
    (listed, narrow) = (run("urls", "--json"), run("urls", columns="40"))
    lines = [line.split() for line in narrow.stdout.splitlines()]
    for url in json.loads(listed.stdout)["urls"]:
        view = url["view"].removeprefix("bookshop.")
        assert any({url["address"], url["resource"], view} <= set(line) for line in lines), url


def test_a_permission_is_shown(configure):
    config = configure()
    config.set_default_permission("read")
    config.add_view(
        lambda _context, _request: Response(Everyone),
        context=Shop,
        name="desk",
        permission="manage",
        writes=False,
        private=True,
    )
    config.commit()
    (found,) = [view for view in describe_views(config.registry) if view.address == "/desk"]
    assert found.permission == "manage"
