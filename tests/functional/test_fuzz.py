"""The shop answers any request without an error of its own, and discloses nothing internal.

Every view that Pyramid knows is asked, on SQLite and on PostgreSQL: with what its forms send, and
with what no browser would. Requests are made as a server makes them, byte by byte, since
WebTest's own would refuse the worst of them. With BOOKSHOP_FUZZ in the environment it asks that
many times, at random; otherwise always the same.
"""

import io
import os
import re
from collections import Counter
from urllib.parse import urlencode, urlsplit
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyramid.scripting import prepare
from pyramid.traversal import find_resource

from bookshop.orders.links import order_key
from bookshop.web.resources import Resource
from tests.demo_books import MOSS, PREORDER
from tests.shops import pay_form
from tests.tour import COMPLETE, WITHDRAWN, Tour

pytestmark = pytest.mark.detail

TIMES = 800
MANY = "999999/hour"
NO_LIMITS = ("searches", "csp_reports")
MOST = 20_000  # characters of a value; a server takes no header that is much longer
#: Where the kinds of resources are, once the tour's visitor has bought.
PLACES = (
    "/",
    "/books/",
    f"/books/{MOSS}",
    f"/books/{COMPLETE}",
    f"/books/{WITHDRAWN}",
    "/covers/",
    "/sitemaps/",
    "/sitemaps/pages.xml",
    "/sitemaps/1.xml",
    "/orders/",
    "/orders/{order}",
    "/webhooks/",
    "/health/",
    "/metrics",
)
SAID_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": re.compile("no-referrer|same-origin|strict-origin"),
    "Cross-Origin-Resource-Policy": re.compile("same-origin|cross-origin"),  # of covers
    "Content-Security-Policy": re.compile("default-src 'none'.*frame-ancestors 'none'"),
}
INSIDE = re.compile(
    rb"Traceback \(most recent|File \"/|sqlalchemy|psycopg|sqlite3|jinja2\.|sk_test_\w|whsec_\w"
)
METHODS = st.sampled_from(
    ["GET"] * 4
    + ["POST"] * 3
    + ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "B\xe9"]
)
FIELDS = (
    *("item", "again", "order", "confirm", "email", "revision", "number", "key", "csrf_token"),
    *("pi", "payment_intent", "payment_intent_client_secret", "redirect_status"),
    *("q", "subject", "format", "language", "availability", "price", "sort", "after", "page"),
    *("_charset_", "_method", "__proto__", "url", "next", "came_from", "lang"),
)
HEADERS = (
    *("HOST", "COOKIE", "ORIGIN", "REFERER", "ACCEPT", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE"),
    *("ACCEPT_CHARSET", "IF_NONE_MATCH", "IF_MATCH", "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE"),
    *("RANGE", "IF_RANGE", "AUTHORIZATION", "STRIPE_SIGNATURE", "X_REQUEST_ID", "X_CSRF_TOKEN"),
    *("X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_FORWARDED_PREFIX"),
    *("FORWARDED", "SEC_FETCH_SITE", "SEC_FETCH_DEST", "SEC_PURPOSE", "USER_AGENT", "EXPECT"),
    *("X_HTTP_METHOD_OVERRIDE", "X_REQUESTED_WITH", "TRANSFER_ENCODING", "CACHE_CONTROL"),
)
TYPES = (
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=nothing",
    "application/json",
    "application/csp-report",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "multipart/form-data; boundary=" + "b" * 300,
    "text/xml",
    "\xff/\x00",
    "",
)
NASTY = (
    *("", "\0", "a\0b", "%", "%00", "%ff%fe", "\xff\xfe", "\ud7ff\uffff", "ﷺ" * 60, "\u202e", "-"),
    *("0", "-1", "1" * 40, "9" * 18, "1e309", "NaN", "2026-02-30", "\uff19", "²", "٣", "1_0"),
    *("'", '" onload="x', "' OR 1=1 --", "<script>x</script>", "{{7*7}}", "${7*7}", "%(x)s", "{0}"),
    *("../../etc/passwd", "..\\..", "//evil.example/", "https://evil.example", "javascript:x"),
    *("a\r\nSet-Cookie: x=y", "\n", "\t", "*", "a*", '"', '"a" OR', "NEAR(", "a:b", "()", "^a"),
    *(
        "[",
        "]",
        "http://[",
        "bytes=0-",
        "bytes=9-1,-",
        "Bearer ",
        "Basic =",
        "Basic /w==",
        "x" * 300,
    ),
    *("x" * MOST, "é" * 9_000, "a " * 5_000, '{"a":' * 3_000, "[" * 3_000, "null", "[1]", '"x"'),
    *('{"csp-report": {"blocked-uri": "http://["}}', '[{"body": {"documentURL": "//["}}]'),
    *("t=1,v1=a", "t=x", "v1=,t=", "q=2;q=x", "*;q=0", "de;q=,*", "W/", 'W/"', "utf-7", "idna"),
)


class Answered:
    """What a WSGI application said to one request."""

    def __init__(self, wsgi, environ):
        self.status, self.headers = 0, []

        def start(status, headers, exc_info=None):
            self.status, self.headers = int(status[:3]), headers
            return lambda _data: None

        chunks = wsgi(environ, start)
        try:
            self.body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
            environ["wsgi.input"].close()  # a file, where the body was long

    def header(self, name):
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())


