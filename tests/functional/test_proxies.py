"""The configurations for nginx and Caddy of a new shop: what they forward, and what they log.

A server that records paths takes the shop's place.
"""

import http.client
import re
import ssl
import subprocess
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import find_proxies
import pytest
import trustme
from click.testing import CliRunner

from bookshop.cli import main
from tests.load.fleet import LOOK_AGAIN, START_TIMEOUT, free_port, listens

pytestmark = pytest.mark.detail

HOST = "otter.example"
SECRETS = ("kEy0fAnOrder1234", "pi_1_secret_tOpSeCrEt", "ABCD-EFGH-JKLM")
WITH_SECRETS = (
    f"/orders/{SECRETS[2]}?key={SECRETS[0]}",
    f"/success?pi=pi_1&payment_intent_client_secret={SECRETS[1]}",
)
ALIASES = (
    *("/@@checkout?item=1", "/%40%40checkout?item=1", "/@%40checkout", "/books/@@x"),
    *("/orders/../@@checkout", "/static/../checkout", "/static/%2e%2e/checkout", "/static/.%2E/x"),
    *("/./checkout", "//checkout", "/%2Fcheckout", "/static%2f..%2Fcheckout", "/checkout/.."),
    *("/books//1", "/checkout/.", "/.", "/..", "/checkout/..?item=1"),
)
METRICS = ("/metrics", "/metrics/", "/%6detrics", "/metrics?x=1", "/metrics/x", "/@@metrics")
FORWARDED = ("/", "/books/", "/books/?q=a..b//c@@d", "/checkout?item=1", "/a.b/..c/x@@", "/orders/")


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Log nothing."""


@pytest.fixture
def upstream():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    server.paths = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Proxy:
    """A proxy with the configuration of a new shop, and what it logs."""

    def __init__(self, connection, command, logs):
        self._connection, self._logs = connection, logs
        with logs[0].open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(connection.port):
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(LOOK_AGAIN)

    def get(self, path):
        """Return the status of a path, which is sent as it is."""
        with closing(self._connection):
            self._connection.putrequest("GET", path, skip_host=True)
            self._connection.putheader("Host", HOST)
            self._connection.endheaders()
            return self._connection.getresponse().status

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(START_TIMEOUT)

    @property
    def log(self):
        return "".join(file.read_text() for file in self._logs if file.exists())


def make_nginx(shop, folder, upstream_port):
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST, "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    text = (shop / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(rf"/etc/letsencrypt/live/{re.escape(HOST)}/\w+\.pem", f"{folder}/both.pem", text)
    text = text.replace("/var/log/nginx", str(folder)).replace(":6543;", f":{upstream_port};")
    plain, port = free_port(), free_port()
    for default, free in (("80", plain), ("443", port)):
        text = re.sub(rf"listen {default}\b", f"listen 127.0.0.1:{free}", text)
        text = re.sub(rf" *listen \[::\]:{default}\b.*;\n", "", text)
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in temporary)
    main_part = f"daemon off;\npid {folder}/pid;\nerror_log {folder}/main.log;\nevents {{}}\n"
    text = f"{main_part}http {{\naccess_log off;\n{paths}{text}}}\n"
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    command = [find_proxies.find("nginx"), "-p", folder, "-c", folder / "nginx.conf"]
    logs = [folder / name for name in ("out", "main.log", "bookshop.log", "bookshop-error.log")]
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    return Proxy(connection, command, logs)


def make_caddy(shop, folder, upstream_port):
    text = (shop / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    port = free_port()
    # Plain http: the certificate would come from the network. The tests have no admin endpoint.
    text = text.replace(f"\n{HOST} {{", f"\nhttp://{HOST}:{port} {{\n\tlog\n\tbind 127.0.0.1\n")
    text = text.replace(":6543", f":{upstream_port}").replace("{\n", "{\n\tadmin off\n", 1)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    command = [find_proxies.find("caddy"), "run", "--adapter", "caddyfile", "--config"]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    return Proxy(connection, [*command, folder / "Caddyfile"], [folder / "out"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "shop"
    words = ["new", str(folder), "--no-input", f"url=https://{HOST}"]
    assert CliRunner().invoke(main, words).exit_code == 0
    return folder


@pytest.fixture(params=[make_nginx, make_caddy])
def proxy(request, shop, tmp_path, upstream):
    proxy = request.param(shop, tmp_path, upstream.server_port)
    yield proxy
    proxy.stop()


def test_other_spellings_of_a_path_and_metrics_do_not_reach_the_shop(proxy, upstream):
    statuses = {path: proxy.get(path) for path in ALIASES + METRICS}
    # A server that parses a request line strictly may refuse it itself.
    assert {path for path, status in statuses.items() if status not in {400, 404}} == set()
    assert upstream.paths == []


def test_every_other_path_reaches_the_shop_unchanged(proxy, upstream):
    assert {proxy.get(path) for path in FORWARDED} == {200}
    assert tuple(upstream.paths) == FORWARDED


def test_no_secret_and_no_order_is_logged(proxy, upstream):
    assert [proxy.get(path) for path in WITH_SECRETS] == [200, 200]
    assert len(upstream.paths) == len(WITH_SECRETS)
    upstream.shutdown()
    upstream.server_close()
    assert [proxy.get(path) for path in WITH_SECRETS] == [502, 502]
    proxy.stop()
    assert "/success" in proxy.log
    assert "/orders/..." in proxy.log
    assert "502" in proxy.log
    assert [secret for secret in SECRETS if secret in proxy.log] == []
