"""Starting the shop and its commands as people do: from INI files, as programs of their own."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.demo_books import MOSS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
INHERITING = f"""
[app:main]
use = config:{ROOT}/development.ini
bookshop.name = The Borrowed Books
"""


@pytest.fixture
def folder(tmp_path):
    """A shop's folder, with a blank in its path."""
    path = tmp_path / "my shop"
    path.mkdir()
    return path


@pytest.fixture
def write(folder):
    """Writes an INI that inherits from development.ini and says some things differently."""

    def write(more="", ports=None):
        shop_port, sandbox_port = ports or (free_port(), free_port())
        text = (
            INHERITING
            + f"""
bookshop.url = http://localhost:{shop_port}
bookshop.var = {folder}/var
sqlalchemy.url = sqlite:///{folder}/var/shop.sqlite
sandbox.listen = localhost:{sandbox_port}
{more}
[server:main]
use = config:{ROOT}/development.ini
listen = localhost:{shop_port}
"""
        )
        (folder / "shop.ini").write_text(text)
        return f"http://localhost:{shop_port}", f"http://localhost:{sandbox_port}"

    return write


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("STRIPE_", "BOOKSHOP_"))}
    return {**kept, **more}


def run(program, *arguments, cwd, **variables):
    return subprocess.run(
        [BIN / program, *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def pserve(folder):
    """Starts pserve on shop.ini and waits until it answers."""
    running = []

    def start(url, *options):
        log = (folder / "pserve.log").open("w")
        server = subprocess.Popen(
            [BIN / "pserve", "shop.ini", *options],
            cwd=folder,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        running.append((server, log))
        deadline = time.monotonic() + 60
        while True:
            try:
                return urllib.request.urlopen(url, timeout=60).read().decode()
            except OSError:
                said = (folder / "pserve.log").read_text()
                assert server.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.05)

    yield start
    for server, log in running:
        server.terminate()
        server.wait(60)
        log.close()


@pytest.mark.detail
def test_an_ini_that_inherits_serves_a_shop_with_its_sandbox(write, pserve, folder):
    shop_url, sandbox_url = write()

    assert "The Borrowed Books" in pserve(shop_url)

    assert urllib.request.urlopen(sandbox_url, timeout=60).status == 200
    sku = re.search(r"checkout\?item=(\w+)", pserve_page(shop_url))[1]
    page = pserve_page(f"{shop_url}/checkout?item={sku}")
    assert f"{sandbox_url}/endive/stripe.js" in page
    found = run("bookshop", "--config", "shop.ini", "orders", "list", "--json", cwd=folder)
    (order,) = json.loads(found.stdout)["orders"]
    assert order["status"] == "awaiting_payment"
    assert order["payment_intent"].startswith("pi_")
    assert order["lines"][0]["sku"] == sku
    shown = run(
        "bookshop", "--config", "shop.ini", "orders", "show", order["number"], "--json", cwd=folder
    )
    found = json.loads(shown.stdout)
    assert {key: found[key] for key in order} == order


def pserve_page(url):
    return urllib.request.urlopen(url, timeout=60).read().decode()


@pytest.mark.detail
def test_the_sandbox_survives_a_restart(write, pserve, folder):
    shop_url, sandbox_url = write()
    pserve(shop_url)
    page = pserve_page(f"{shop_url}/checkout?item={MOSS}")
    intent = re.search(r"success\?pi=(pi_\w+)", page)[1]
    # A second server of the same shop uses the sandbox that is there.
    write(ports=(free_port(), int(sandbox_url.rpartition(":")[2])))
    second_url = re.search(r"bookshop.url = (\S+)", (folder / "shop.ini").read_text())[1]

    pserve(second_url)

    request = urllib.request.Request(f"{sandbox_url}/v1/payment_intents/{intent}")
    request.add_header("Authorization", "Bearer sk_test_sandbox")
    assert json.load(urllib.request.urlopen(request, timeout=60))["id"] == intent


@pytest.mark.parametrize(
    "program", [("pserve", "shop.ini"), ("bookshop", "--config", "shop.ini", "orders", "list")]
)
def test_all_wrong_settings_are_reported_without_a_traceback(write, folder, program):
    write("""
bookshop.currency = XYZ
bookshop.secret = short
bookshop.nmae = The Misspelt Books
stripe.publishable_key = pk_live_other
stripe.timeout = soon
""")

    ended = run(program[0], *program[1:], cwd=folder)

    assert ended.returncode == 2
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said
    for part in (
        "XYZ",
        "bookshop.secret: has 5 bytes",
        "did you mean bookshop.name?",
        "stripe.publishable_key",
        "stripe.timeout",
    ):
        assert part in said
    assert "write: bookshop.currency = GBP" in said


def test_missing_keys_are_reported_with_the_other_problems(write, folder):
    write("stripe.secret_key =\nbookshop.currency = XYZ\n")

    ended = run("pserve", "shop.ini", cwd=folder)

    assert ended.returncode == 2
    assert "stripe.secret_key: " in ended.stderr
    assert "XYZ" in ended.stderr


PRODUCTION = {
    "BOOKSHOP_NAME": "The Bookshop",
    "BOOKSHOP_URL": "https://books.internal",
    "BOOKSHOP_TIMEZONE": "Europe/London",
    "BOOKSHOP_EMAIL": "hello@books.internal",
    "BOOKSHOP_SECRET": "b3c1f0a94d7e4c5f8a6b2d1e0f9c8b7a",
    "STRIPE_SECRET_KEY": "sk_live_abc",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_abc",
    "STRIPE_WEBHOOK_SECRET": "whsec_abc",
}


@pytest.fixture
def production(folder):
    return {
        **PRODUCTION,
        "BOOKSHOP_VAR": str(folder / "var"),
        "DATABASE_URL": f"sqlite:///{folder}/shop.sqlite",
    }


def bookshop(production, *arguments, ini=ROOT / "production.ini"):
    return run("bookshop", "--config", str(ini), *arguments, cwd=ROOT, **production)


def test_production_starts_once_its_database_is_migrated(production):
    refused = run("pserve", str(ROOT / "production.ini"), cwd=ROOT, **production)
    assert refused.returncode == 2
    ini = shlex.quote(str(ROOT / "production.ini"))
    assert f"bookshop --config {ini} migrate" in refused.stderr
    finding = bookshop(production, "check", "--offline", "--json")
    assert finding.returncode == 1
    assert json.loads(finding.stdout)["findings"][0]["fix"] == "bookshop migrate"

    assert bookshop(production, "migrate").returncode == 0
    assert "already" in bookshop(production, "migrate").stdout

    good = bookshop(production, "check", "--offline", "--json")
    assert (good.returncode, json.loads(good.stdout)) == (0, {"findings": []})


@pytest.mark.detail
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"STRIPE_PUBLISHABLE_KEY": "pk_test_abc"}, "stripe.publishable_key"),
        (
            {"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_PUBLISHABLE_KEY": "pk_test_abc"},
            "stripe.secret_key",
        ),
        ({"BOOKSHOP_SECRET": "tooshort"}, "bookshop.secret"),
        ({"BOOKSHOP_URL": "http://bookshop.example"}, "bookshop.url"),
    ],
)
def test_production_refuses_what_is_for_development(production, changes, said):
    ended = bookshop({**production, **changes}, "check", "--json")

    assert ended.returncode == 2
    assert said in {finding["key"] for finding in json.loads(ended.stdout)["findings"]}