def environ_of(method, path, query, headers, body):
    """The request as a server hands it on: the bytes of the path and of headers as Latin-1."""
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        **headers,
    }
    setup_testing_defaults(environ)
    return environ


def values(known):
    """What a field or a header may hold: what the shop itself wrote, what is nasty, anything."""
    return st.one_of(
        st.sampled_from(known),
        st.sampled_from(NASTY),
        st.text(st.characters(codec="utf-8"), max_size=20),
    )


def as_header(text):
    """How a server would hand it on; no server lets a line end in."""
    return (
        text.encode("utf-8", "replace").decode("latin-1").translate({10: None, 13: None, 0: None})
    )


@st.composite
def pairs(draw, known):
    """The bytes of a query or a form: named fields, several times or not, and junk among them."""
    fields = st.tuples(st.one_of(st.sampled_from(FIELDS), st.sampled_from(NASTY)), values(known))
    found = draw(st.lists(fields, max_size=5))
    junk = draw(st.sampled_from(["", "", "", "&", "&=", "&%", "&q=%ff", "&%ff=1", "&item=%00"]))
    return urlencode(found, errors="replace") + junk


@st.composite
def requests(draw, asked, known, cookies):
    """One request: method, path, query, headers and body."""
    path, methods = draw(st.sampled_from(asked))
    method = draw(st.one_of(st.sampled_from(methods), METHODS))
    raw = path.encode()
    match draw(st.integers(0, 9)):
        case 0:
            raw += draw(st.binary(max_size=12))
        case 1:
            raw += b"/" + draw(values(known)).encode("utf-8", "replace")
        case 2:
            raw = b"/" + draw(st.sampled_from([b"", b"/", b"..//", b"@@", b"%2e/"])) + raw
    headers = {
        f"HTTP_{name}": as_header(value)
        for name, value in draw(
            st.dictionaries(st.sampled_from(HEADERS), values(known), max_size=3)
        ).items()
    }
    if draw(st.booleans()):
        headers["HTTP_COOKIE"] = draw(st.sampled_from(cookies))
    body = b""
    if method not in {"GET", "HEAD"}:
        headers["CONTENT_TYPE"] = as_header(draw(st.sampled_from([TYPES[0], *TYPES])))
        form = pairs(known).map(str.encode)
        plain = values(known).map(lambda text: text.encode("utf-8", "replace"))
        part = (
            b'--b\r\nContent-Disposition: form-data; name="email"; filename="f"\r\n\r\nx\r\n--b--'
        )
        body = draw(st.one_of(form, form, plain, st.binary(max_size=40), st.just(part)))
    return method, raw, draw(pairs(known)), headers, body


@st.composite
def nearly_right(draw, forms, known, cookie):
    """What a page of ours would send, but for one field of it."""
    method, path, fields = draw(st.sampled_from(forms))
    if draw(st.integers(0, 3)):
        fields = {**fields, draw(st.sampled_from([*fields])): draw(values(known))}
    sent, headers = urlencode(fields, errors="replace"), {"HTTP_COOKIE": cookie}
    if method == "GET":
        return method, path.encode(), sent, headers, b""
    return method, path.encode(), "", {**headers, "CONTENT_TYPE": TYPES[0]}, sent.encode()


