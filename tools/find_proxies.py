"""Find nginx and Caddy for tests, and install those that are missing.

It installs Debian's packages, as root on a machine with apt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = ("nginx", "caddy")
HELP = """\
Missing, and it could not be installed: {missing}. Install it (Debian: apt-get install {missing}):
tests neither start it as a service nor read its configuration."""
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def find(program: str) -> str | None:
    """Return the path of a program, which need not be on the PATH."""
    return shutil.which(program, path=PATH)


def install(programs: list[str]) -> None:
    """Install Debian's packages without starting them."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"==> Installing Debian's {' and '.join(programs)}, for tests", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *programs],
    ):
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False)


def main() -> None:
    """Print the paths of all programs, and install the missing ones; exit 1 if that fails."""
    if missing := [program for program in PROGRAMS if not find(program)]:
        install(missing)
    paths = {program: find(program) for program in PROGRAMS}
    if missing := [program for program, path in paths.items() if not path]:
        sys.exit(HELP.format(missing=" ".join(missing)))
    for program, path in paths.items():
        print(f"==> {program}: {path}")


if __name__ == "__main__":
    main()
