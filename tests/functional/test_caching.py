"""HTTP caching of catalogue pages and static files, in the shop, in browsers and in CDNs."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bookshop import clock
from bookshop.ops.backup import back_up, restore
from bookshop.web.page_cache import MAINTENANCE_CHECK_INTERVAL
from tests.demo_books import MOSS
from tests.waiting import until

PAGES = ["/", "/books/", f"/books/{MOSS}"]


@pytest.fixture
def forbid_rendering(monkeypatch):
    """Make any further catalogue query and template rendering fail."""

    def forbid(shop):
        without_queries = replace(shop.registry.services, catalogue=None, search=None)
        monkeypatch.setattr(shop.registry, "services", without_queries)
        monkeypatch.setattr("pyramid_jinja2.Jinja2TemplateRenderer.__call__", None)

    return forbid


def headers_of(answer):
    """The headers that are equal for all responses of a cached page."""
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


@pytest.mark.parametrize("path", PAGES)
def test_page_is_rendered_once_for_all_visitors(make_each_shop, path, forbid_rendering):
    shop = make_each_shop()
    first = shop.visitor().get(path)
    forbid_rendering(shop)

    again = shop.visitor().get(f"{path}?utm_source=mail", {}, {"Cookie": "bookshop=junk"})

    assert again.body == first.body
    assert headers_of(again) == headers_of(first)
    assert "Set-Cookie" not in again.headers


@pytest.mark.parametrize("path", PAGES)
def test_conditional_request_is_304_also_after_a_restart(make_each_shop, path):
    shop = make_each_shop()
    first = shop.visitor().get(path, headers={"Accept-Encoding": "gzip"})
    assert re.fullmatch(r'"[0-9]+-[0-9a-f]{12}-gzip"', first.headers["ETag"])
    known = {"Accept-Encoding": "gzip", "If-None-Match": first.headers["ETag"]}
    restarted = make_each_shop()

    answer = restarted.visitor().get(path, headers=known, status=304)

    assert answer.body == b""
    for name in ("ETag", "Cache-Control", "Vary"):
        assert answer.headers[name] == first.headers[name]


@pytest.mark.parametrize("path", PAGES)
def test_cached_page_has_the_same_security_headers(shop, path):
    made, kept = (shop.visitor().get(path).headers for _ in range(2))

    for headers in (made, kept):
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"].startswith("public, max-age=0, s-maxage=60")


def test_change_is_visible_at_once_in_its_own_process(make_each_shop):
    shop = make_each_shop()
    before = shop.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, title="Lichen")

    after = shop.visitor().get(f"/books/{MOSS}", headers={"If-None-Match": before.headers["ETag"]})
    assert "Lichen" in after.html.h1.text
    assert after.headers["ETag"] != before.headers["ETag"]


def test_change_is_visible_in_other_processes_within_a_second(make_each_shop):
    shop, other = make_each_shop(), make_each_shop()
    stale = other.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, title="Lichen")
    began = time.monotonic()

    known = {"If-None-Match": stale.headers["ETag"]}
    page = until(lambda: (got := other.visitor().get(f"/books/{MOSS}", headers=known)).body and got)
    assert "Lichen" in page.html.h1.text
    assert time.monotonic() - began < 5  # a second, on a machine with nothing else to do
    assert page.headers["ETag"] == shop.visitor().get(f"/books/{MOSS}").headers["ETag"]


def test_reserved_last_copy_is_no_longer_for_sale_on_cached_pages(make_each_shop):
    shop = make_each_shop()
    shop.change_book(MOSS, stock=1)
    assert f"/checkout?item={MOSS}" in shop.visitor().get(f"/books/{MOSS}")

    shop.change_book(MOSS, reserved=1)

    assert f"/checkout?item={MOSS}" not in shop.visitor().get(f"/books/{MOSS}")


@pytest.mark.parametrize("path", ["/nowhere", "/books/nowhere", "/books/?page=99"])
def test_404_pages_are_not_cached(shop, path):
    for _ in range(2):
        assert "ETag" not in shop.visitor().get(path, status=404).headers
    assert shop.registry.services.page_cache.size == 0


@pytest.mark.parametrize(
    "path",
    [
        *(f"/checkout?item={MOSS}", "/orders/", "/orders/ABCD-EFGH-JKLM", "/success", "/nowhere"),
        *("/books/?page=99", "/health/live", "/@@books"),
    ],
)
def test_the_current_tag_of_the_catalogue_does_not_get_304_elsewhere(shop, path):
    tag = shop.visitor().get("/").headers["ETag"]
    shop.visitor().get("/books/")
    page = shop.visitor().get(path, headers={"If-None-Match": tag}, status="*")
    assert page.status_int != 304
    assert "public" not in page.headers.get("Cache-Control", "")


def test_after_a_restore_no_tag_names_two_pages(make_shop, tmp_path):
    shop = make_shop()

    def tags_of_changes(shop, titles):
        tags = []
        for title in titles:
            shop.change_book(MOSS, title=title)
            tags.append(shop.visitor().get(f"/books/{MOSS}").headers["ETag"])
        return tags

    database = Path(shop.registry.services.engine.url.database)
    backup = back_up(database, tmp_path, clock.now())
    before = tags_of_changes(shop, ["Lichen", "Fern", "Bracken"])
    shop.registry.job_worker.stop()
    shop.registry.mail_worker.stop()
    shop.registry.services.engine.dispose()
    restore(database, backup.file, clock.now())

    after = tags_of_changes(make_shop(), ["Heather", "Gorse", "Broom"])

    assert not set(before) & set(after)


def test_personal_pages_are_not_cached(shop):
    visitor = shop.visitor()
    for path in (f"/checkout?item={MOSS}", "/orders/", "/success"):
        page = visitor.get(path, headers={"If-None-Match": "*"}, status="*")
        assert page.status_int != 304
        assert "public" not in page.headers.get("Cache-Control", "")
    assert shop.registry.services.page_cache.size == 0


def test_forged_host_header_does_not_reach_cached_pages(shop):
    shop.visitor().get("/books/", extra_environ={"HTTP_HOST": "evil.example"})

    assert "evil.example" not in shop.visitor().get("/books/")


@pytest.mark.parametrize("path", PAGES)
def test_head_has_the_headers_of_get(shop, path):
    cold, page, warm = (getattr(shop.visitor(), how)(path) for how in ("head", "get", "head"))

    assert cold.body == warm.body == b""
    assert headers_of(cold) == headers_of(page) == headers_of(warm)


def test_cached_page_refuses_post(shop):
    shop.visitor().get("/")

    assert shop.visitor().post("/", status="*").status_int in {400, 404, 405}


def test_maintenance_mode_applies_to_cached_pages(shop):
    tag = shop.visitor().get("/").headers["ETag"]
    (shop.var / "maintenance").touch()

    until(
        lambda: shop.visitor().get("/", status="*").status_int == 503,
        10 * MAINTENANCE_CHECK_INTERVAL,
    )
    shop.visitor().get("/", headers={"If-None-Match": tag}, status=503)


def test_static_files_of_pages_are_immutable(shop):
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


def test_compressed_files_and_head_have_correct_content_length(shop, serve):
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