class Rig:
    """A shop that has something on every page, and the values that its pages and mails contain."""

    def __init__(self, shop, sandbox):
        self.wsgi = shop.wsgi
        tour = Tour(shop, sandbox)
        visitor = tour.visitor
        form = pay_form(visitor.get("/checkout", {"item": PREORDER}))
        order, intent = tour.path("order").rpartition("/")[2], tour.path("success")[12:]
        self.places = [place.format(order=order) for place in PLACES]
        cover = next((shop.var / "covers").glob("**/*-*.*"))
        self.places.append(f"/covers/{cover.name}")
        self.asked = [*self._asked(), ("/static/base.css", ["GET"]), ("/favicon.ico", ["GET"])]
        settings_ = shop.registry.services.settings.shop
        self.known = [
            *(order, intent, MOSS, PREORDER, COMPLETE, *form.values(), order_key(settings_, order)),
            *("ada@reader.example", "1", "paperback", "available", "-price", "F", "moss", "eng"),
            *("same-origin", "cross-site", "prefetch", "http://localhost", "gzip, br;q=0.5"),
        ]
        cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        token = {"csrf_token": form["csrf_token"]}
        self.forms = [
            ("POST", "/checkout", {**form, "email": "ada@reader.example"}),
            ("POST", "/checkout", {**token, "confirm": "1", "item": MOSS, "again": order}),
            ("POST", "/orders/", {**token, "number": order, "email": "ada@reader.example"}),
            ("GET", "/checkout", {"item": PREORDER, "again": order}),
            ("GET", "/checkout", {"order": form["order"]}),
            ("GET", "/success", {"pi": intent}),
            ("GET", "/success", {"payment_intent": intent, "payment_intent_client_secret": "x"}),
            ("GET", f"/orders/{order}", {"key": order_key(settings_, order)}),
            ("GET", "/books/", {"q": "moss", "format": "paperback", "sort": "-price"}),
        ]
        self.cookies = [cookie, cookie, cookie[:-9], f"bookshop=;{cookie}", "bookshop=\xff", "=;=;"]

    def _asked(self):
        """Each view that Pyramid knows of: its path, and the methods that it answers."""
        registry, found = self.wsgi.registry, []
        with prepare(registry=registry) as env:
            kinds = {type(find_resource(env["root"], path)): path for path in self.places}
        for each in registry.introspector.get_category("views"):
            view = each["introspectable"]
            if isinstance(view["context"], type) and issubclass(view["context"], Resource):
                base = kinds.get(view["context"])
                assert base, f"add to PLACES where a {view['context'].__name__} is"
                path = f"{base.rstrip('/')}/{view['name']}" if view["name"] else base
                found.append((path, list(view["request_methods"] or ("GET",))))
        return found

    def judge(self, asked):
        """Send one request, and see that the answer is as each has to be."""
        answered = Answered(self.wsgi, environ_of(*asked))
        assert answered.status < 500 or self.intended(answered), answered.body[:2000]
        assert not INSIDE.search(answered.body)
        for name, value in answered.headers:
            assert not re.search(r"[\0\r\n]", name + value), name
            assert value.isascii(), name
        for name, value in SAID_ALWAYS.items():
            if answered.status != 304 or name == "X-Content-Type-Options":
                assert re.search(value, answered.header(name)), name
        location = urlsplit(answered.header("Location"))
        assert location.netloc in {"", "localhost", "localhost:6543"}
        return answered

    def intended(self, answered):
        """The one answer above 500 that is no mistake: not now, and when."""
        return answered.status == 503 and answered.header("Retry-After").isdigit()


@pytest.fixture
def rig(make_each_shop, sandbox):
    changes = {f"limits__{name}": MANY for name in NO_LIMITS}
    return Rig(make_each_shop(**changes), sandbox)


def test_no_request_causes_a_server_error(rig):
    times = os.environ.get("BOOKSHOP_FUZZ")
    statuses = Counter()

    @settings(
        max_examples=int(times or TIMES),
        derandomize=not times,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        requests(rig.asked, rig.known, rig.cookies)
        | nearly_right(rig.forms, rig.known, rig.cookies[0])
    )
    def fuzz(asked):
        statuses[rig.judge(asked).status] += 1

    fuzz()
    # It came as far as the views, and not only to their doors.
    assert {200, 303, 400, 404, 405} <= set(statuses)
