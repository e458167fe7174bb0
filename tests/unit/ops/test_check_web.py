"""The checks of the public address, at a proxy that terminates TLS."""

import ssl
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import trustme
import urllib3

from bookshop.ops.check import web


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = self.server.pages.get(self.path, (404, "text/plain", b"not found"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def proxy():
    """A proxy with TLS; `shop` has its settings, and `check` runs the checks with its authority."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.pages = {
        web.LIVE: (200, "text/plain", b"alive\n"),
        web.STYLES: (200, web.CSS, b"body {}"),
    }
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server.shop = SimpleNamespace(url=f"https://localhost:{server.server_port}")
    pool = partial(urllib3.PoolManager, timeout=5, retries=False, ssl_context=trusting)
    server.check = lambda: list(web.run_checks(server.shop, pool=pool()))
    yield server
    server.shutdown()
    thread.join(60)
    server.server_close()


@pytest.fixture
def plain_http(serve, monkeypatch):
    """Serve an application at the proxy's address without https."""

    def use(status, headers, body=b""):
        def app(_environ, start):
            start(status, headers)
            return [body]

        url = serve(app)
        monkeypatch.setattr(web, "_plain_address", lambda _url: url)

    return use


def severities(findings):
    return [(finding.severity, finding.code) for finding in findings]


def test_a_proxy_without_faults_has_no_findings(proxy):
    assert proxy.check() == []


def test_an_untrusted_certificate_is_found(proxy):
    findings = list(web.run_checks(proxy.shop))
    assert severities(findings) == [("error", "certificate_not_trusted")]


def test_a_proxy_without_a_shop_behind_it_is_found(proxy):
    proxy.pages.clear()
    findings = proxy.check()
    assert severities(findings) == [("error", "address_not_a_shop")]
    assert "404" in findings[0].problem


@pytest.mark.parametrize("response", [(404, "text/html", b""), (200, "text/html", b"<p>Hello")])
def test_a_proxy_that_does_not_forward_static_files_is_found(proxy, response):
    proxy.pages[web.STYLES] = response
    assert severities(proxy.check()) == [("error", "static_files_not_forwarded")]


def test_an_address_without_a_redirect_to_https_is_found(proxy, plain_http):
    plain_http("200 OK", [], b"hello")
    assert severities(proxy.check()) == [("warning", "http_not_redirected")]


def test_a_redirect_to_another_address_is_found(proxy, plain_http):
    plain_http("301 Moved", [("Location", "https://other.example/")])
    (finding,) = proxy.check()
    assert (finding.severity, finding.code) == ("warning", "http_not_redirected")
    assert "https://other.example/" in finding.problem


def test_a_redirect_to_https_is_fine(proxy, plain_http):
    plain_http("301 Moved", [("Location", f"{proxy.shop.url}/")])
    assert proxy.check() == []
