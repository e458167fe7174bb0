"""Scan a new shop on loopback with wapiti, with the sandbox for Stripe.

wapiti has its own environment, var/wapiti, because its dependencies are not the shop's. Once it is
installed, only loopback is contacted.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

WAPITI = "wapiti3==3.2.3"
HOME = Path("var/wapiti")
SHOP = "http://localhost:6553"
SANDBOX = "http://localhost:6554"
# All modules but those that contact other servers, download lists, or check other products.
MODULES = (
    "backup,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,"
    "redirect,sql,timesql,upload,xss"
)
# Links on these pages are followed once: the number of filter combinations is unlimited.
STARTS = ("/books/9786941041210", "/checkout?item=9786941041210", "/success?pi=pi_1", "/orders/")
#: Findings that do not apply in production, and why.
EXPECTED = {
    "Secure Flag cookie: GET /": "the scan uses plain http, where there can be none",
    "Cross Site Request Forgery: POST /checkout": "it is refused whatever its token once the"
    " scanner has lost its session: tests/functional/test_forgery.py asks every form",
}
TIMEOUT = 60  # seconds until the shop serves
LONGEST = 300  # seconds for the whole scan
HELP = "wapiti could not be installed: is the machine online, and is pip set up for its index?"


def install() -> Path:
    """Return the path of wapiti; install it once."""
    wapiti = HOME / "bin/wapiti"
    if not wapiti.exists():
        sys.stdout.write(f"==> Installing {WAPITI} into {HOME}\n")
        venv.create(HOME, with_pip=True, clear=True)
        pip = [str(HOME / "bin/python"), "-m", "pip", "install", "-qq", WAPITI]
        if subprocess.run(pip, check=False).returncode:
            sys.exit(HELP)
    return wapiti


@contextlib.contextmanager
def served(folder: Path) -> Iterator[None]:
    """Serve a shop with development.ini at SHOP, with its own database in `folder`."""
    ini = ConfigParser(interpolation=None)
    ini.read_dict(
        {
            "app:main": {
                "use": f"config:{Path('development.ini').resolve()}",
                "bookshop.url": SHOP,
                "bookshop.var": str(folder),
                "sqlalchemy.url": f"sqlite:///{folder / 'shop.sqlite'}",
                "sandbox.listen": SANDBOX.removeprefix("http://"),
                "stripe.api_base": SANDBOX,
                "stripe.js_url": f"{SANDBOX}/endive/stripe.js",
                **dict.fromkeys(
                    (f"limits.{name}" for name in ("checkouts", "order_links", "searches")),
                    "999999/hour",
                ),
            },
            "server:main": {"use": "egg:bookshop", "listen": SHOP.removeprefix("http://")},
        }
    )
    with (folder / "scan.ini").open("w", encoding="utf-8") as written:
        ini.write(written)
    command = [Path(sys.executable).parent / "pserve", folder / "scan.ini"]
    with (folder / "shop.log").open("w") as log, subprocess.Popen(command, stderr=log) as shop:
        try:
            _wait(shop)
            yield
        finally:
            shop.terminate()


def _wait(shop: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while shop.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{SHOP}/health/live", timeout=5).close()  # noqa: S310  # nosec B310
            return
        time.sleep(0.2)
    sys.exit("The shop did not start.")


def findings(report: Path) -> list[str]:
    """Return wapiti's findings: vulnerabilities and server errors."""
    groups = json.loads(report.read_text(encoding="utf-8"))
    return [
        f"{kind}: {each['method']} {each['path']}: {each['info']}"
        for group in ("vulnerabilities", "anomalies")
        for kind, found in groups[group].items()
        for each in found
    ]


def main() -> None:
    """Scan, and exit 1 if there are findings."""
    wapiti = install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = folder / "report.json"
        starts = [word for path in STARTS for word in ("--start", f"{SHOP}{path}")]
        command = [
            *(
                str(wapiti),
                "--url",
                f"{SHOP}/",
                "--depth",
                "1",
                *starts,
                "--scope",
                "folder",
                "--format",
                "json",
            ),
            *("--output", str(report), "--module", MODULES, "--max-scan-time", str(LONGEST)),
            *("--store-session", name, "--store-config", name, "--flush-session"),
            *("--no-bugreport", "--verbose", "1", "--tasks", "8"),
        ]
        with served(folder):
            started = time.monotonic()
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            seconds = time.monotonic() - started
        found = findings(report)
    new = [finding for finding in found if not finding.startswith(tuple(EXPECTED))]
    for finding in sorted({*found} - {*new}):
        print(f"Expected: {finding}")
    if new:
        sys.exit("\n".join([*new, f"wapiti found {len(new)} in {seconds:.0f} s."]))
    print(f"wapiti found nothing else in {seconds:.0f} s.")


if __name__ == "__main__":
    main()
