"""Find Chromium for the browser tests, and install it if it is missing.

`python tools/browser.py` prints its path: the program that the variable CHROMIUM names, else one
with a usual name on the PATH, else Playwright's own. It installs Debian's package, as root on a
machine with apt, otherwise Playwright's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

HELP = """\
No Chromium found, and none could be installed. Install one (Debian: apt-get install chromium), or
name yours: make test CHROMIUM=/path/to/chrome"""


def on_path() -> Path | None:
    """Return the Chromium that CHROMIUM names or that is on the PATH, or None.

    Exits if CHROMIUM is not a program.
    """
    if chosen := os.environ.get("CHROMIUM"):
        if path := shutil.which(chosen):
            return Path(path)
        sys.exit(f"CHROMIUM={chosen} is not a program.")
    for name in NAMES:
        if path := shutil.which(name):
            return Path(path)
    return None


def playwrights_own() -> Path | None:
    """Return Playwright's own Chromium, or None if it is not installed."""
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def find() -> Path | None:
    """Return the Chromium that the tests use, or None."""
    return on_path() or playwrights_own()


def install() -> bool:
    """Install a Chromium. Return True if the installation succeeded."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Installing Debian's chromium, for the browser tests", flush=True)
        if _run(["apt-get", "update", "-qq"]) and _run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        ):
            return True
        print("apt-get could not install chromium; trying Playwright's own", flush=True)
    print("==> Installing Playwright's Chromium, for the browser tests", flush=True)
    return _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: list[str]) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False).returncode == 0


def main() -> None:
    """Print the browser's path, and install it if it is missing; exit 1 if that fails."""
    path = find() or (find() if install() else None)
    if path is None:
        sys.exit(HELP)
    print(f"==> Browser: {path}")


if __name__ == "__main__":
    main()