@pytest.mark.detail
@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("pyramid.includes = bookshop.sandbox", "pyramid.includes"),
        ("stripe.api_base = http://localhost:6544", "stripe.api_base"),
    ],
)
def test_production_never_talks_to_the_sandbox(production, folder, line, key):
    ini = folder / "production.ini"
    ini.write_text(f"[app:main]\nuse = config:{ROOT}/production.ini\n{line}\n")

    ended = bookshop(production, "check", "--json", ini=ini)

    assert ended.returncode == 2
    assert key in {finding["key"] for finding in json.loads(ended.stdout)["findings"]}


@pytest.mark.detail
def test_a_missing_ini_is_reported(folder):
    ended = run("bookshop", "--config", "nowhere.ini", "check", cwd=folder)

    assert ended.returncode == 2
    assert "nowhere.ini" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.detail
def test_a_port_that_another_program_has(write, folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        write(ports=(free_port(), taken.getsockname()[1]))

        ended = run("pserve", "shop.ini", cwd=folder)

    assert ended.returncode == 2
    assert "sandbox.listen" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.detail
def test_an_unknown_order_is_reported(write, folder):
    write()
    run("bookshop", "--config", "shop.ini", "migrate", cwd=folder)

    ended = run("bookshop", "--config", "shop.ini", "orders", "show", "K7QM-2X9T-4BCD", cwd=folder)

    assert ended.returncode == 1
    assert "K7QM-2X9T-4BCD" in ended.stderr
