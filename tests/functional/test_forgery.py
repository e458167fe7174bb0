"""Every view that takes something is asked without a token: none takes it but those that may.

The views are Pyramid's own list, so that a new one is asked too.
"""

import pytest
from webtest import TestApp

from bookshop.web.resources import Resource
from tests.demo_books import MOSS
from tests.tour import Tour

# What programs send, who have no session: a signature is checked in the one, and nothing believed
# in the other.
FREE = {"stripe", "csp-reports"}
PLACES = {"Shop": "/", "Orders": "/orders/", "Webhooks": "/webhooks/"}


def taking(registry):
    """The views that answer POST: their paths."""
    for each in registry.introspector.get_category("views"):
        view = each["introspectable"]
        context, methods = view["context"], view["request_methods"] or ()
        if isinstance(context, type) and issubclass(context, Resource) and "POST" in methods:
            assert context.__name__ in PLACES, f"add to PLACES where a {context.__name__} is"
            param = view["request_param"]
            yield view["name"], PLACES[context.__name__] + view["name"], param


def test_there_are_views_that_accept_posts(shop):
    assert len(list(taking(shop.registry))) >= 5


@pytest.mark.parametrize("token", [None, "", "0" * 40, "x\0"])
def test_posts_without_the_sessions_token_are_refused(shop, sandbox, token):
    visitor = Tour(shop, sandbox).visitor
    before = shop.orders()
    for name, path, param in taking(shop.registry):
        if name not in FREE:
            fields = {"item": MOSS, "number": "x"}
            fields |= {"email": "ada@reader.example"} | ({param: "1"} if param else {})
            if token is not None:
                fields["csrf_token"] = token
            refused = visitor.post(path, fields, expect_errors=True)
            assert refused.status_int == 400, path
    assert shop.orders() == before


def test_a_token_in_the_query_is_not_accepted(shop):
    visitor = TestApp(shop.wsgi, extra_environ={"HTTP_HOST": "localhost:6543"})
    forms = visitor.get("/orders/").forms.values()
    (token,) = {form["csrf_token"].value for form in forms if "csrf_token" in form.fields}
    visitor.post(f"/orders/?csrf_token={token}", {"number": "x", "email": "x"}, status=400)
    visitor.post("/orders/", {"number": "x", "email": "x", "csrf_token": token}, status=200)
