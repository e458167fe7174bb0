"""What a visitor sees when something is missing, refused or broken, or the shop is closed."""

import logging

import pytest
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.response import Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TooManyConnectionsError
from webtest import TestApp

import bookshop
from bookshop.web.resources import Shop
from tests.shops import ini


@pytest.fixture
def config(tmp_path, sqlite_url):
    config = bookshop.configure(
        ini(tmp_path, "http://localhost:1", sqlalchemy__url=str(sqlite_url))
    )
    yield config
    config.registry.services.payments.close()
    config.registry.services.engine.dispose()


@pytest.fixture
def raising(config):
    """A shop with a page that raises what a test gives."""

    def app(error):
        def view(_context, _request):
            raise error

        config.add_view(view, context=Shop, name="page")
        return TestApp(config.make_wsgi_app(), extra_environ={"HTTP_HOST": "localhost"})

    return app


def test_a_mistake_of_ours_is_a_page_with_a_number_that_finds_it_in_the_log(raising, caplog):
    page = raising(RuntimeError("the inner reason")).get("/page", status=500)
    [record] = [found for found in caplog.records if found.levelno >= logging.ERROR]
    number = record.getMessage().split()[1]
    assert number in page.text
    assert "the inner reason" not in page.text
    assert "the inner reason" in caplog.text


def test_the_log_of_a_mistake_has_no_query_and_no_line_break_of_others(raising, caplog):
    app = raising(RuntimeError("reason"))
    app.get("/page?payment_intent_client_secret=pi_secret_Confidential", status=500)
    assert "Confidential" not in caplog.text
    assert "GET /page" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("UPDATE orders", {}, Exception("database is locked")),
        TooManyConnectionsError(),
    ],
)
def test_a_database_that_is_busy_asks_to_come_back(raising, error):
    page = raising(error).get("/page", status=503)
    assert page.headers["Retry-After"] == "5"
    assert "nothing was changed" in page.text
    assert "locked" not in page.text


def test_a_key_error_in_a_view_is_no_missing_page(raising):
    assert raising(KeyError("x")).get("/page", status=500)


@pytest.mark.parametrize(
    ("error", "status"), [(HTTPSeeOther("/elsewhere"), 303), (HTTPForbidden(), 403)]
)
def test_what_views_answer_on_purpose_passes(raising, error, status, caplog):
    assert raising(error).get("/page", status=status)
    assert caplog.text == ""


@pytest.mark.parametrize("path", ["/nowhere", "/books/nowhere", "/%00", "/%ff", "/a/b/c/d"])
def test_what_is_not_there_is_a_page_of_its_own(raising, path):
    page = raising(KeyError()).get(path, status=404)
    assert page.content_type == "text/html"


# --- maintenance


@pytest.fixture
def closed(config, tmp_path):
    config.add_view(lambda _c, _r: Response("open"), context=Shop, name="page")
    (tmp_path / "maintenance").write_text("")
    return TestApp(config.make_wsgi_app(), extra_environ={"HTTP_HOST": "localhost"})


@pytest.mark.parametrize("path", ["/", "/page", "/books/", "/nowhere", "/%ff"])
def test_a_closed_shop_says_when_to_come_back(closed, path):
    page = closed.get(path, status=503)
    assert page.headers["Retry-After"] == "300"
    assert "no-store" in page.headers["Cache-Control"]
    assert "closed for a moment" in page.text


def test_webhooks_are_to_be_delivered_again(closed):
    closed.post("/webhooks/stripe", b"{}", status=503)


def test_the_closed_page_has_its_looks(closed):
    assert closed.get("/static/base.css").content_type == "text/css"


def test_the_shop_opens_without_a_restart(closed, tmp_path):
    (tmp_path / "maintenance").unlink()
    assert closed.get("/page").text == "open"
