"""Packages of npm's that tests use, as the lock file beside their package.json has them."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest


def install(folder: Path) -> Path:
    """The installed packages of `folder`; installed once, by one process at a time."""
    with (folder / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    """Bring node_modules to what package-lock.json says, unless it is there already."""
    installed = _versions(folder / "node_modules/.package-lock.json", optional=True)
    locked = folder / "package-lock.json"
    if _versions(locked, optional=False) <= installed <= _versions(locked, optional=True):
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail(f"npm was not found: install Node.js 20 or newer for the packages of {folder}")
    command = [npm, "ci", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            f"npm could not install the packages; in {folder} run: npm ci --ignore-scripts\n"
            f"{done.stdout}{done.stderr}"
        )


def _versions(lock_file: Path, *, optional: bool) -> set[tuple[str, str]]:
    packages = json.loads(lock_file.read_text())["packages"] if lock_file.is_file() else {}
    return {
        (path, package["version"])
        for path, package in packages.items()
        if path and (optional or not package.get("optional"))
    }
