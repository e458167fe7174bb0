"""Sessions, CSRF, headers, and views that fail closed, in the shop as it is put together."""

import re

import pytest
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from webtest import TestApp

from bookshop.web.headers import ContentSecurityPolicy
from bookshop.web.resources import Resource, Shop


def ok(_context, _request):
    return Response("ok")


def who(_context, request):
    return Response(request.visitor)


def app_of(config, scheme="http"):
    extra = {"wsgi.url_scheme": scheme, "HTTP_HOST": "localhost"}
    return TestApp(config.make_wsgi_app(), extra_environ=extra)


# --- views fail closed


def test_a_view_without_a_context_stops_the_start(configure):
    config = configure()
    config.add_view(ok, name="anywhere")
    with pytest.raises(ConfigurationError, match="is registered without a context"):
        config.commit()


def test_an_address_is_exact(configure):
    config = configure()
    config.add_view(ok, context=Shop, name="exact")
    app = app_of(config)
    assert app.get("/exact").text == "ok"
    assert app.get("/exact/").text == "ok"
    assert app.get("/exact/junk", status=404)
    assert app.get("/exact/junk/more", status=404)


def test_an_address_is_text(configure):
    config = configure()
    config.add_view(ok, context=Shop, name="exact")
    app = app_of(config)
    assert app.get("/exact?q=%C3%9F").text == "ok"
    assert app.get("/exact?q=%FF", status=404)


@pytest.mark.parametrize(
    ("query", "content_type", "status"),
    [
        ("", "application/x-www-form-urlencoded", 200),
        ("?q=%FF", "application/x-www-form-urlencoded", 404),
        ("", "application/x-www-form-urlencoded; charset=utf-16", 400),
        ("", "multipart/form-data", 400),
    ],
)
def test_a_form_that_cannot_be_read_is_refused_before_a_view_is_chosen(
    configure, query, content_type, status
):
    config = configure()
    own = {"context": Shop, "name": "take", "request_method": "POST", "require_csrf": False}
    config.add_view(ok, request_param="go_on", **own)
    config.add_view(ok, **own)
    headers = {"Content-Type": content_type}
    app_of(config).post(f"/take{query}", "a=b", headers=headers, status=status)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_view_that_names_no_method_is_for_reading(configure, method):
    config = configure()
    config.add_view(ok, context=Shop, name="read", require_csrf=False)
    app = app_of(config)
    assert app.head("/read")
    refused = app.request("/read", method=method, status=405)
    assert refused.headers["Allow"] == "GET, HEAD"


def test_a_view_may_name_its_method(configure):
    config = configure()
    config.add_view(ok, context=Shop, name="write", request_method="POST", require_csrf=False)
    app = app_of(config)
    assert app.post("/write").text == "ok"
    assert app.get("/write", status=404)


# --- CSRF


@pytest.fixture
def form(configure):
    """A page with a form, and what takes the form."""
    config = configure()
    config.add_view(
        lambda _context, request: Response(request.session.get_csrf_token()),
        context=Shop,
        name="form",
    )
    config.add_view(ok, context=Shop, name="take", request_method="POST")
    return app_of(config)


def test_a_form_of_ours_is_taken(form):
    assert form.post("/take", {"csrf_token": form.get("/form").text}).text == "ok"


def test_a_form_of_nobody_is_refused_in_words(form):
    form.get("/form")
    for fields in ({}, {"csrf_token": "guessed"}):
        refused = form.post("/take", fields, status=400)
        assert "Load it again" in refused.json["error"]["message"]


def test_the_token_of_one_visitor_does_not_serve_another(form):
    token = form.get("/form").text
    form.reset()
    form.post("/take", {"csrf_token": token}, status=400)


# --- sessions


def cookie_of(response):
    [cookie] = response.headers.getall("Set-Cookie")
    return cookie


