"""Sessions, CSRF, security headers, and views that fail closed, in a whole shop."""

import re

import pytest
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from webtest import TestApp

from bookshop.web.headers import ContentSecurityPolicy
from bookshop.web.resources import Resource, Shop

PAGE = {"context": Shop, "writes": False, "private": False}


def ok(_context, _request):
    return Response("ok")


def who(_context, request):
    return Response(request.session_id)


def app_of(config, scheme="http"):
    extra = {"wsgi.url_scheme": scheme, "HTTP_HOST": "localhost"}
    return TestApp(config.make_wsgi_app(), extra_environ=extra)


# --- views fail closed


def test_a_view_without_a_context_stops_the_start(configure):
    config = configure()
    config.add_view(ok, name="anywhere", writes=False, private=False)
    with pytest.raises(ConfigurationError, match="is registered without a context"):
        config.commit()


def test_a_path_beyond_a_view_is_404(configure):
    config = configure()
    config.add_view(ok, **PAGE, name="exact")
    app = app_of(config)
    assert app.get("/exact").text == "ok"
    assert app.get("/exact/").text == "ok"
    assert app.get("/exact/junk", status=404)
    assert app.get("/exact/junk/more", status=404)


def test_a_query_that_is_not_utf8_is_404(configure):
    config = configure()
    config.add_view(ok, **PAGE, name="exact")
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
def test_a_malformed_form_is_refused_before_a_view_is_chosen(
    configure, query, content_type, status
):
    config = configure()
    own = {**PAGE, "name": "take", "request_method": "POST", "require_csrf": False}
    config.add_view(ok, request_param="go_on", **own)
    config.add_view(ok, **own)
    headers = {"Content-Type": content_type}
    app_of(config).post(f"/take{query}", "a=b", headers=headers, status=status)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_view_without_methods_answers_get_and_head_only(configure, method):
    config = configure()
    config.add_view(ok, **PAGE, name="read", require_csrf=False)
    app = app_of(config)
    assert app.head("/read")
    refused = app.request("/read", method=method, status=405)
    assert refused.headers["Allow"] == "GET, HEAD"


def test_a_view_answers_the_methods_that_it_names(configure):
    config = configure()
    config.add_view(ok, **PAGE, name="write", request_method="POST", require_csrf=False)
    app = app_of(config)
    assert app.post("/write").text == "ok"
    assert app.get("/write", status=404)


# --- CSRF


@pytest.fixture
def form(configure):
    """A page with a form, and the view that accepts it."""
    config = configure()
    config.add_view(
        lambda _context, request: Response(request.session.get_csrf_token()),
        **PAGE,
        name="form",
    )
    config.add_view(ok, **PAGE, name="take", request_method="POST")
    return app_of(config)


def test_a_form_with_its_token_is_accepted(form):
    assert form.post("/take", {"csrf_token": form.get("/form").text}).text == "ok"


def test_a_form_without_its_token_is_refused(form):
    form.get("/form")
    for fields in ({}, {"csrf_token": "guessed"}):
        refused = form.post("/take", fields, status=400)
        assert refused.json["error"]["code"] == "stale_page"


def test_a_token_is_valid_in_its_session_only(form):
    token = form.get("/form").text
    form.reset()
    refused = form.post("/take", {"csrf_token": token}, status=400)
    assert refused.json["error"]["code"] == "no_session_cookie"


# --- sessions


def cookie_of(response):
    [cookie] = response.headers.getall("Set-Cookie")
    return cookie


@pytest.mark.parametrize(
    ("url", "secure"), [("http://localhost:6543", False), ("https://books.example", True)]
)
def test_the_session_cookie_is_httponly_and_samesite(configure, url, secure):
    config = configure(bookshop__url=url)
    config.add_view(who, **PAGE, name="who")
    cookie = cookie_of(app_of(config, url.split(":")[0]).get("/who"))
    assert cookie.startswith("__Host-bookshop=" if secure else "bookshop=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=86400"} <= attributes
    assert ("secure" in attributes) is secure


def test_a_session_has_one_random_id(configure):
    config = configure()
    config.add_view(who, **PAGE, name="who")
    app = app_of(config)
    first = app.get("/who").text
    assert re.fullmatch(r"[\w-]{22}", first)  # 16 random bytes
    assert app.get("/who").text == first
    app.reset()
    assert app.get("/who").text != first


def test_a_changed_cookie_starts_a_new_session(configure):
    config = configure()
    config.add_view(who, **PAGE, name="who")
    app = app_of(config)
    name = app.get("/who").text
    value = app.cookies["bookshop"].strip('"')
    app.reset()
    for changed in (value[:-2] + "AA", value[2:], "x" * 50, ""):
        app.set_cookie("bookshop", changed)
        assert app.get("/who").text != name


def test_a_cookie_signed_with_another_secret_starts_a_new_session(configure):
    apps = []
    for secret in ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"):
        config = configure(bookshop__secret=secret)
        config.add_view(who, **PAGE, name="who")
        apps.append(app_of(config))
    name = apps[0].get("/who").text
    apps[1].set_cookie("bookshop", apps[0].cookies["bookshop"].strip('"'))
    assert apps[1].get("/who").text != name


# --- headers


@pytest.mark.parametrize("path", ["/page", "/missing", "/fails", "/static/none.css"])
def test_every_response_has_the_security_headers(configure, path):
    config = configure()
    config.add_view(ok, **PAGE, name="page")
    config.add_view(lambda _context, _request: 1 / 0, **PAGE, name="fails")
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


def test_https_shops_send_hsts(configure):
    config = configure(bookshop__url="https://books.example")
    config.add_view(ok, **PAGE, name="page")
    headers = app_of(config, "https").get("/page").headers
    assert headers["Strict-Transport-Security"] == "max-age=63072000"


# --- the shop's own address


@pytest.mark.parametrize("environment", ["staging", "development"])
def test_a_forged_host_is_ignored_outside_development(configure, environment):
    config = configure(bookshop__environment=environment, bookshop__url="https://books.example")
    config.add_view(
        lambda _context, request: Response(request.resource_url(request.root)),
        **PAGE,
        name="where",
    )
    found = app_of(config).get("/where", headers={"Host": "evil.example"}).text
    own = environment != "development"
    assert found == ("https://books.example/" if own else "http://evil.example/")


def test_a_page_extends_its_own_policy_only(configure):
    def opened(_context, request):
        request.content_security_policy.allow("script-src", ["https://js.example"])
        request.content_security_policy.allow("frame-src", ["https://frame.example"])
        return Response("ok")

    config = configure()
    config.add_view(opened, **PAGE, name="opened")
    config.add_view(ok, **PAGE, name="closed")
    app = app_of(config)
    policy = app.get("/opened").headers["Content-Security-Policy"]
    assert "script-src 'self' https://js.example;" in policy
    assert policy.endswith("frame-src https://frame.example")
    assert "example" not in app.get("/closed").headers["Content-Security-Policy"]


def test_the_policy_denies_by_default():
    assert str(ContentSecurityPolicy()) == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "report-uri /csp-reports; report-to csp"
    )


def test_pyramid_includes_may_add_branches(configure):
    config = configure(pyramid__includes="tests.unit.web.test_security")
    assert app_of(config).get("/included/").text == "ok"


def includeme(config):
    """A package for `pyramid.includes`; its branch is not one of the shop's."""

    def later():
        config.registry.branches["included"] = Resource

    config.action("included", later, order=10)
    config.add_view(ok, context=Resource, writes=False, private=False)
