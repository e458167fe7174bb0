"""Error pages, and the page of a shop that is closed for maintenance."""

import logging

import pytest
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.response import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TooManyConnectionsError
from webtest import TestApp

from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.web.resources import Shop

PAGE = {"context": Shop, "name": "page", "writes": False, "private": False}


def app_of(config):
    return TestApp(config.make_wsgi_app(), extra_environ={"HTTP_HOST": "localhost"})


def error_code(page):
    return page.html.select_one("[data-error-code]")["data-error-code"]


@pytest.fixture
def raising(configure):
    """Shops with a page that raises an error."""
    started = []

    def app(error):
        def view(_context, _request):
            raise error

        config = configure()
        config.add_view(view, **PAGE)
        started.append(config.registry)
        return app_of(config)

    yield app
    for registry in started:
        registry.job_worker.stop()
        registry.mail_worker.stop()


def test_an_internal_error_shows_the_id_that_finds_it_in_the_log(raising, caplog):
    page = raising(RuntimeError("the inner reason")).get("/page?secret=Confidential", status=500)
    [record] = [found for found in caplog.records if found.levelno >= logging.ERROR]
    assert error_code(page) == "internal_error"
    assert record.getMessage() == "request_failed"
    assert (record.method, record.path) == ("GET", "/page")
    assert record.request_id in page.text
    assert "the inner reason" not in page.text
    assert "the inner reason" in caplog.text
    assert "Confidential" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("UPDATE orders", {}, Exception("database is locked")),
        TooManyConnectionsError(),
    ],
)
def test_a_busy_database_is_a_503_without_details(raising, error, caplog):
    page = raising(error).get("/page", status=503)
    assert page.headers["Retry-After"] == "5"
    assert error_code(page) == "database_busy"
    assert "locked" not in page.text
    assert [found.getMessage() for found in caplog.records] == ["database_unavailable"]


def test_a_rate_limit_response_has_retry_after(raising):
    page = raising(RateLimitExceededError("searches", 42)).get("/page", status=429)
    assert page.headers["Retry-After"] == "42"
    assert error_code(page) == "too_many_requests"


def test_a_key_error_in_a_view_is_an_internal_error(raising):
    assert raising(KeyError("x")).get("/page", status=500)


@pytest.mark.parametrize(
    ("error", "status"), [(HTTPSeeOther("/elsewhere"), 303), (HTTPForbidden(), 403)]
)
def test_http_exceptions_are_returned_and_not_logged(raising, error, status, caplog):
    assert raising(error).get("/page", status=status)
    assert caplog.text == ""


@pytest.mark.parametrize("path", ["/missing", "/books/missing", "/%00", "/%ff", "/a/b/c/d"])
def test_a_path_without_a_view_is_a_404_page(raising, path):
    page = raising(KeyError()).get(path, status=404)
    assert page.content_type == "text/html"
    assert error_code(page) == "page_not_found"


# --- maintenance


@pytest.fixture
def closed(configure, tmp_path):
    """A shop that is closed for maintenance."""
    config = configure()
    config.add_view(lambda _context, _request: Response("open"), **PAGE)
    (tmp_path / "maintenance").touch()
    yield app_of(config)
    config.registry.job_worker.stop()
    config.registry.mail_worker.stop()


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/page", "/books/", "/books/missing", "/missing", "/static/missing.css"),
        *("/orders/", "/checkout?item=1", "/success", "/robots.txt", "/page/health"),
    ],
)
def test_a_closed_shop_answers_503(closed, path):
    page = closed.get(path, status=503)
    assert page.headers["Retry-After"] == "300"
    assert "no-store" in page.headers["Cache-Control"]
    assert error_code(page) == "maintenance"


@pytest.mark.parametrize(
    "path",
    ["/@@page", "/health/../@@page", "/static/../page", "//page", "/%40%40page", "/covers/../page"],
)
def test_no_spelling_of_a_path_opens_a_closed_shop(closed, monkeypatch, path):
    assert closed.get(path, status=404)
    monkeypatch.setattr("bookshop.web.resources.is_canonical_path", lambda _path: True)
    assert error_code(closed.get(path, status=503)) == "maintenance"


def test_a_closed_shop_needs_no_database(closed, monkeypatch):
    def fail(*_args):
        raise OperationalError("SELECT", {}, Exception("no database"))

    monkeypatch.setattr("bookshop.catalogue.queries.CatalogueQueries.detail", fail)
    assert error_code(closed.get("/books/9780000000000", status=503)) == "maintenance"


def test_webhooks_are_refused_so_that_stripe_delivers_them_again(closed):
    closed.post("/webhooks/stripe", b"{}", status=503)


@pytest.mark.parametrize("path", ["/static/base.css", "/health/live", "/metrics"])
def test_files_and_probes_stay_available(closed, path):
    assert closed.get(path, status=200)


def test_the_shop_opens_without_a_restart(closed, tmp_path):
    (tmp_path / "maintenance").unlink()
    assert closed.get("/page").text == "open"