@pytest.mark.parametrize(
    ("url", "secure"), [("http://localhost:6543", False), ("https://books.example", True)]
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(configure, url, secure):
    config = configure(bookshop__url=url)
    config.add_view(who, context=Shop, name="who")
    cookie = cookie_of(app_of(config, url.split(":")[0]).get("/who"))
    assert cookie.startswith("__Host-bookshop=" if secure else "bookshop=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= attributes
    assert ("secure" in attributes) is secure


def test_a_visitor_has_one_name_of_their_own(configure):
    config = configure()
    config.add_view(who, context=Shop, name="who")
    app = app_of(config)
    first = app.get("/who").text
    assert re.fullmatch(r"[\w-]{22}", first)  # 16 random bytes
    assert app.get("/who").text == first
    app.reset()
    assert app.get("/who").text != first


def test_a_cookie_that_was_tampered_with_is_nobodys(configure):
    config = configure()
    config.add_view(who, context=Shop, name="who")
    app = app_of(config)
    name = app.get("/who").text
    value = app.cookies["bookshop"].strip('"')
    app.reset()
    for changed in (value[:-2] + "AA", value[2:], "x" * 50, ""):
        app.set_cookie("bookshop", changed)
        assert app.get("/who").text != name


def test_a_cookie_signed_with_another_secret_is_nobodys(configure):
    apps = []
    for secret in ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"):
        config = configure(bookshop__secret=secret)
        config.add_view(who, context=Shop, name="who")
        apps.append(app_of(config))
    name = apps[0].get("/who").text
    apps[1].set_cookie("bookshop", apps[0].cookies["bookshop"].strip('"'))
    assert apps[1].get("/who").text != name


# --- headers


@pytest.mark.parametrize("path", ["/page", "/nowhere", "/fails", "/static/none.css"])
def test_every_response_is_closed(configure, path):
    config = configure()
    config.add_view(ok, context=Shop, name="page")
    config.add_view(lambda _context, _request: 1 / 0, context=Shop, name="fails")
    headers = app_of(config).get(path, expect_errors=True).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Reporting-Endpoints"] == 'csp="/csp-reports"'
    assert "payment=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_a_shop_that_is_served_over_https_is_never_asked_without(configure):
    config = configure(bookshop__url="https://books.example")
    config.add_view(ok, context=Shop, name="page")
    headers = app_of(config, "https").get("/page").headers
    assert headers["Strict-Transport-Security"] == "max-age=63072000"


# --- the shop's own address


@pytest.mark.parametrize("environment", ["staging", "development"])
def test_whoever_sends_another_host_finds_nothing_of_it(configure, environment):
    config = configure(bookshop__environment=environment, bookshop__url="https://books.example")
    config.add_view(
        lambda _context, request: Response(request.resource_url(request.root)),
        context=Shop,
        name="where",
    )
    found = app_of(config).get("/where", headers={"Host": "evil.example"}).text
    own = environment != "development"
    assert found == ("https://books.example/" if own else "http://evil.example/")


def test_a_page_says_what_more_it_loads(configure):
    def opened(_context, request):
        request.content_security_policy.allow("script-src", ["https://js.example"])
        request.content_security_policy.allow("frame-src", ["https://frame.example"])
        return Response("ok")

    config = configure()
    config.add_view(opened, context=Shop, name="opened")
    config.add_view(ok, context=Shop, name="closed")
    app = app_of(config)
    policy = app.get("/opened").headers["Content-Security-Policy"]
    assert "script-src 'self' https://js.example;" in policy
    assert policy.endswith("frame-src https://frame.example")
    assert "example" not in app.get("/closed").headers["Content-Security-Policy"]


def test_a_policy_begins_closed():
    assert str(ContentSecurityPolicy()) == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "report-uri /csp-reports; report-to csp"
    )


def test_an_ini_may_include_more(configure):
    config = configure(pyramid__includes="tests.unit.web.test_security")
    assert app_of(config).get("/included/").text == "ok"


def includeme(config):
    """What an INI's `pyramid.includes` may name; it hangs nothing that the shop has."""

    def later():
        config.registry.branches["included"] = Resource

    config.action("included", later, order=10)
    config.add_view(ok, context=Resource)
