"""The page cache: what is cached, under which key, and for how long."""

from types import SimpleNamespace
from urllib.parse import urlencode

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPFound
from pyramid.request import Request
from pyramid.response import Response

from bookshop.web.headers import ContentSecurityPolicy
from bookshop.web.http_cache import as_response
from bookshop.web.page_cache import (
    CACHED,
    MAINTENANCE_CHECK_INTERVAL,
    PAGE_OVERHEAD,
    PageCache,
)
from bookshop.web.page_isolation import (
    UncacheableResponse,
    canonical_query,
)
from bookshop.web.resources import Shop

TEXT = "<p>Moss</p>" * 100


class Version:
    """The catalogue's version: in the database, and as last read by a process."""

    def __init__(self):
        self.stored = self.known = 1

    def bump(self):
        self.stored += 1

    def current(self):
        return self.known

    def read(self):
        self.known = self.stored
        return self.known


@pytest.fixture
def version():
    return Version()


@pytest.fixture
def make(tmp_path, version):
    shop = SimpleNamespace(maintenance=tmp_path / "maintenance", url="https://books.example")
    return lambda **more: PageCache(version, "build", shop, **more)


@pytest.fixture
def cache(make):
    return make()


def request_for(path, method="GET", **headers):
    request = Request.blank(path, method=method)
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    request.content_security_policy = ContentSecurityPolicy()
    return request


def cached(cache, path, **headers):
    """Return the response from the cache, or None."""
    request = request_for(path, **headers)
    answer = cache.answer(request.environ)
    return answer and request.get_response(answer)


def rendered(cache, path, parameters=(), view=lambda _request: Response(TEXT), **headers):
    """Return the response of a view through the cache."""
    request = request_for(path, **headers)
    return cache.render(request, lambda: view(request), parameters)


# --- what is cached


def test_a_page_is_rendered_once(cache):
    assert cached(cache, "/") is None
    first = rendered(cache, "/")
    again = cached(cache, "/")
    assert again.text == first.text == TEXT
    assert dict(again.headers) == dict(first.headers)


def test_headers_of_a_cached_page(cache):
    rendered(cache, "/")
    headers = cached(cache, "/").headers
    assert headers["ETag"] == '"1-build-identity"'
    assert headers["Cache-Control"] == CACHED
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert len(headers) == len(set(headers))


def test_a_cached_page_keeps_its_security_policy(cache):
    def view(request):
        request.content_security_policy.allow("img-src", ["https://covers.example"])
        return Response(TEXT)

    rendered(cache, "/", view=view)
    assert "https://covers.example" in cached(cache, "/").headers["Content-Security-Policy"]


def test_paths_are_cached_separately(cache):
    rendered(cache, "/books/1")
    assert cached(cache, "/books/2") is None
    assert cached(cache, "/books/1/") is None


def test_script_name_is_part_of_the_key(cache):
    request = request_for("/")
    request.environ["SCRIPT_NAME"] = "/shop"
    cache.render(request, lambda: Response(TEXT), ())
    assert cached(cache, "/") is None
    assert cache.answer(request_for("/").environ | {"SCRIPT_NAME": "/shop"})


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("gone", status=410),
        lambda: Response("missing", status=404),
        lambda: Response("part", status=206),
        lambda: HTTPFound("/elsewhere"),
        lambda: Response(app_iter=iter([b"endless"])),
    ],
    ids=["gone", "missing", "part", "redirect", "stream"],
)
def test_other_responses_are_not_cached(cache, answer):
    response = rendered(cache, "/", view=lambda _request: answer())
    assert "ETag" not in response.headers
    assert cached(cache, "/") is None


def test_exceptions_are_not_cached(cache):
    def view(_request):
        raise HTTPFound("/elsewhere")

    with pytest.raises(HTTPFound):
        rendered(cache, "/", view=view)
    assert cached(cache, "/") is None


def test_head_uses_the_cache_and_does_not_fill_it(cache):
    head = rendered(cache, "/", method="HEAD")
    assert cached(cache, "/") is None
    whole = rendered(cache, "/")
    again = cached(cache, "/", method="HEAD")
    assert again.body == b""
    assert dict(head.headers) == dict(whole.headers) == dict(again.headers)


# --- what a page depends on


def show_query(request):
    return Response(repr(sorted(request.GET.items())))


def test_only_named_parameters_are_part_of_the_key(cache):
    rendered(cache, "/books/?q=moss&utm_source=mail", ("q", "page"), show_query)
    page = cached(cache, "/books/?fbclid=7&q=moss")
    assert page.text == "[('q', 'moss')]"
    assert cached(cache, "/books/?q=salt") is None
    assert cached(cache, "/books/?q=moss&page=2") is None


def test_the_order_of_parameters_is_not_part_of_the_key(cache):
    rendered(cache, "/books/?page=2&q=moss", ("q", "page"), show_query)
    assert cached(cache, "/books/?q=moss&page=2")


