"""Catalogue pages and files as browsers and CDNs keep them."""

import re
import time

import pytest

from bookshop.web.page_cache import SEEN
from tests.waiting import until

MOSS = "9786941041210"
PAGES = ["/", "/books/", f"/books/{MOSS}"]


@pytest.fixture
def unread(monkeypatch):
    """From now on nothing is read from a shop's shelf, and no template is rendered."""

    def no_more(shop):
        monkeypatch.setattr(shop.registry, "shelf", None)
        monkeypatch.setattr("pyramid_jinja2.Jinja2TemplateRenderer.__call__", None)

    return no_more


def said(answer):
    """The headers, but for the one that each answer has for itself."""
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_made_once_for_everybody(make_each_shop, path, unread):
    shop = make_each_shop()
    first = shop.visitor().get(path)
    unread(shop)

    again = shop.visitor().get(f"{path}?utm_source=mail", {}, {"Cookie": "bookshop=junk"})

    assert again.body == first.body
    assert said(again) == said(first)
    assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize("path", PAGES)
def test_a_returning_visitor_gets_a_304(make_each_shop, path, unread):
    shop = make_each_shop()
    first = shop.visitor().get(path, headers={"Accept-Encoding": "gzip"})
    assert re.fullmatch(r'"[0-9]+-[0-9a-f]{12}-gzip"', first.headers["ETag"])
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]}
    restarted = make_each_shop()
    unread(restarted)

    answer = restarted.visitor().get(path, headers=known, status=304)

    assert answer.body == b""
    for name in ("ETag", "Cache-Control", "Vary"):
        assert answer.headers[name] == first.headers[name]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_as_closed_from_memory_as_it_was_made(shop, path):
    made, kept = (shop.visitor().get(path).headers for _ in range(2))

    for headers in (made, kept):
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"].startswith("public, max-age=0, s-maxage=60")


def test_who_changes_the_catalogue_sees_it_at_once(make_each_shop):
    shop = make_each_shop()
    before = shop.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, title="Lichen")

    after = shop.visitor().get(f"/books/{MOSS}", headers={"If-None-Match": before.headers["ETag"]})
    assert "Lichen" in after.html.h1.text
    assert after.headers["ETag"] != before.headers["ETag"]


def test_every_server_sees_it_within_a_second(make_each_shop):
    shop, other = make_each_shop(), make_each_shop()
    stale = other.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, title="Lichen")
    began = time.monotonic()

    known = {"If-None-Match": stale.headers["ETag"]}
    page = until(lambda: (got := other.visitor().get(f"/books/{MOSS}", headers=known)).body and got)
    assert "Lichen" in page.html.h1.text
    assert time.monotonic() - began < 5  # a second, on a machine with nothing else to do
    assert page.headers["ETag"] == shop.visitor().get(f"/books/{MOSS}").headers["ETag"]


def test_a_last_copy_that_somebody_else_takes_leaves_all_pages(make_each_shop):
    shop = make_each_shop()
    shop.change_book(MOSS, stock=1)
    assert f"/checkout?item={MOSS}" in shop.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, held=1)

    assert f"/checkout?item={MOSS}" not in shop.visitor().get(f"/books/{MOSS}")


@pytest.mark.parametrize("path", ["/nowhere", "/books/nowhere", "/books/?page=99"])
def test_a_missing_page_is_not_kept(shop, path):
    for _ in range(2):
        assert "ETag" not in shop.visitor().get(path, status=404).headers
    assert shop.registry.services.page_cache.weight == 0


def test_a_page_of_a_visitors_own_is_never_kept(shop):
    visitor = shop.visitor()
    for path in (f"/checkout?item={MOSS}", "/orders/", "/success"):
        page = visitor.get(path, headers={"If-None-Match": "*"}, status="*")
        assert page.status_int != 304
        assert "public" not in page.headers.get("Cache-Control", "")
    assert shop.registry.services.page_cache.weight == 0


def test_a_stranger_in_the_host_gets_into_no_page(shop):
    shop.visitor().get("/books/", extra_environ={"HTTP_HOST": "evil.example"})

    assert "evil.example" not in shop.visitor().get("/books/")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_asked_about(shop, path):
    cold, page, warm = (getattr(shop.visitor(), how)(path) for how in ("head", "get", "head"))

    assert cold.body == warm.body == b""
    assert said(cold) == said(page) == said(warm)


def test_a_page_to_read_takes_no_post_from_memory_either(shop):
    shop.visitor().get("/")

    assert shop.visitor().post("/", status="*").status_int in {400, 404, 405}


def test_maintenance_closes_kept_pages_too(shop):
    tag = shop.visitor().get("/").headers["ETag"]
    (shop.var / "maintenance").touch()

    until(lambda: shop.visitor().get("/", status="*").status_int == 503, 10 * SEEN)
    shop.visitor().get("/", headers={"If-None-Match": tag}, status=503)


def test_every_file_that_a_page_names_is_kept_for_ever(shop):
    visitor = shop.visitor()
    files = set()
    for path in (*PAGES, f"/checkout?item={MOSS}"):
        page = visitor.get(path)
        files |= set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))

    assert len(files) > 4
    for file in files:
        answer = visitor.get(file)
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers


def test_files_are_served_over_http_as_browsers_read_them(shop, serve):
    from urllib.request import Request, urlopen

    url = serve(shop.wsgi)
    request = Request(f"{url}/static/base.css", headers={"Accept-Encoding": "br"})
    with urlopen(request) as answer:
        assert answer.headers["Content-Encoding"] == "br"
        assert int(answer.headers["Content-Length"]) == len(answer.read())
    for method in ("GET", "HEAD"):
        request = Request(f"{url}/", method=method)
        with urlopen(request) as answer:
            assert int(answer.headers["Content-Length"]) > 1000
            assert bool(answer.read()) == (method == "GET")
