"""The headers of every page, before Mozilla's HTTP Observatory, behind TLS: A+."""

import json
import os
import re
import subprocess
from pathlib import Path

import find_node
import pytest
import trustme
import urllib3

from bookshop.settings import STRIPE_JS
from tests.demo_books import LAST_COPY, MOSS
from tests.nginx import Nginx

pytestmark = pytest.mark.detail

PACKAGES = Path(__file__).parents[1] / "pages"
NO_HASH = "sri-not-implemented-but-external-scripts-loaded-securely"
PAGES = {
    "/": 200,
    "/books/": 200,
    "/books/?q=moss": 200,
    f"/books/{MOSS}": 200,
    f"/checkout?item={MOSS}": 200,
    f"/checkout?item={LAST_COPY}": 409,
    "/orders/": 200,
    "/orders/AAAA-BBBB-CCCC": 404,
    "/success": 404,
    "/nowhere": 404,
    "/sitemap.xml": 200,
    "/robots.txt": 200,
    "/health/ready": 200,
}


@pytest.fixture
def front(tmp_path, make_shop, serve):
    """The shop behind nginx, which ends TLS with a certificate of ours."""
    authority = trustme.CA()
    nginx = Nginx(tmp_path, authority.issue_cert("localhost"))
    # The page names the real Stripe's sources; only the server asks the sandbox.
    shop = make_shop(
        bookshop__url=nginx.url, bookshop__environment="staging", stripe__js_url=STRIPE_JS
    )
    shop.change_book(LAST_COPY, stock=0)
    nginx.start([int(serve(shop.wsgi).rpartition(":")[2])])
    nginx.authority = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(nginx.authority)
    yield nginx
    nginx.close()


def visit(front, path, **headers):
    with urllib3.PoolManager(ca_certs=str(front.authority)) as pool:
        return pool.request("GET", front.url + path, headers=headers, redirect=False, timeout=20)


def grades(front, cookie, paths):
    find_node.packages(PACKAGES)
    program = [find_node.find(), PACKAGES / "observatory.mjs"]
    command = [*program, str(front.plain), str(front.port), cookie]
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(front.authority)}
    done = subprocess.run(
        [*command, *paths], env=environment, capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_page_is_graded_a_plus(front):
    page = visit(front, f"/checkout?item={MOSS}")
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    assert cookie.startswith("__Host-bookshop=")
    paid = re.search(r"/success\?pi=pi_\w+", page.data.decode())[0]

    found = grades(front, cookie, [*PAGES, paid])

    assert {each["path"]: each["status"] for each in found} == {**PAGES, paid: 200}
    assert {each["path"]: each["grade"] for each in found if each["grade"] != "A+"} == {}, found
    # Stripe changes its script as it likes: no hash of it can be named.
    lost = {each["path"]: each["faults"] for each in found if each["faults"]}
    assert lost == {f"/checkout?item={MOSS}": [NO_HASH]}


def test_a_page_without_its_headers_is_graded_worse(front, monkeypatch):
    monkeypatch.setattr("bookshop.web.headers.secure", lambda *_: None)
    (found,) = grades(front, "none=1", ["/orders/"])
    assert found["grade"] not in {"A+", "A", "B"}
    assert found["faults"]