def test_the_order_of_a_parameters_values_is_part_of_the_key(cache):
    rendered(cache, "/books/?q=a&q=b", ("q",), show_query)
    assert cached(cache, "/books/?q=b&q=a") is None


def test_a_long_query_is_not_cached(cache):
    path = f"/books/?q={'x' * 2000}"
    assert rendered(cache, path, ("q",), show_query).status_int == 200
    assert cached(cache, path) is None


def test_a_view_sees_nothing_personal(cache):
    seen = {}

    def view(request):
        seen.update(cookies=dict(request.cookies), host=request.host_url, get=dict(request.GET))
        return Response(TEXT)

    request = request_for("/?q=1&session=7", Cookie="bookshop=abc", Host="evil.example")
    before = dict(request.environ)
    cache.render(request, lambda: view(request), ("q",))
    assert seen == {"cookies": {}, "host": "https://books.example", "get": {"q": "1"}}
    changed = {name for name in before if request.environ[name] != before[name]}
    assert changed <= {"webob.adhoc_attrs"}
    assert request.cookies["bookshop"] == "abc"


@pytest.mark.parametrize(
    "touch",
    [
        lambda request: request.session.flash("thanks"),
        lambda request: request.session["visitor"],
        lambda request: request.session.__setitem__("visitor", 1),
        lambda request: "visitor" in request.session,
    ],
    ids=["flash", "read", "write", "look"],
)
def test_a_cached_page_cannot_use_the_session(cache, touch):
    def view(request):
        touch(request)
        return Response(TEXT)

    with pytest.raises(UncacheableResponse):
        rendered(cache, "/", view=view)
    assert cached(cache, "/") is None


def test_a_cached_page_cannot_set_cookies(cache):
    def view(_request):
        response = Response(TEXT)
        response.set_cookie("seen", "1")
        return response

    with pytest.raises(UncacheableResponse):
        rendered(cache, "/", view=view)


# --- how it is sent


