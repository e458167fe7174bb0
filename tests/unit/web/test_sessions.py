"""Sessions fit into a cookie, whatever was put into them."""

from types import SimpleNamespace

import pytest
from pyramid.request import Request
from pyramid.response import Response

from bookshop.orders.number import new_number
from bookshop.orders.pages.access import MAX_SHOWN, SHOWN, grant_access
from bookshop.settings.parsers import Secret
from bookshop.web.sessions import make_session_factory


@pytest.fixture
def factory():
    return make_session_factory(
        SimpleNamespace(url="https://books.example", secret=Secret("s" * 32), session_lifetime=24)
    )


def sent_back(request):
    """Send the request's session to the browser; return the request that it comes back with."""
    response = Response()
    request._process_response_callbacks(response)
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    return Request.blank("/", headers={"Cookie": cookie})


def test_the_secrets_of_many_orders_keep_a_session_short(factory):
    numbers = [new_number() for _order in range(200)]
    request = Request.blank("/")
    for number in [*numbers, numbers[-2]]:
        request.session = factory(request)
        grant_access(request, SimpleNamespace(number=number))
        request = sent_back(request)
    newest = [*numbers[-MAX_SHOWN:-2], numbers[-1], numbers[-2]]
    assert factory(request)[SHOWN] == newest


def test_a_session_that_is_too_long_for_a_cookie_starts_again(factory, caplog):
    request = Request.blank("/")
    request.session = factory(request)
    request.session["visitor"] = "x" * 5000
    assert dict(factory(sent_back(request))) == {}
    assert [record.getMessage() for record in caplog.records] == ["session_too_long"]
