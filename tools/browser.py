"""The Chromium that the browser tests drive: finds it, and installs it where there is none.

`python tools/browser.py` prints where it is. Looked for: the program that the variable CHROMIUM
names, the usual names on the PATH, then Playwright's own. Installed: Debian's package where this
is root's machine and has apt, else Playwright's own.
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
    """Return the Chromium that CHROMIUM names or the PATH has, or None.

    A CHROMIUM that is no program is a SystemExit.
    """
    if chosen := os.environ.get("CHROMIUM"):
        if found := shutil.which(chosen):
            return Path(found)
        sys.exit(f"CHROMIUM={chosen} is no program that can be run.")
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    return None


def playwrights_own() -> Path | None:
    """Return Playwright's own Chromium, if it was installed. Its driver knows where that is."""
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def find() -> Path | None:
    """Return the Chromium that the tests would drive, or None."""
    return on_path() or playwrights_own()


def install() -> bool:
    """Install a Chromium, saying so; return whether a command for it succeeded."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("==> Installing Debian's chromium, for the browser tests", flush=True)
        if _run(["apt-get", "update", "-qq"]) and _run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        ):
            return True
        print("apt-get found no chromium; trying Playwright's own", flush=True)
    print("==> Installing Playwright's Chromium, for the browser tests", flush=True)
    return _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: list[str]) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False).returncode == 0


def main() -> None:
    """Print the browser's path, installed if need be; say what to do where that fails."""
    path = find() or (find() if install() else None)
    if path is None:
        sys.exit(HELP)
    print(f"==> Browser: {path}")


if __name__ == "__main__":
    main()
