"""Find nginx for the tests of several servers, and install it if it is missing.

It installs Debian's package, as root on a machine with apt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

HELP = """\
No nginx found, and it could not be installed. Install it (Debian: apt-get install nginx): tests
neither start it as a service nor read its configuration."""
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
    """Print its path, and install it if it is missing; exit 1 if that fails."""
    if not find():
        install()
    path = find()
    if not path:
        sys.exit(HELP)
    print(f"==> nginx: {path}")


if __name__ == "__main__":
    main()
