"""View options: a view states whether it writes and whether it is private, and is held to it."""

import pytest
from pyramid.exceptions import ConfigurationError
from pyramid.response import Response
from webtest import TestApp

from bookshop import clock
from bookshop.web.resources import Shop


def ok(_context, _request):
    return Response("ok")


def app_of(config):
    return TestApp(config.make_wsgi_app(), extra_environ={"HTTP_HOST": "localhost"})


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({}, "writes|private"),
        ({"writes": False}, "private"),
        ({"private": True}, "writes"),
        ({"private": True, "request_method": "GET"}, "writes"),
        ({"private": True, "request_method": ("GET", "POST")}, "writes"),
        ({"request_method": "POST"}, "private"),
    ],
)
def test_a_view_that_does_not_state_an_option_stops_the_start(configure, options, missing):
    config = configure()
    config.add_view(ok, context=Shop, name="page", **options)
    with pytest.raises(ConfigurationError, match=f"must state (?:{missing})=True"):
        config.commit()


@pytest.mark.parametrize(
    "options",
    [
        {"writes": False, "private": False},
        {"writes": True, "private": True},
        {"private": False, "request_method": "POST"},
        {"private": False, "request_method": ("DELETE", "POST")},
        {"catalogue_page": ()},
    ],
)
def test_a_view_that_states_its_options_is_accepted(configure, options):
    config = configure()
    config.add_view(ok, context=Shop, name="page", **options)
    config.commit()


# --- writes


@pytest.fixture
def read_only(configure):
    """A shop in read-only mode with views of all kinds."""
    config = configure()
    common = {"context": Shop, "private": False, "require_csrf": False}
    config.add_view(ok, name="reads", writes=False, **common)
    config.add_view(ok, name="writes", writes=True, **common)
    config.add_view(ok, name="takes", request_method="POST", **common)
    config.add_view(ok, name="tests", request_method="POST", writes=False, **common)
    config.add_view(ok, name="answers", writes=True, renderer="json", **common)
    app = app_of(config)
    config.registry.services.read_only.begin(clock.now())
    yield app
    config.registry.job_worker.stop()
    config.registry.mail_worker.stop()


@pytest.fixture
def aliases(monkeypatch):
    """Let requests with other spellings of a path reach views."""
    monkeypatch.setattr("bookshop.web.resources.is_canonical_path", lambda _path: True)


@pytest.mark.usefixtures("aliases")
@pytest.mark.parametrize(
    "path",
    ["/writes", "/@@writes", "//writes", "/./writes", "/x/../writes", "/%77rites", "/writes/"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_writing_view_is_refused_however_its_path_is_spelt(read_only, path, method):
    refused = read_only.request(path, method=method, status=503)
    assert refused.headers["Retry-After"] == "60"
    assert "no-store" in refused.headers["Cache-Control"]
    assert refused.content_type == "text/plain"


def test_methods_that_change_something_are_refused_unless_the_view_states_otherwise(read_only):
    read_only.post("/takes", status=503)
    assert read_only.post("/tests").text == "ok"


def test_json_clients_get_a_json_refusal(read_only):
    refused = read_only.get("/answers", status=503)
    assert (refused.json["error"]["code"], refused.json["error"]["field"]) == ("read_only", None)


def test_views_that_read_stay_available(read_only):
    assert read_only.get("/reads").text == "ok"
    assert read_only.get("/missing", status=404)


# --- private


@pytest.fixture
def logged(configure, monkeypatch):
    """Requests a path, and returns the path in the log."""
    config = configure()

    def fails(_context, _request):
        raise RuntimeError

    for name, view, private in (
        ("public", ok, False),
        ("private", ok, True),
        ("fails", fails, False),
        ("fails-privately", fails, True),
    ):
        config.add_view(view, context=Shop, name=name, writes=False, private=private)
    app = app_of(config)
    paths = []
    monkeypatch.setattr("bookshop.web.request_log.LOG.isEnabledFor", lambda _level: True)
    monkeypatch.setattr("bookshop.web.request_log.LOG.info", lambda line: paths.append(line.path))

    def request(path):
        app.get(path, status="*")
        return paths[-1]

    yield request
    config.registry.job_worker.stop()
    config.registry.mail_worker.stop()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/"),
        ("/public", "/public"),
        ("/public/", "/public/"),
        ("//public/", "/public/"),
        ("/private", "/private"),
        ("/health/live", "/health/live"),
        ("/static/base.css", "/static/base.css"),
        ("/fails", "/fails"),
        ("/fails-privately/", "/fails-privately/"),
        ("/orders/", "/orders/"),
        # A view that is private, whatever the spelling of its path.
        ("/orders/ABC-123", "/orders/…"),
        ("//orders/ABC-123", "/orders/…"),
        ("/./orders/ABC-123", "/orders/…"),
        ("/books/../orders/ABC-123", "/orders/…"),
        ("/%6frders/ABC-123", "/orders/…"),
        # Nothing was reached.
        ("/orders/ABC-123/more", "/orders/…"),
        ("/public/ABC-123", "/public/…"),
        ("/missing/ABC-123", "/missing/…"),
        ("/missing", "/missing"),
        ("/static/missing.css", "/static/…"),
        ("/books/%ff/ABC-123", "/books/…"),
        ("/a%0Ab", "/a?b"),
    ],
)
def test_the_log_shows_the_paths_of_public_views_only(logged, path, shown):
    assert logged(path) == shown


def test_a_path_in_the_log_is_short(logged):
    assert len(logged("/" + "x" * 1000)) == 200
