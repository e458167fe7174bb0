"""Find nginx for the tests of several servers, and install it if it is missing.

It installs Debian's package, as root on a machine with apt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

HELP = """\
No nginx found, and none could be installed. Install one (Debian: apt-get install nginx): it
is not started as a service, nor is its configuration read."""
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def find() -> str | None:
    """Return the path of nginx, which need not be on the PATH."""
    return shutil.which("nginx", path=PATH)


def install() -> None:
    """Install Debian's nginx without starting it."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("==> Installing Debian's nginx, for the tests under load", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx"],
    ):
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Print its path, and install it if it is missing; say what to do if that fails."""
    if not find():
        install()
    found = find()
    if not found:
        sys.exit(HELP)
    print(f"==> nginx: {found}")


if __name__ == "__main__":
    main()