def test_a_page_is_compressed_once(cache, monkeypatch):
    first = rendered(cache, "/", Accept_Encoding="br")
    assert first.headers["Content-Encoding"] == "br"
    assert first.headers["ETag"] == '"1-build-br"'
    assert brotli.decompress(first.body).decode() == TEXT
    monkeypatch.setattr(brotli, "compress", None)
    assert cached(cache, "/", Accept_Encoding="br").body == first.body
    assert cached(cache, "/", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
    assert cached(cache, "/").text == TEXT


@pytest.mark.parametrize("known", ['"1-build-br"', 'W/"1-build-br"', '"0-build-br", "1-build-br"'])
def test_a_current_tag_gets_304_where_the_page_is_cached(cache, known):
    rendered(cache, "/")
    answer = cached(cache, "/", Accept_Encoding="br", If_None_Match=known)
    assert answer.status_int == 304
    assert answer.body == b""
    assert dict(answer.headers) == {
        "Cache-Control": CACHED,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": '"1-build-br"',
    }


@pytest.mark.parametrize("path", ["/checkout", "/orders/N", "/missing", "/books/?page=9"])
def test_a_current_tag_gets_nothing_where_no_page_is_cached(cache, path):
    rendered(cache, "/")
    rendered(cache, "/books/", ("page",))
    assert cached(cache, path, Accept_Encoding="br", If_None_Match='"1-build-br"') is None
    assert cached(cache, path, If_None_Match="*") is None


def test_a_current_tag_gets_304_also_after_a_restart(cache):
    known = {"Accept_Encoding": "br", "If_None_Match": '"1-build-br"'}
    answer = rendered(cache, "/", **known)
    assert (answer.status_int, answer.body) == (304, b"")


@pytest.mark.parametrize("known", ['"1-build-gzip"', '"1-other-br"', '"2-build-br"', "1-build-br"])
def test_other_tags_get_the_page(cache, known):
    rendered(cache, "/")
    assert cached(cache, "/", Accept_Encoding="br", If_None_Match=known).status_int == 200


def test_if_none_match_star_requires_a_page(cache):
    assert cached(cache, "/", If_None_Match="*") is None
    first = rendered(cache, "/", If_None_Match="*")
    assert first.status_int == cached(cache, "/", If_None_Match="*").status_int == 304
    assert "Content-Length" not in first.headers


# --- how long


def test_a_new_version_drops_all_pages(cache, version):
    rendered(cache, "/")
    version.bump()
    assert cached(cache, "/")  # this process has not read the new version yet
    version.read()
    assert cached(cache, "/") is None
    assert cached(cache, "/", If_None_Match='"1-build-identity"') is None
    assert cache.size == 0
    assert rendered(cache, "/").headers["ETag"] == '"2-build-identity"'


def test_a_page_rendered_during_a_change_is_not_cached(cache, version):
    def view(_request):
        version.bump()
        return Response(TEXT)

    response = rendered(cache, "/", view=view)
    assert response.text == TEXT
    assert response.headers["Cache-Control"] == "no-cache"
    assert "ETag" not in response.headers
    assert cached(cache, "/") is None


def test_nothing_is_cached_without_a_version(cache, version):
    version.stored = version.known = None
    assert rendered(cache, "/").headers["Cache-Control"] == "no-cache"
    assert cached(cache, "/", If_None_Match='"1-build-identity"') is None


def test_an_unknown_version_drops_no_pages(cache, version):
    rendered(cache, "/")
    version.known = None
    assert cached(cache, "/") is None
    version.read()
    assert cached(cache, "/")


def test_maintenance_disables_the_cache(make, tmp_path):
    now = [0.0]
    cache, flag = make(clock=lambda: now[0]), tmp_path / "maintenance"
    rendered(cache, "/")
    assert cached(cache, "/")

    flag.touch()
    now[0] += MAINTENANCE_CHECK_INTERVAL
    assert cached(cache, "/") is None
    assert cached(cache, "/", If_None_Match='"1-build-identity"') is None

    flag.unlink()
    now[0] += MAINTENANCE_CHECK_INTERVAL
    assert cached(cache, "/")


def test_least_recently_used_pages_are_dropped(make):
    page = 2 * len(TEXT) + PAGE_OVERHEAD
    cache = make(max_bytes=3 * page)
    for number in (1, 2, 3):
        rendered(cache, f"/books/{number}")
    assert cached(cache, "/books/1")
    rendered(cache, "/books/4")
    assert [number for number in (1, 2, 3, 4) if cached(cache, f"/books/{number}")] == [1, 3, 4]
    assert cache.size == 3 * page


def test_queries_of_one_path_are_dropped_too(make):
    cache = make(max_bytes=3 * (2 * len(TEXT) + PAGE_OVERHEAD))
    for number in range(20):
        rendered(cache, f"/books/?page={number}", ("page",))
    assert [n for n in range(20) if cached(cache, f"/books/?page={n}")] == [17, 18, 19]
    assert len(cache._parameters) == len(cache._pages_at) == 1


def test_a_page_cached_twice_is_counted_once(cache):
    rendered(cache, "/")
    size = cache.size
    rendered(cache, "/")
    assert cache.size == size > 0


def test_a_page_larger_than_the_cache_is_not_cached(make):
    cache = make(max_bytes=100)
    assert rendered(cache, "/").text == TEXT
    assert cached(cache, "/") is None
    assert cache.size == 0


VISITS = st.deferred(
    lambda: st.lists(
        st.one_of(
            st.just("bump"),
            st.just("read"),
            st.tuples(st.sampled_from(["/", "/a"]), VISITS, VISITS, VISITS),
        ),
        max_size=4,
    )
)


class World:
    """A catalogue that changes at any time, and visitors who come at any time."""

    def __init__(self):
        shop = SimpleNamespace(maintenance=SimpleNamespace(exists=lambda: False), url="http://a.b")
        self.version = Version()
        self.cache = PageCache(self.version, "build", shop)

    def run(self, steps):
        for step in steps:
            if step == "bump":
                self.version.bump()
            elif step == "read":
                self.version.read()
            else:
                self.visit(*step)

    def visit(self, path, *meanwhile):
        """A view reads the catalogue twice; others do `meanwhile` before, between and after."""

        def view():
            read = []
            for steps in meanwhile:
                self.run(steps)
                read.append(str(self.version.stored))
            return Response(" ".join(read[:2]))

        request = request_for(path)
        if answer := self.cache.answer(request.environ):
            response = as_response(answer)
            assert response.headers["ETag"] == f'"{self.version.known}-build-identity"'
        else:
            response = self.cache.render(request, view, ())
        if tag := response.headers.get("ETag"):
            of = tag.strip('"').partition("-")[0]
            assert response.text == f"{of} {of}"


@given(VISITS)
def test_no_page_is_returned_for_another_version(steps):
    world = World()
    world.run(steps)
    assert {page.version for page in world.cache._pages.values()} <= {world.cache._pages_version}


# --- queries


@given(st.lists(st.tuples(st.sampled_from(["q", "page", "utm"]), st.text(max_size=5))))
def test_the_canonical_query_has_the_same_values(fields):
    query = canonical_query(urlencode(fields), ("q", "page"))
    read = list(Request.blank(f"/?{query}").GET.items())
    for name in ("q", "page"):
        assert [v for n, v in read if n == name] == [v for n, v in fields if n == name]
    assert {name for name, _value in read} <= {"q", "page"}
    assert canonical_query(query, ("q", "page")) == query


def test_invalid_utf8_is_unchanged():
    assert canonical_query("q=%FF&x=1", ("q",)) == "q=%FF"
    assert canonical_query("q=\xff", ("q",)) == "q=%FF"


def test_a_catalogue_page_is_chosen_by_its_path_alone(configure):
    config = configure()
    config.add_view(
        lambda _context, _request: Response(TEXT),
        context=Shop,
        name="page",
        request_param="q",
        catalogue_page=("q",),
    )
    with pytest.raises(ConfigurationError, match="chosen by its path"):
        config.commit()
